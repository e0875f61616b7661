//! `lint:` of `.deployx.yaml`: which rules weigh otherwise here, and why.
//!
//! Only the form is checked here; whether there is such a rule is known below.

use smol_str::SmolStr;

use crate::manifest::{Diagnostic, Node, Severity, Span, suggest};

const FIELDS: [&str; 5] = ["objects", "paths", "reason", "rule", "severity"];
const SEVERITIES: [&str; 4] = ["off", "info", "warning", "error"];

/// One entry of `lint:`.
#[derive(Clone, Debug, Default)]
pub struct LintSetting {
    /// The rule.
    pub rule: SmolStr,
    /// Where the rule is named.
    pub at: Option<Span>,
    /// What it weighs from now on; `None` turns it off.
    pub severity: Option<Severity>,
    /// Why.
    pub reason: String,
    /// Files that it holds for, in the form of `.gitignore`; none for all.
    pub paths: Vec<String>,
    /// Objects that it holds for: `Kind/name`, `Kind/namespace/name`, with `*`; none for all.
    pub objects: Vec<String>,
}

/// Reads the list.
pub(super) fn read(value: &Node, faults: &mut Vec<Diagnostic>) -> Vec<LintSetting> {
    let Some(items) = value.as_seq() else {
        let remark = "for example `- {rule: image-latest, severity: off, reason: ..}`";
        faults.push(
            Diagnostic::error("project", "`lint` is a list of switches").at(value.span, remark),
        );
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| setting(item, faults))
        .collect()
}

fn setting(item: &Node, faults: &mut Vec<Diagnostic>) -> Option<LintSetting> {
    let mut fault = |message: String, span: Span, remark: &str| {
        faults.push(Diagnostic::error("project", message).at(span, remark));
    };
    let Some(map) = item.as_map() else {
        fault(
            "a switch is a mapping".to_owned(),
            item.span,
            "with `rule`, `severity` and `reason`",
        );
        return None;
    };
    for entry in map
        .iter()
        .filter(|entry| !FIELDS.contains(&entry.key.as_str()))
    {
        let remark = match suggest::nearest(&entry.key, FIELDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("fields are {}", FIELDS.join(", ")),
        };
        fault(
            format!("unknown field `{}` in a switch", entry.key),
            entry.key_span,
            &remark,
        );
    }
    let rule = map.get("rule");
    let Some(name) = rule.and_then(Node::as_str) else {
        fault(
            "a switch names a rule".to_owned(),
            item.span,
            "`rule` is missing",
        );
        return None;
    };
    let mut setting = LintSetting {
        rule: name.into(),
        at: rule.map(|node| node.span),
        reason: text(map.get("reason")),
        paths: texts(map.get("paths")),
        objects: texts(map.get("objects")),
        ..LintSetting::default()
    };
    // `off` is a boolean of YAML 1.1, whose text is what counts.
    let severity = map.get("severity");
    setting.severity = match severity.and_then(Node::scalar_text) {
        Some("off" | "Off" | "OFF" | "false") => None,
        Some("info") => Some(Severity::Info),
        Some("warning") => Some(Severity::Warning),
        Some("error") => Some(Severity::Error),
        other => {
            let message = match other {
                Some(text) => format!("`{text}` is no severity"),
                None => "`severity` is missing".to_owned(),
            };
            let span = severity.map_or(item.span, |node| node.span);
            fault(message, span, &format!("one of {}", SEVERITIES.join(", ")));
            return None;
        }
    };
    Some(setting)
}

fn text(node: Option<&Node>) -> String {
    node.and_then(Node::scalar_text)
        .unwrap_or_default()
        .to_owned()
}

/// A list of texts, or one.
fn texts(node: Option<&Node>) -> Vec<String> {
    match node.and_then(Node::as_seq) {
        Some(items) => items.iter().map(|item| text(Some(item))).collect(),
        None => node.map(|node| text(Some(node))).into_iter().collect(),
    }
}

/// The JSON Schema of the list, for editors.
pub(super) fn schema() -> serde_json::Value {
    let texts = |what: &str| serde_json::json!({"type": "array", "items": {"type": "string"}, "description": what});
    serde_json::json!({
        "type": "array",
        "description": "Rules that weigh otherwise in this project. A later entry wins.",
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["rule", "severity"],
            "properties": {
                "rule": {"type": "string", "description": "The rule: `deployx rules` lists them."},
                "severity": {"enum": ["off", "info", "warning", "error", false], "description": "What its findings weigh."},
                "reason": {"type": "string", "description": "Why; `off` demands it."},
                "paths": texts("Files that it holds for, in the form of .gitignore; all where this is missing."),
                "objects": texts("Objects that it holds for: Kind, Kind/name or Kind/namespace/name, with *.")
            }
        }
    })
}
