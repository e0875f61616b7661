//! `x-kubernetes-validations` of a schema, compiled: a tree of the places that have rules
//! (`NewValidator` of `apiserver/schema/cel/validation.go` in k8s.io/apiextensions-apiserver).

use smol_str::SmolStr;

use crate::manifest::Node;
use crate::validate::cel::{Env, Program, Shape, Wanted};

/// A place of a schema that has rules, itself or below.
#[derive(Debug)]
pub(super) struct Spot {
    /// The type as written.
    pub(super) ty: SmolStr,
    pub(super) shape: Shape,
    pub(super) rules: Vec<Rule>,
    /// Rules within `allOf`.
    pub(super) all_of: Vec<Spot>,
    pub(super) items: Option<Box<Spot>>,
    /// By name.
    pub(super) fields: Vec<(SmolStr, Spot)>,
    pub(super) values: Option<Box<Spot>>,
    /// The fields that tell the items of a list apart.
    pub(super) keys: Option<Vec<SmolStr>>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// `None` for one that cannot be compiled, or that is empty.
    pub(super) program: Option<Program>,
    pub(super) text: String,
    /// The message as written, without space around it.
    pub(super) message: String,
    pub(super) message_program: Option<(String, Program)>,
    /// The path that is added to that of the place.
    pub(super) path: Vec<Step>,
    pub(super) reason: String,
    pub(super) optional_old: bool,
}

/// A step of a `fieldPath`.
#[derive(Debug)]
pub(super) enum Step {
    Field(String),
    Key(String),
}

/// Compiles the rules of a schema; `None` where it has none that the server evaluates.
pub(super) fn compile(schema: &Node) -> Option<Spot> {
    has_rules(schema, 0).then(|| spot(schema, schema, true, 0))?
}

/// Schemas are no deeper than this.
const DEEPEST: usize = 500;

fn has_rules(schema: &Node, depth: usize) -> bool {
    let rules = schema.get("x-kubernetes-validations");
    let own = rules
        .and_then(Node::as_seq)
        .is_some_and(|rules| !rules.is_empty());
    let below = ["items", "additionalProperties"].into_iter();
    let below = below.filter_map(|name| schema.get(name));
    let properties = schema.get("properties").and_then(Node::as_map);
    let properties = properties.into_iter().flatten().map(|entry| &entry.value);
    own || depth < DEEPEST
        && below
            .chain(properties)
            .any(|node| has_rules(node, depth + 1))
}

/// The place of a schema: `rules` says which rules there are, `node` what the values are like.
fn spot(rules: &Node, node: &Node, root: bool, depth: usize) -> Option<Spot> {
    let inner = |rules: &Node, node: &Node| {
        let embedded = node
            .get("x-kubernetes-embedded-resource")
            .and_then(Node::as_bool);
        spot(rules, node, embedded == Some(true), depth + 1)
    };
    let both = |name: &str| {
        let found = rules.get(name).zip(node.get(name));
        found.filter(|(a, b)| depth < DEEPEST && a.as_map().is_some() && b.as_map().is_some())
    };
    let below = |name: &str| both(name).and_then(|(rules, node)| inner(rules, node).map(Box::new));
    let mut fields = Vec::new();
    if let Some((rules, nodes)) = both("properties") {
        for entry in rules.as_map().into_iter().flatten() {
            let name = entry.key.as_str();
            // What has no type has no rules.
            let typed = nodes.get(name).filter(|node| Env::has_type(node));
            if let Some(found) = typed.and_then(|node| inner(&entry.value, node)) {
                fields.push((entry.key.clone(), found));
            }
        }
    }
    let all_of = rules
        .get("allOf")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let spot = Spot {
        ty: node
            .get("type")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .into(),
        shape: Shape::new(node, root),
        rules: own_rules(rules, node, root),
        all_of: match depth < DEEPEST {
            true => all_of
                .iter()
                .filter_map(|rules| spot(rules, node, root, depth + 1))
                .collect(),
            false => Vec::new(),
        },
        items: below("items"),
        fields,
        values: below("additionalProperties"),
        keys: list_keys(node),
    };
    let is_empty = spot.rules.is_empty()
        && spot.all_of.is_empty()
        && spot.items.is_none()
        && spot.fields.is_empty()
        && spot.values.is_none();
    (!is_empty).then_some(spot)
}

fn list_keys(node: &Node) -> Option<Vec<SmolStr>> {
    let list = node.get("x-kubernetes-list-type").and_then(Node::as_str);
    if list != Some("map") {
        return None;
    }
    let keys = node
        .get("x-kubernetes-list-map-keys")
        .and_then(Node::as_seq);
    let keys = keys.unwrap_or_default().iter().filter_map(Node::as_str);
    Some(keys.map(SmolStr::new).collect())
}

fn own_rules(rules: &Node, node: &Node, root: bool) -> Vec<Rule> {
    let list = rules.get("x-kubernetes-validations").and_then(Node::as_seq);
    let list = list.unwrap_or_default();
    if list.is_empty() {
        return Vec::new();
    }
    let plain = Env::rule(node, root, false);
    let optional = Env::rule(node, root, true);
    let read = |rule: &Node| {
        let text = |name: &str| rule.get(name).and_then(Node::as_str).unwrap_or_default();
        let optional_old = rule.get("optionalOldSelf").and_then(Node::as_bool) == Some(true);
        let env = if optional_old { &optional } else { &plain };
        let program = |text: &str, wanted| env.as_ref()?.program(text, wanted).ok();
        let message = text("messageExpression");
        Rule {
            program: program(text("rule"), Wanted::Bool),
            text: text("rule").trim().to_owned(),
            message: text("message").trim().to_owned(),
            message_program: program(message, Wanted::Text).map(|p| (message.to_owned(), p)),
            path: path(text("fieldPath"), node),
            reason: text("reason").to_owned(),
            optional_old,
        }
    };
    list.iter().map(read).collect()
}

/// The steps of a `fieldPath` such as `.spec.labels['a.b']`; none where it is not valid.
fn path(text: &str, schema: &Node) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut rest, mut node) = (text, Some(schema));
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix("['") {
            let Some((name, after)) = after.split_once("']") else {
                return Vec::new();
            };
            rest = after;
            name.replace("\\'", "'")
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            rest = &after[end..];
            after[..end].to_owned()
        } else {
            return Vec::new();
        };
        let property = node.and_then(|node| node.get("properties")?.get(&name));
        let values = node.and_then(|node| node.get("additionalProperties"));
        steps.push(match property.is_none() && values.is_some() {
            true => Step::Key(name),
            false => Step::Field(name),
        });
        node = property.or(values);
    }
    steps
}
