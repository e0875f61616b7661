//! The schema of a version of a CustomResourceDefinition as a whole, and its rules in CEL: compiled,
//! and what they may cost (`ValidateCustomResourceDefinitionOpenAPISchema`).

use super::expressions::describe;
use super::structural::{Level, Walk, flag, given, kind, listed, named};
use crate::manifest::Node;
use crate::validate::cel::{Env, Wanted, most_often};
use crate::validate::fault::Faults;
use crate::validate::view::Finding;

/// What one rule may cost, and all rules of a schema together.
const RULE_MAX: u64 = 10_000_000;
const SCHEMA_MAX: u64 = 100_000_000;

/// Checks the schema of a version. `has_status`: whether the version has that subresource.
pub(super) fn check(faults: &mut Faults<'_>, root: &Node, path: String, has_status: bool) {
    let mut walk = Walk {
        faults,
        path,
        count: 0,
    };
    if has_status {
        root_fields(&mut walk, root);
    }
    if flag(root, "nullable") {
        let words = "Forbidden: nullable cannot be true at the root".to_owned();
        walk.found(root, "nullable", words, "leave it out");
    }
    let before = walk.count;
    walk.schema(root, Level::Root);
    walk.complete(root);
    if walk.count == before {
        // The root is an object with names of its own, as embedded ones are.
        let mut embedded = root.clone();
        if let Some(map) = embedded
            .as_map_mut()
            .filter(|map| map.get("default").is_some())
        {
            let flag = Node::bool(true, root.span);
            map.set("x-kubernetes-embedded-resource", flag);
        }
        walk.defaults(&embedded);
    }
    let mut place = Place {
        rules: walk.count == before,
        is_root: true,
        often: Some(1),
        ..Place::default()
    };
    let mut total = 0;
    schema(&mut walk, root, &mut place, &mut total);
    if total > SCHEMA_MAX {
        let words = format!(
            "Forbidden: {}",
            over_budget(
                "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
                total,
                SCHEMA_MAX
            )
        );
        walk.found(root, "", words, "bound lists, maps and texts");
    }
}

/// With a status of its own, the root says only what `properties.status` does not lose.
fn root_fields(walk: &mut Walk<'_, '_>, root: &Node) {
    const ALLOWED: &[&str] = &[
        "description",
        "type",
        "format",
        "title",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "multipleOf",
        "required",
        "items",
        "properties",
        "externalDocs",
        "example",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ];
    if !matches!(kind(root), "" | "object") {
        let words = "Invalid value: only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled".to_owned();
        return walk.found(root, "type", words, "write `type: object`");
    }
    let stray = root.as_map().into_iter().flatten().find(|entry| {
        let value = &entry.value;
        let is_zero = value.is_null()
            || value.as_str() == Some("")
            || value.as_bool() == Some(false) && entry.key != "additionalProperties"
            || value.as_seq().is_some_and(<[Node]>::is_empty);
        !ALLOWED.contains(&entry.key.as_str()) && !is_zero
    });
    if let Some(entry) = stray {
        let words = format!(
            "Invalid value: only {ALLOWED:?} fields are allowed at the root of the schema if the status subresource is enabled"
        );
        let remark = format!("`{}` would be lost for the status", entry.key);
        walk.found(root, "", words, &remark);
    }
}

/// What is known of the place of a schema.
#[derive(Clone, Default)]
struct Place {
    /// Whether rules are compiled here.
    rules: bool,
    is_root: bool,
    in_metadata: bool,
    /// Why no default may stand here.
    no_defaults: Option<&'static str>,
    /// The nearest list whose items have no identity.
    uncorrelated: Option<String>,
    /// How many values there can be at most; `None` where nothing bounds it.
    often: Option<u64>,
}

impl Place {
    /// The place of a schema below one of the type that bounds its number.
    fn below(&self, schema: &Node) -> Self {
        let factor = match kind(schema) {
            "object" if given(schema, "additionalProperties").is_some() => {
                limit(schema, "maxProperties")
            }
            "array" => limit(schema, "maxItems"),
            _ => Some(1),
        };
        Self {
            is_root: false,
            often: self
                .often
                .zip(factor)
                .map(|(often, factor)| often.saturating_mul(factor)),
            ..self.clone()
        }
    }

    /// The place of a restriction.
    fn restricted(&self) -> Self {
        Self {
            rules: false,
            is_root: false,
            ..self.clone()
        }
    }
}

fn limit(schema: &Node, key: &str) -> Option<u64> {
    let given = given(schema, key).and_then(Node::as_i64)?;
    Some(u64::try_from(given).unwrap_or(0))
}

fn schema(walk: &mut Walk<'_, '_>, node: &Node, place: &mut Place, total: &mut u64) {
    if node.as_map().is_none() {
        return;
    }
    let before = walk.count;
    walk.supported(node, place.no_defaults, place.in_metadata);
    if let Some(additional) = given(node, "additionalProperties") {
        let mut below = place.below(node);
        if place.in_metadata {
            below.no_defaults = Some("inside additionalProperties applying to object metadata");
        }
        walk.below(".additionalProperties", |walk| {
            schema(walk, additional, &mut below, total);
        });
    }
    for (name, inner) in named(node, "properties") {
        let mut below = place.below(node);
        let is_meta = matches!(name, "metadata" | "kind" | "apiVersion");
        if is_meta && (place.is_root || flag(node, "x-kubernetes-embedded-resource")) {
            below.in_metadata = true;
            if place.is_root {
                below.no_defaults = Some(match name {
                    "metadata" => "in top-level metadata",
                    "kind" => "in top-level kind",
                    _ => "in top-level apiVersion",
                });
            }
        }
        walk.below(&format!(".properties[{name}]"), |walk| {
            schema(walk, inner, &mut below, total);
        });
    }
    let mut restricted = place.restricted();
    if let Some(not) = given(node, "not") {
        walk.below(".not", |walk| schema(walk, not, &mut restricted, total));
    }
    for list in ["allOf", "oneOf", "anyOf"] {
        for (index, inner) in listed(node, list).iter().enumerate() {
            walk.below(&format!(".{list}[{index}]"), |walk| {
                schema(walk, inner, &mut restricted, total);
            });
        }
    }
    for (name, inner) in named(node, "definitions") {
        walk.below(&format!(".definitions[{name}]"), |walk| {
            schema(walk, inner, &mut restricted, total);
        });
    }
    if let Some(items) = given(node, "items") {
        let mut below = place.below(node);
        if given(node, "x-kubernetes-list-type").and_then(Node::as_str) != Some("map") {
            below.uncorrelated = Some(walk.path.clone());
        }
        walk.below(".items", |walk| schema(walk, items, &mut below, total));
    }
    rules(walk, node, place, before, total);
}

/// The rules at one place: their texts, and where nothing else is wrong, whether they compile.
fn rules(walk: &mut Walk<'_, '_>, node: &Node, place: &Place, before: usize, total: &mut u64) {
    let items = listed(node, "x-kubernetes-validations");
    for (index, rule) in items.iter().enumerate() {
        walk.below(&format!(".x-kubernetes-validations[{index}]"), |walk| {
            texts(walk, rule, node);
        });
    }
    if walk.count > before || !place.rules || items.is_empty() {
        return;
    }
    let step = |index: usize| format!(".x-kubernetes-validations[{index}]");
    for (index, rule) in items.iter().enumerate() {
        let optional = given(rule, "optionalOldSelf").and_then(Node::as_bool);
        let is_root = place.is_root || flag(node, "x-kubernetes-embedded-resource");
        let Some(env) = Env::rule(node, is_root, optional == Some(true)) else {
            let words = "Internal error: failed to construct type information for x-kubernetes-validations rules".to_owned();
            return walk.found(node, "x-kubernetes-validations", words, "rules need a type");
        };
        walk.below(&step(index), |walk| {
            compiled(walk, rule, node, &env, place, total);
        });
    }
}

/// What the texts of a rule are like.
fn texts(walk: &mut Walk<'_, '_>, rule: &Node, schema: &Node) {
    let text = |name: &str| rule.get(name).and_then(Node::as_str).unwrap_or_default();
    let (own, message) = (text("rule").trim(), text("message"));
    let has_break = |text: &str| text.contains(['\n', '\r']);
    if own.is_empty() {
        // A missing one is told with the fields that must be there.
        if !text("rule").is_empty() {
            walk.found(
                rule,
                "rule",
                "Required value: rule is not specified".to_owned(),
                "what must hold?",
            );
        }
    } else if !message.is_empty() && message.trim().is_empty() {
        let words = format!("Invalid value: {message:?}: must be non-empty if specified");
        walk.found(rule, "message", words, "leave it out");
    } else if has_break(message.trim()) {
        let words = "Invalid value: must not contain line breaks".to_owned();
        walk.found(rule, "message", words, "one line");
    } else if has_break(own) && message.trim().is_empty() {
        let words = "Required value: message must be specified if rule contains line breaks";
        walk.found(rule, "message", words.to_owned(), "say it in one line");
    }
    let expression = text("messageExpression");
    if !expression.is_empty() && expression.trim().is_empty() {
        let words = "Required value: messageExpression must be non-empty if specified";
        walk.found(rule, "messageExpression", words.to_owned(), "leave it out");
    }
    let path = text("fieldPath");
    if !path.is_empty() && path.trim().is_empty() {
        let words = format!("Invalid value: {path:?}: must be non-empty if specified");
        walk.found(rule, "fieldPath", words, "leave it out");
    } else if !path.is_empty() && (has_break(path) || follow(schema, path, true).is_none()) {
        let words = format!("Invalid value: {path:?}: must be a valid path");
        walk.found(
            rule,
            "fieldPath",
            words,
            "a field of this schema, such as `.spec.a`",
        );
    }
}

/// Compiles a rule and its message.
fn compiled(
    walk: &mut Walk<'_, '_>,
    rule: &Node,
    schema: &Node,
    env: &Env,
    place: &Place,
    total: &mut u64,
) {
    let text = |name: &str| rule.get(name).and_then(Node::as_str).unwrap_or_default();
    let own = text("rule");
    let checked = match env.compile(own, Wanted::Bool) {
        Ok(checked) => checked,
        Err(faults) => {
            if let Some(fault) = faults.first() {
                wrong(walk, rule, "rule", own, fault.at, &fault.message);
            }
            return;
        }
    };
    let times = place.often.unwrap_or_else(|| most_often(schema));
    spend(
        walk,
        rule,
        "rule",
        "estimated rule cost",
        checked.cost.saturating_mul(times),
        total,
    );
    let message = text("messageExpression");
    if !message.trim().is_empty() {
        match env.compile(message, Wanted::Text) {
            Ok(checked) => {
                let what = "estimated messageExpression cost";
                spend(walk, rule, "messageExpression", what, checked.cost, total);
            }
            Err(faults) => {
                if let Some(fault) = faults.first() {
                    wrong(
                        walk,
                        rule,
                        "messageExpression",
                        message,
                        fault.at,
                        &fault.message,
                    );
                }
            }
        }
    }
    if checked.uses_old {
        if let Some(above) = &place.uncorrelated {
            let words = format!(
                "Invalid value: {own:?}: oldSelf cannot be used on the uncorrelatable portion of the schema within {above}"
            );
            walk.found(
                rule,
                "rule",
                words,
                "items there have no identity: `x-kubernetes-list-type: map` gives them one",
            );
        }
    } else if given(rule, "optionalOldSelf").is_some() {
        let words = "Invalid value: may not be set if oldSelf is not used in rule".to_owned();
        walk.found(rule, "optionalOldSelf", words, "leave it out");
    }
}

fn wrong(walk: &mut Walk<'_, '_>, rule: &Node, step: &str, text: &str, at: usize, message: &str) {
    let finding: Finding<'_> = describe(text, at, message).as_finding();
    let span = rule.get(step).map_or(rule.span, |node| node.span);
    walk.count += 1;
    walk.faults
        .found(format!("{}.{step}", walk.path), span, finding);
}

fn spend(walk: &mut Walk<'_, '_>, rule: &Node, step: &str, what: &str, cost: u64, total: &mut u64) {
    *total = total.saturating_add(cost);
    if cost > RULE_MAX {
        let words = format!("Forbidden: {}", over_budget(what, cost, RULE_MAX));
        let remark = "bound lists, maps and texts (`maxItems`, `maxProperties`, `maxLength`)";
        let span = rule.get(step).map_or(rule.span, |node| node.span);
        let finding = Finding {
            rule: "cel-cost",
            message: "this may cost too much to evaluate".to_owned(),
            remark,
            words,
        };
        walk.count += 1;
        walk.faults
            .found(format!("{}.{step}", walk.path), span, finding);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a factor for people")]
fn over_budget(what: &str, cost: u64, most: u64) -> String {
    let factor = cost as f64 / most as f64;
    let factor = match factor {
        factor if factor > 100.0 => "more than 100x".to_owned(),
        factor => format!("{factor:.1}x"),
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

/// `ValidFieldPath`: follows a path such as `.spec.a['b.c']` into a schema.
pub(super) fn follow<'n>(schema: &'n Node, path: &str, brackets: bool) -> Option<&'n Node> {
    let mut node = schema;
    let mut rest = path;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[', ']']).unwrap_or(after.len());
            name = after[..end].to_owned();
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix("['").filter(|_| brackets) {
            let (inside, after) = after.split_once("']")?;
            name = inside.replace("\\'", "'");
            rest = after;
        } else {
            return None;
        }
        if name.is_empty() {
            return None;
        }
        let mut properties = named(node, "properties").peekable();
        node = if properties.peek().is_some() {
            properties.find(|(own, _)| *own == name)?.1
        } else {
            given(node, "additionalProperties").filter(|node| node.as_map().is_some())?
        };
    }
    Some(node)
}
