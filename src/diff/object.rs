//! The difference of one object, with who set what and which pods restart.

use serde_json::Value;

use super::compare::{self, Change, compare};
use super::mask::Mask;
use super::noise::strip;
use super::predict::Prediction;
use super::wanted::Wanted;
use crate::cluster::error::Conflict;
use crate::cluster::fields::Step;
use crate::cluster::managers::{self, Owner};
use crate::cluster::value::Read;
use crate::manifest::json::from_json;
use crate::manifest::node::Node;
use crate::manifest::object::ObjectId;
use crate::manifest::source::Span;

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It becomes part of the release; nothing else changes.
    Adopt,
    /// Nothing.
    Keep,
    /// It left the input and is deleted.
    Prune,
    /// It left the input and stays, for the reason given.
    Spare(String),
}

/// The difference of one object.
#[derive(Clone, Debug)]
pub struct ObjectDiff {
    /// Which object.
    pub id: ObjectId,
    /// What happens to it.
    pub action: Action,
    /// Fields that change; of a new object, none.
    pub changes: Vec<FieldChange>,
    /// How many pods restart.
    pub restarts: i64,
    /// Fields that other managers hold.
    pub conflicts: Vec<Conflict>,
    /// Managers whose fields become ours.
    pub taken_from: Vec<String>,
    /// Fields that cannot change, as the server writes them: the object has to be replaced.
    pub immutable: Vec<String>,
    /// What there is to say besides, each a line.
    pub notes: Vec<String>,
}

/// A field that changes.
#[derive(Clone, Debug)]
pub struct FieldChange {
    /// Where, what it was, what it becomes. Secret values are masked.
    pub change: Change,
    /// Who holds the live value, unless that is us alone.
    pub owners: Vec<Owner>,
    /// Where in the input the new value stands.
    pub origin: Span,
    /// Whether the input has not changed here since the last deploy: somebody changed the cluster.
    pub drift: bool,
}

impl ObjectDiff {
    /// The difference between what is live and what is predicted.
    pub fn new(wanted: &Wanted, prediction: &Prediction, mask: &Mask) -> Self {
        let mut diff = Self::of(wanted.id.clone(), Action::Create);
        let Some(live) = &wanted.live else {
            return diff;
        };
        let tree = |value: &Value| mask.object(&strip(&from_json(value, Span::NONE)));
        diff.changes = compare(&tree(live), &tree(&prediction.after))
            .into_iter()
            .map(|change| FieldChange {
                owners: others(live, &change.path),
                origin: origin(&wanted.object.root, &change.path),
                drift: false,
                change,
            })
            .collect();
        diff.conflicts.clone_from(&prediction.conflicts);
        diff.action = match (diff.changes.is_empty(), marks_change(live, &wanted.applied)) {
            (false, _) => Action::Update,
            (true, true) => Action::Adopt,
            (true, false) => Action::Keep,
        };
        if restarts_pods(&diff.changes, &wanted.id) {
            diff.restarts = pods(live);
        }
        if let Some(note) = replicas_note(wanted, live) {
            diff.notes.push(note);
        }
        if prediction.switch {
            diff.notes.push(
                "nobody owns the live strategy: it is switched by a patch of its own first".into(),
            );
        }
        diff
    }

    /// An object that left the input.
    pub fn of(id: ObjectId, action: Action) -> Self {
        Self {
            id,
            action,
            changes: Vec::new(),
            restarts: 0,
            conflicts: Vec::new(),
            taken_from: Vec::new(),
            immutable: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Compares what was applied last with what is to be applied now: fields that are the same in
    /// both, and still change, have drifted.
    pub fn find_drift(&mut self, recorded: &Node, applied: &Node) {
        for field in &mut self.changes {
            let path = &field.change.path;
            field.drift = compare::find(recorded, path) == compare::find(applied, path);
        }
    }

    /// Whether all that changes has drifted.
    pub fn is_drift(&self) -> bool {
        !self.changes.is_empty() && self.changes.iter().all(|field| field.drift)
    }

    /// Whether applying it would change anything.
    pub fn is_change(&self) -> bool {
        !matches!(self.action, Action::Keep | Action::Spare(_))
    }
}

/// Whether the pods of a workload are replaced: its template changed.
pub fn restarts_pods(changes: &[FieldChange], id: &ObjectId) -> bool {
    id.group == "apps"
        && matches!(id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet")
        && changes.iter().any(|field| {
            let mut steps = field.change.path.iter();
            steps.next() == Some(&Step::Field("spec".into()))
                && steps.next() == Some(&Step::Field("template".into()))
        })
}

/// How many pods a workload runs now.
pub fn pods(live: &Value) -> i64 {
    match live.kind() {
        "DaemonSet" => live.int(&["status", "desiredNumberScheduled"]),
        _ => live
            .at(&["spec", "replicas"])
            .and_then(Value::as_i64)
            .unwrap_or(1),
    }
}

fn marks_change(live: &Value, applied: &Value) -> bool {
    let differs = |field: &str, key: &str| {
        let path = ["metadata", field, key];
        applied.at(&path) != live.at(&path)
    };
    differs("labels", super::wanted::MANAGED_BY)
        || differs("annotations", super::wanted::RELEASE_NAME)
        || differs("annotations", super::wanted::RELEASE_NAMESPACE)
}

fn others(live: &Value, path: &[Step]) -> Vec<Owner> {
    managers::owners(live, path)
        .into_iter()
        .filter(|owner| owner.manager != crate::cluster::MANAGER)
        .collect()
}

/// Where the new value stands: itself, or, of a field that is gone, what it was a part of. Nowhere
/// where the input has neither: the server or `auto` has set it.
fn origin(input: &Node, path: &[Step]) -> Span {
    let parent = path.len().saturating_sub(1).max(1);
    [path.len(), parent]
        .into_iter()
        .find_map(|length| compare::find(input, &path[..length]))
        .map_or(Span::NONE, |node| node.span)
}

fn replicas_note(wanted: &Wanted, live: &Value) -> Option<String> {
    let autoscaler = wanted.autoscaler.as_ref()?;
    let count = pods(live);
    let written = wanted.object.root.at(&["spec", "replicas"])?.as_i64()?;
    (written != count).then(|| {
        format!("spec.replicas  {written} in the overlay, {count} live: left to the autoscaler {autoscaler}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::object::Object;

    fn wanted(live: Value, applied: Value) -> Wanted {
        let object = Object::from_node(from_json(&applied, Span::NONE)).unwrap();
        Wanted {
            id: object.id(),
            object,
            resource: None,
            applied,
            live: Some(live),
            autoscaler: None,
        }
    }

    fn deployment(image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [
                {"name": "web", "image": image}]}}}})
    }

    fn diff(wanted: &Wanted, after: Value) -> ObjectDiff {
        let prediction = Prediction {
            after,
            conflicts: Vec::new(),
            managed: None,
            switch: false,
        };
        ObjectDiff::new(wanted, &prediction, &Mask::new())
    }

    #[test]
    fn a_changed_image_restarts_the_pods() {
        let wanted = wanted(deployment("a:1"), deployment("a:2"));
        let found = diff(&wanted, deployment("a:2"));
        assert_eq!(found.action, Action::Update);
        assert_eq!(found.restarts, 2);
        assert_eq!(found.changes.len(), 1);
        let same = diff(&wanted, deployment("a:1"));
        assert_eq!((same.action, same.restarts), (Action::Keep, 0));
    }

    #[test]
    fn marks_alone_make_an_adoption() {
        let mut applied = deployment("a:1");
        super::super::wanted::Release {
            name: "shop".into(),
            namespace: "shop".into(),
        }
        .mark(&mut applied);
        let wanted = wanted(deployment("a:1"), applied.clone());
        assert_eq!(diff(&wanted, applied).action, Action::Adopt);
    }

    #[test]
    fn what_the_input_did_not_change_has_drifted() {
        let applied = deployment("a:1");
        let wanted = wanted(deployment("hot-fix"), applied.clone());
        let mut found = diff(&wanted, applied.clone());
        let tree = |value: &Value| from_json(value, Span::NONE);
        found.find_drift(&tree(&deployment("a:0")), &tree(&applied));
        assert!(!found.is_drift());
        found.find_drift(&tree(&applied), &tree(&applied));
        assert!(found.is_drift());
    }

    #[test]
    fn replicas_are_left_to_an_autoscaler() {
        let mut live = deployment("a:1");
        live["spec"]["replicas"] = json!(5);
        let mut wanted = wanted(live.clone(), deployment("a:1"));
        wanted.autoscaler = Some("web".into());
        assert_eq!(
            diff(&wanted, live).notes,
            ["spec.replicas  2 in the overlay, 5 live: left to the autoscaler web"]
        );
    }
}
