//! The old and the new object side by side, and the words for what may not change between them.

use super::same;
use crate::manifest::json::to_go_json;
use crate::manifest::{Diagnostic, Node, Span};
use crate::schema::{Kind, Type, Version};
use crate::validate::place::Place;
use crate::validate::server_says;
use crate::validate::view::{View, last_name};

/// The rule of a field that has its first value for ever.
pub const IMMUTABLE: &str = "immutable-field";
/// The rule of a change that is not allowed, while others to the same field are.
pub const FORBIDDEN: &str = "forbidden-change";

const SAME_FOR_EVER: &str = "field is immutable";

/// How many changed fields are pointed at where a larger value as a whole cannot change.
const MOST_SHOWN: usize = 4;

/// The two objects, with what is found.
pub(super) struct Change<'c> {
    /// Of which kind they are.
    pub(super) kind: Kind,
    /// The kind, as people say it.
    pub(super) noun: &'c str,
    /// The version of Kubernetes.
    pub(super) version: Version,
    /// The old object with its defaults.
    pub(super) old: Node,
    /// The new object with its defaults.
    pub(super) new: Node,
    /// The new object as it is written, to point at.
    written: &'c Node,
    /// What the server refuses.
    pub(super) findings: Vec<Diagnostic>,
}

impl<'c> Change<'c> {
    pub(super) fn new(
        kind: Kind,
        version: Version,
        old: Node,
        new: Node,
        written: &'c Node,
    ) -> Self {
        Self {
            kind,
            noun: kind.kind(),
            version,
            old,
            new,
            written,
            findings: Vec::new(),
        }
    }

    /// A value of the old object, unless it is null.
    pub(super) fn before(&self, path: &[&str]) -> Option<&Node> {
        self.old.at(path).filter(|node| !node.is_null())
    }

    /// A value of the new object, unless it is null.
    pub(super) fn after(&self, path: &[&str]) -> Option<&Node> {
        self.new.at(path).filter(|node| !node.is_null())
    }

    /// The texts of a field in both; empty where there is none.
    pub(super) fn texts(&self, path: &[&str]) -> (&str, &str) {
        (text_of(self.before(path)), text_of(self.after(path)))
    }

    /// The paths below a field that differ.
    pub(super) fn changes(&self, path: &[&str]) -> Vec<String> {
        self.compare(path, self.before(path), self.after(path))
    }

    /// As [`Change::changes`], of values in place of those that the objects have.
    pub(super) fn compare(
        &self,
        path: &[&str],
        old: Option<&Node>,
        new: Option<&Node>,
    ) -> Vec<String> {
        let Some(ty) = self.type_of(path) else {
            return Vec::new();
        };
        let text = path.join(".");
        let place = Place::ROOT.field(&text);
        same::changes(ty, self.is_pointer(path), (old, new), &place, MOST_SHOWN)
    }

    /// Reports a field that has changed and cannot: `field is immutable`.
    pub(super) fn immutable(&mut self, path: &[&str]) {
        self.immutable_as(path, &path.join("."), SAME_FOR_EVER);
    }

    /// As [`Change::immutable`] with the server's own name for the field and its own reason.
    pub(super) fn immutable_as(&mut self, path: &[&str], field: &str, reason: &str) {
        let changes = self.changes(path);
        if !changes.is_empty() {
            let shown = self.after(path).map_or_else(|| "null".to_owned(), shown);
            let words = format!("Invalid value: {shown}: {reason}");
            self.report(IMMUTABLE, field, &changes, words);
        }
    }

    /// As [`Change::immutable`] where the server forbids the change and shows no value.
    pub(super) fn forbidden(&mut self, path: &[&str], reason: &str) {
        let changes = self.changes(path);
        if !changes.is_empty() {
            let words = format!("Forbidden: {reason}");
            self.report(IMMUTABLE, &path.join("."), &changes, words);
        }
    }

    /// Reports what cannot become of the field at `path`.
    pub(super) fn invalid(&mut self, rule: &'static str, path: &str, reason: &str) {
        let shown = match self.locate(path).0 {
            Some(node) => shown(node),
            None => "null".to_owned(),
        };
        let words = format!("Invalid value: {shown}: {reason}");
        self.report(rule, path, &[path.to_owned()], words);
    }

    /// Reports changes at some paths under the server's name for the field.
    pub(super) fn report(
        &mut self,
        rule: &'static str,
        field: &str,
        changes: &[String],
        words: String,
    ) {
        let first = changes.first().map_or(field, String::as_str);
        let name = last_name(field);
        let message = match rule {
            IMMUTABLE => format!("`{name}` cannot change once the object exists"),
            _ => format!("this change of `{name}` is not allowed"),
        };
        let mut finding = Diagnostic::error(rule, message)
            .at(self.locate(first).1, self.remark(first))
            .field(field)
            .note(server_says(self.version, words));
        for path in changes.iter().skip(1) {
            let span = self.locate(path).1;
            if span != Span::NONE {
                finding = finding.also(span, self.remark(path));
            }
        }
        finding = finding.hint(advice(self.noun, rule));
        self.findings.push(finding);
    }

    /// What the field was; nothing of a Secret.
    fn remark(&self, path: &str) -> String {
        let name = last_name(path);
        if self.kind.kind() == "Secret" && path != "type" {
            return format!("`{name}` differs from the live one");
        }
        let written = self.locate(path).0;
        let old = view(&self.old).and_then(|view| view.locate(path).0);
        match (old, written) {
            (None, Some(_)) => format!("`{name}` is new here"),
            (None, None) => format!("`{name}` differs"),
            (Some(old), after) => {
                let was = match old.scalar_text() {
                    Some("") => "empty".to_owned(),
                    Some(text) if text.len() <= 60 => format!("`{text}`"),
                    _ if after.is_some() => "another".to_owned(),
                    _ => "there".to_owned(),
                };
                match after {
                    Some(node) if node.scalar_text().is_some() => format!("was {was}"),
                    Some(_) => format!("`{name}` was {was}"),
                    None => format!("`{name}` was {was}, and is not here"),
                }
            }
        }
    }

    /// The value at a path of the object as it is written, and where to point.
    fn locate(&self, path: &str) -> (Option<&Node>, Span) {
        let Some(view) = view(self.written) else {
            return (None, self.written.span);
        };
        match (view.locate(path), path.strip_prefix("data[")) {
            // A Secret may have it as text.
            ((None, _), Some(key)) => view.locate(&format!("stringData[{key}")),
            (found, _) => found,
        }
    }

    fn type_of(&self, path: &[&str]) -> Option<Type> {
        path.iter()
            .try_fold(self.kind.object().ty(), |ty, step| ty.step(step))
    }

    fn is_pointer(&self, path: &[&str]) -> bool {
        let Some((last, parents)) = path.split_last() else {
            return false;
        };
        let parent = self.type_of(parents).and_then(Type::as_object);
        parent
            .and_then(|parent| parent.field(last))
            .is_some_and(crate::schema::Field::is_pointer)
    }
}

/// What to do about a change that the server refuses.
fn advice(name: &str, rule: &str) -> String {
    if rule != IMMUTABLE {
        return "keep what is live, or delete the object first and create it anew".to_owned();
    }
    match name {
        "Job" => "a Job runs once: give it a new name, or delete the old one first".to_owned(),
        "Pod" => "delete the Pod first, or let a Deployment replace it".to_owned(),
        "ConfigMap" | "Secret" => {
            format!("give the {name} a new name (a hash suffix does), and refer to that")
        }
        "StatefulSet" => {
            "delete the StatefulSet first, with `--cascade=orphan` to keep its Pods and \
             their volumes"
                .to_owned()
        }
        "Deployment" | "ReplicaSet" | "DaemonSet" => {
            format!("give the {name} a new name, or delete the old one first: its Pods go with it")
        }
        "PersistentVolumeClaim" => "make a claim with a new name and move the data".to_owned(),
        _ => format!("give the {name} a new name, or delete the old one first"),
    }
}

/// An object as a place to look paths up in.
fn view(root: &Node) -> Option<View<'_>> {
    Some(View {
        map: root.as_map()?,
        place: &Place::ROOT,
        at: root.get("kind").map_or(root.span, |node| node.span),
    })
}

fn text_of(node: Option<&Node>) -> &str {
    node.and_then(Node::as_str).unwrap_or_default()
}

/// A value as the server prints it, cut where it is long.
fn shown(node: &Node) -> String {
    let text = match node.as_str() {
        Some(text) => format!("{text:?}"),
        None => to_go_json(node),
    };
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The text at a path of an object.
pub(super) fn text_at<'n>(root: &'n Node, path: &str) -> Option<&'n str> {
    view(root)?.locate(path).0?.as_str()
}

/// The texts of a list; none where there is no list.
pub(super) fn list_of_texts(node: Option<&Node>) -> Vec<String> {
    let items = node.and_then(Node::as_seq).unwrap_or_default();
    let texts = items.iter().filter_map(Node::as_str);
    texts.map(str::to_owned).collect()
}
