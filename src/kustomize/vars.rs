//! `vars:`: `$(NAME)` in certain fields stands for a field of some object.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::decode::{Fields, Text};
use super::fieldspec::{FieldError, FieldSpecs, Make};
use super::resmap::ResMap;
use super::resource::Resource;
use super::value_path::ValuePath;
use crate::manifest::object::split_api_version;
use crate::manifest::{Diagnostic, Gvk, Node, Number, Scalar, ScalarKind, Span, Value, suggest};

/// An entry of `vars`.
#[derive(Clone, Debug)]
pub(crate) struct Var {
    pub(crate) name: Text,
    target: Gvk,
    target_name: SmolStr,
    namespace: SmolStr,
    path: Text,
}

/// Reads `vars`.
pub(crate) fn read_all(fields: &mut Fields<'_, '_>) -> Vec<Var> {
    let mut vars = Vec::new();
    for item in fields.items("vars") {
        vars.extend(read(item, fields.faults()));
    }
    vars
}

fn read(item: &Node, faults: &mut Vec<Diagnostic>) -> Option<Var> {
    const OBJECT: &[&str] = &[
        "apiVersion",
        "group",
        "version",
        "kind",
        "name",
        "namespace",
    ];
    let mut fields = Fields::new(item, "a variable", &["name", "objref", "fieldref"], faults);
    let name = fields.filled("name");
    if name.is_none() {
        let fault = Diagnostic::error("var-name", "a variable needs a `name`");
        fields.faults().push(fault.at(item.span, ""));
    }
    let path = fields.node("fieldref").and_then(|node| {
        let mut fields = Fields::new(node, "`fieldref`", &["fieldPath"], fields.faults());
        fields.filled("fieldPath")
    });
    let object = fields.node("objref").unwrap_or(item);
    let (mut target, mut target_name, mut namespace) =
        (Gvk::new("", ""), SmolStr::default(), SmolStr::default());
    if fields.node("objref").is_some() {
        let mut fields = Fields::new(object, "`objref`", OBJECT, fields.faults());
        target = Gvk {
            group: fields.plain("group"),
            version: fields.plain("version"),
            kind: fields.plain("kind"),
        };
        let version = fields.plain("apiVersion");
        if !version.is_empty() {
            let (group, version) = split_api_version(&version);
            if !group.is_empty() {
                target.group = group.into();
            }
            target.version = version.into();
        }
        target_name = fields.plain("name");
        namespace = fields.plain("namespace");
    }
    Some(Var {
        name: name?,
        target,
        target_name,
        namespace,
        path: path.unwrap_or_else(|| Text {
            value: "metadata.name".into(),
            span: object.span,
        }),
    })
}

/// Marks the resources that variables read from, by the names that they have at this point.
///
/// # Errors
/// A variable that means more than one resource, or whose name is taken.
pub(crate) fn declare(
    map: &mut ResMap,
    known: &mut Vec<Var>,
    vars: &[Var],
) -> Result<(), Vec<Diagnostic>> {
    let mut faults = Vec::new();
    for var in vars {
        let candidates = map.named(&var.target_name).to_vec();
        let mut matched = candidates
            .into_iter()
            .filter(|&at| is_meant(var, map.get(at)));
        match (matched.next(), matched.next()) {
            (Some(first), Some(second)) => {
                let message = format!(
                    "the variable `{}` could read from two objects",
                    var.name.value
                );
                let fault = Diagnostic::error("var-ambiguous", message).at(var.name.span, "");
                faults.push(
                    fault
                        .also(map.get(first).node.span, "one")
                        .also(map.get(second).node.span, "the other")
                        .hint("name the namespace in `objref`"),
                );
            }
            (Some(at), None) => map.get_mut(at).vars.push(var.name.value.clone()),
            _ => {}
        }
    }
    if faults.is_empty() {
        faults.extend(merge(known, vars).err());
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Adds variables, each with a name of its own.
pub(crate) fn merge(known: &mut Vec<Var>, vars: &[Var]) -> Result<(), Diagnostic> {
    if vars.is_empty() {
        return Ok(());
    }
    let names = known.iter().enumerate();
    let mut places: HashMap<SmolStr, usize> = names
        .map(|(at, var)| (var.name.value.clone(), at))
        .collect();
    for var in vars {
        let name = &var.name.value;
        if let Some(first) = places.get(name).map(|&at| &known[at]) {
            let message = format!("there are two variables `{}`", var.name.value);
            return Err(Diagnostic::error("var-duplicate", message)
                .at(var.name.span, "here again")
                .also(first.name.span, "first here"));
        }
        places.insert(name.clone(), known.len());
        known.push(var.clone());
    }
    Ok(())
}

fn is_meant(var: &Var, resource: &Resource) -> bool {
    if resource.dead {
        return false;
    }
    if !var.namespace.is_empty() {
        return resource.has_id(&var.target, &var.target_name, &var.namespace);
    }
    let same = |name: &SmolStr, kind: &SmolStr| {
        *name == var.target_name
            && *kind == var.target.kind
            && resource.gvk.group == var.target.group
            && resource.gvk.version == var.target.version
    };
    same(&resource.name, &resource.gvk.kind)
        || resource.previous.iter().any(|id| same(&id.name, &id.kind))
}

/// Puts the values of variables where they are named.
///
/// # Errors
/// Variables that read from nothing, and fields that cannot hold them.
pub(crate) fn resolve(
    map: &mut ResMap,
    vars: &[Var],
    specs: &FieldSpecs,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    if vars.is_empty() {
        return Ok(());
    }
    let values = values(map, vars)?;
    let mut expander = Expander {
        values,
        used: HashSet::new(),
    };
    let mut faults = Vec::new();
    for resource in map.iter_mut() {
        let gvk = resource.gvk.clone();
        for spec in specs.of(&gvk) {
            let mut hit = false;
            let blocked = spec.visit(&resource.node, &mut |node| hit |= needs_a_look(node));
            if !hit && !blocked {
                continue;
            }
            let done = spec.apply(&mut resource.node, Make::Nothing, &mut |node| {
                expander.set(node)
            });
            if let Err(error) = done {
                let fault = Diagnostic::error("var-field", error.message).at(error.span, "");
                faults.push(fault.in_object(resource.describe()));
            }
        }
    }
    for var in vars
        .iter()
        .filter(|var| !expander.used.contains(&var.name.value))
    {
        let message = format!("the variable `{}` is used nowhere", var.name.value);
        warnings.push(Diagnostic::warning("var-unused", message).at(var.name.span, ""));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Whether a field holds a dollar sign, folded text, or something that cannot be a text.
fn needs_a_look(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => {
            scalar.kind == ScalarKind::Str && (scalar.text.contains('$') || scalar.folded)
        }
        Value::Map(map) => map
            .iter()
            .any(|entry| entry.value.as_scalar().is_some() && needs_a_look(&entry.value)),
        Value::Seq(items) => items
            .iter()
            .any(|item| item.as_str().is_none() || needs_a_look(item)),
    }
}

fn values(map: &ResMap, vars: &[Var]) -> Result<HashMap<SmolStr, Node>, Vec<Diagnostic>> {
    let mut holders: HashMap<&SmolStr, &Resource> = HashMap::new();
    for resource in map.iter() {
        for name in &resource.vars {
            holders.entry(name).or_insert(resource);
        }
    }
    let mut values = HashMap::new();
    let mut faults = Vec::new();
    for var in vars {
        let Some(holder) = holders.get(&var.name.value) else {
            let message = format!(
                "the variable `{}` reads from {} {}, which is not there",
                var.name.value, var.target.kind, var.target_name
            );
            let of_kind = map.iter().filter(|one| one.gvk.kind == var.target.kind);
            let names: Vec<&str> = of_kind.map(|one| one.original_name().as_str()).collect();
            let remark = match suggest::nearest(&var.target_name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => format!("there is no {} here", var.target.kind),
                None => String::new(),
            };
            faults.push(Diagnostic::error("var-unmatched", message).at(var.name.span, remark));
            continue;
        };
        if let Some(node) = indexed(&var.path.value).find(&holder.node) {
            values.insert(var.name.value.clone(), node.clone());
        } else {
            let message = format!("{} has no `{}`", holder.describe(), var.path.value);
            let fault = Diagnostic::error("var-field", message).at(var.path.span, "");
            faults.push(fault.also(holder.node.span, "read by a variable"));
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

/// A path in which `a[0]` means `a.0`.
fn indexed(path: &str) -> ValuePath {
    let mut parts = Vec::new();
    for part in ValuePath::new(path).0 {
        let index = part
            .strip_suffix(']')
            .and_then(|head| head.rsplit_once('['))
            .filter(|(_, index)| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()));
        match index {
            Some((head, index)) => {
                if !head.is_empty() {
                    parts.push(head.into());
                }
                parts.push(index.into());
            }
            None => parts.push(part),
        }
    }
    ValuePath(parts)
}

struct Expander {
    values: HashMap<SmolStr, Node>,
    used: HashSet<SmolStr>,
}

impl Expander {
    fn set(&mut self, node: &mut Node) -> Result<(), FieldError> {
        match &node.value {
            Value::Scalar(_) => self.set_scalar(node),
            Value::Map(_) => {
                for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                    self.set_scalar(&mut entry.value);
                }
            }
            Value::Seq(_) => {
                for item in node.as_seq_mut().into_iter().flatten() {
                    if item.as_str().is_none() {
                        return Err(FieldError {
                            message: format!(
                                "a list with variables holds texts, not {}",
                                item.describe()
                            ),
                            span: item.span,
                        });
                    }
                    self.set_scalar(item);
                }
            }
        }
        Ok(())
    }

    fn set_scalar(&mut self, node: &mut Node) {
        // kustomize sets every text that could hold a variable anew, and so unfolds it.
        if let Value::Scalar(scalar) = &mut node.value {
            scalar.folded = false;
        }
        let Some(text) = node.as_str().filter(|text| text.contains('$')) else {
            return;
        };
        let text = SmolStr::new(text);
        let span = node.span;
        *node = match self.expand(&text) {
            Expanded::Whole(scalar, from) => Node::new(Value::Scalar(scalar), from),
            Expanded::Text(text) => Node::string(text, span),
        };
    }

    /// Replaces `$(NAME)`; `$$` is a dollar sign, unknown names stay.
    fn expand(&mut self, text: &str) -> Expanded {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let after = &after[1..];
            let Some(next) = after.chars().next() else {
                out.push('$');
                return Expanded::Text(out);
            };
            match next {
                '$' => {
                    out.push('$');
                    rest = &after[1..];
                }
                '(' => {
                    let Some(end) = after.find(')') else {
                        out.push_str("$(");
                        rest = &after[1..];
                        continue;
                    };
                    let name = &after[1..end];
                    let value = self.value(name);
                    if let Some((scalar, span)) = &value
                        && text.len() == name.len() + 3
                    {
                        return Expanded::Whole(scalar.clone(), *span);
                    }
                    match value {
                        Some((scalar, _)) => out.push_str(&in_text(&scalar)),
                        None => out.push_str(&unresolved(name)),
                    }
                    rest = &after[end + 1..];
                }
                other => {
                    out.push('$');
                    out.push(other);
                    rest = &after[other.len_utf8()..];
                }
            }
        }
        out.push_str(rest);
        Expanded::Text(out)
    }

    /// A variable's value, if it is one that can stand in a text.
    fn value(&mut self, name: &str) -> Option<(Scalar, Span)> {
        let node = self.values.get(name)?;
        let scalar = node
            .as_scalar()
            .filter(|scalar| scalar.kind != ScalarKind::Null)?;
        self.used.insert(name.into());
        Some((scalar.clone(), node.span))
    }
}

/// A name that means nothing stays as it was.
fn unresolved(name: &str) -> String {
    format!("$({name})")
}

enum Expanded {
    /// The text was one variable: its value with its type.
    Whole(Scalar, Span),
    Text(String),
}

/// A value in the middle of a text, as Go prints it.
fn in_text(scalar: &Scalar) -> String {
    match scalar.kind {
        ScalarKind::Int | ScalarKind::Float => scalar
            .as_number()
            .map_or_else(|| scalar.text.to_string(), Number::to_yaml),
        ScalarKind::Bool => (scalar.as_bool() == Some(true)).to_string(),
        _ => scalar.text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_the_rest_stays() {
        let values = [
            ("A", Node::string("x", Span::NONE)),
            ("N", Node::int(8, Span::NONE)),
        ];
        let mut expander = Expander {
            values: values
                .map(|(name, node)| (name.into(), node))
                .into_iter()
                .collect(),
            used: HashSet::new(),
        };
        for (text, want) in [
            ("$(A)", "x"),
            ("a-$(A)-$(N)b", "a-x-8b"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$A", "$A"),
            ("a$", "a$"),
            ("$(A", "$(A"),
            ("$é$(A)", "$éx"),
        ] {
            let got = match expander.expand(text) {
                Expanded::Whole(scalar, _) => scalar.text.to_string(),
                Expanded::Text(text) => text,
            };
            assert_eq!(got, want, "{text}");
        }
        let mut node = Node::string("$(N)", Span::NONE);
        expander.set_scalar(&mut node);
        assert_eq!(node.as_i64(), Some(8), "a whole value keeps its type");
        assert_eq!(expander.used.len(), 2);
    }

    /// By kustomize 5.8.1: annotations and the fields of variables are set anew and no longer
    /// folded, the rest is written as folded text and read back.
    #[test]
    fn folded_text_changes_where_nothing_sets_it() {
        let folder = tempfile::tempdir().unwrap();
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    \
                   a: >\n      x\n        y\nspec:\n  nodeName: >\n    x\n      y\n  \
                   containers:\n  - name: c\n    args:\n    - >\n      x\n        y\n";
        std::fs::write(folder.path().join("pod.yaml"), pod).unwrap();
        let vars = "vars: [{name: V, objref: {apiVersion: v1, kind: Pod, name: web}}]";
        let patch = "patches: [{target: {kind: Pod}, patch: \"- {op: add, path: /a, value: 1}\"}]";
        let (kept, changed) = ("x\n  y\n", "x\n\n  y\n");
        for (more, annotation, arg) in [
            ("", kept, changed),
            (vars, kept, kept),
            (patch, changed, changed),
        ] {
            let text = format!("resources: [pod.yaml]\n{more}\n");
            std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
            let sources = crate::manifest::Sources::new();
            let options = crate::kustomize::Options::default();
            let built = crate::kustomize::build(&sources, folder.path(), options).unwrap();
            let pod = crate::manifest::json::to_json(&built.objects[0].root);
            assert_eq!(pod["metadata"]["annotations"]["a"], annotation, "{more}");
            assert_eq!(pod["spec"]["nodeName"], changed, "{more}");
            assert_eq!(pod["spec"]["containers"][0]["args"][0], arg, "{more}");
        }
    }

    #[test]
    fn indexes_in_brackets_are_parts_of_their_own() {
        assert_eq!(
            indexed("spec.ports[0].port").0,
            ["spec", "ports", "0", "port"]
        );
    }
}
