//! A kind's fields as rows of a table.

use crate::manifest::json::to_go_json;

use super::{Schema, Type};

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Dotted path; `<name>` stands for a key of the user's choice.
    pub field: String,
    /// What it takes.
    pub kind: String,
    /// Default, or `required`.
    pub default: String,
    /// What it becomes.
    pub becomes: String,
    /// One sentence.
    pub description: String,
    /// Rules that name it, and refusals.
    pub rules: Vec<String>,
}

/// The rows of a schema, parents before children, in the order declared.
pub fn rows(schema: &Schema) -> Vec<Row> {
    let mut rows = Vec::new();
    below(schema, "", &mut rows);
    rows
}

fn below(schema: &Schema, prefix: &str, rows: &mut Vec<Row>) {
    for (name, property) in &schema.properties {
        let required = schema.required.contains(name);
        let rules = schema
            .rules
            .iter()
            .filter(|rule| rule.at.iter().any(|at| at == name))
            .map(|rule| rule.message.to_string());
        let field = format!("{prefix}{name}");
        rows.push(row(&field, property, required, rules.collect()));
        into(property, &field, rows);
    }
}

fn into(schema: &Schema, field: &str, rows: &mut Vec<Row>) {
    below(schema, &format!("{field}."), rows);
    let Some(each) = &schema.additional else {
        return;
    };
    let each = each.forms.as_ref().map_or(each, |forms| &forms.map);
    below(each, &format!("{field}.<name>."), rows);
}

fn row(field: &str, schema: &Schema, required: bool, mut rules: Vec<String>) -> Row {
    if let Some(refusal) = &schema.refused {
        let (super::Refusal::NotBuilt(why) | super::Refusal::Never(why)) = refusal;
        rules.push(why.to_string());
    }
    let group = |names: &[smol_str::SmolStr]| names.join(", ");
    if !schema.one_of.is_empty() {
        rules.push(format!("exactly one of {}", group(&schema.one_of)));
    }
    if !schema.at_most_one.is_empty() {
        rules.push(format!("at most one of {}", group(&schema.at_most_one)));
    }
    let default = match (&schema.default, &schema.computed) {
        _ if required => "required".to_owned(),
        // What depends on much is told by the description.
        (_, Some(computed)) if computed.text.len() > 48 => "computed".to_owned(),
        (_, Some(computed)) => computed.text.to_string(),
        (Some(default), None) => to_go_json(default),
        (None, None) => String::new(),
    };
    Row {
        field: field.to_owned(),
        kind: kind(schema),
        default,
        becomes: schema.targets.join(", "),
        description: schema.description.as_deref().unwrap_or_default().to_owned(),
        rules,
    }
}

fn kind(schema: &Schema) -> String {
    if schema.refused.is_some() {
        return "-".into();
    }
    if let Some(forms) = &schema.forms {
        return format!("{} or mapping", kind(&forms.scalar));
    }
    if !schema.choices.is_empty() {
        let texts = schema.choices.iter().filter_map(|c| c.scalar_text());
        return texts.collect::<Vec<_>>().join(" | ");
    }
    match (schema.format, schema.kind) {
        (Some(format), _) => format.as_str().into(),
        (None, Some(Type::Object)) => match &schema.additional {
            Some(each) => format!("map of {}", kind(each)),
            None => "mapping".into(),
        },
        (None, Some(Type::Array)) => match &schema.items {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".into(),
        },
        (None, Some(kind)) => kind.as_str().into(),
        (None, None) => "anything".into(),
    }
}
