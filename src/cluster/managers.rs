//! Who owns what: reading `metadata.managedFields`, and folding old managers into ours.
//!
//! Folding follows client-go's `util/csaupgrade` (v0.37): fields that a manager set by updates
//! become fields that ours has applied, so that the next apply removes those it no longer has.

use serde_json::{Value, json};

use super::MANAGER;
use super::fields::{FieldSet, Step};
use super::value::Read;

/// The manager that holds `replicas` between us and an autoscaler.
pub const HANDOVER: &str = "deployx-handover";

/// The manager under which a strategy that nobody owns is switched.
pub const SWITCH: &str = "deployx-strategy";

/// Managers whose fields become ours with `--take-ownership`.
pub const TAKEN_OVER: [&str; 4] = [
    "kubectl-client-side-apply",
    "kubectl",
    "kubectl-last-applied",
    MANAGER,
];

/// One holder of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Name of the manager.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The subresource it came through; empty for the object itself.
    pub subresource: String,
    /// When it last changed something, RFC 3339.
    pub time: String,
}

/// Returns the managers that hold a field.
pub fn owners(object: &Value, path: &[Step]) -> Vec<Owner> {
    entries(object)
        .iter()
        .filter(|entry| fields(entry).covers(path))
        .map(owner)
        .collect()
}

/// Returns the managers that hold anything but the status, latest first.
pub fn all_owners(object: &Value) -> Vec<Owner> {
    let mut owners: Vec<Owner> = entries(object)
        .iter()
        .filter(|entry| entry.text(&["subresource"]) != "status")
        .map(owner)
        .collect();
    owners.sort_by(|a, b| b.time.cmp(&a.time));
    owners
}

/// Returns what we own by apply.
pub fn ours(object: &Value) -> FieldSet {
    entries(object)
        .iter()
        .find(|entry| is_ours(entry))
        .map(fields)
        .unwrap_or_default()
}

/// Returns what everybody but us holds.
pub fn theirs(managed: &[Value]) -> FieldSet {
    managed
        .iter()
        .filter(|entry| !is_ours(entry))
        .fold(FieldSet::default(), |set, entry| set.union(&fields(entry)))
}

/// Returns `managedFields` after the update entries of `managers` became part of ours; `None`
/// when there is nothing to fold.
pub fn folded(object: &Value, managers: &[&str]) -> Option<Vec<Value>> {
    let mut managed = entries(object).to_vec();
    let mut changed = false;
    for manager in managers {
        changed |= fold(&mut managed, manager);
    }
    changed.then_some(managed)
}

/// Returns `managedFields` without the entries of a helper manager; `None` when it has none.
pub fn dropped(object: &Value, manager: &str) -> Option<Vec<Value>> {
    let managed = entries(object);
    let rest: Vec<Value> = managed
        .iter()
        .filter(|entry| entry.text(&["manager"]) != manager)
        .cloned()
        .collect();
    (rest.len() < managed.len()).then_some(rest)
}

/// Returns `managedFields` without the claims that an autoscaler and our hand-over have on
/// `replicas`; `None` when there are none.
pub fn without_autoscaler(object: &Value) -> Option<Vec<Value>> {
    let path = ["spec", "replicas"];
    let is_scaler = |entry: &Value| {
        entry.text(&["manager"]) == HANDOVER
            || entry.text(&["subresource"]) == "scale"
                && entry.text(&["manager"]) == "kube-controller-manager"
    };
    let managed = entries(object);
    let has_claim = |entry: &Value| is_scaler(entry) && fields(entry).has(&path);
    if !managed.iter().any(has_claim) {
        return None;
    }
    let kept = managed.iter().filter_map(|entry| {
        if !has_claim(entry) {
            return Some(entry.clone());
        }
        let rest = fields(entry).without(&path);
        (!rest.is_empty()).then(|| with_fields(entry, &rest))
    });
    Some(kept.collect())
}

/// The entries of `metadata.managedFields`.
pub fn entries(object: &Value) -> &[Value] {
    object.items(&["metadata", "managedFields"])
}

fn fold(managed: &mut Vec<Value>, manager: &str) -> bool {
    let is_old = |entry: &Value| {
        entry.text(&["manager"]) == manager
            && entry.text(&["operation"]) == "Update"
            && entry.text(&["subresource"]).is_empty()
    };
    let Some(first) = managed.iter().position(is_old) else {
        return false;
    };
    let target = managed.iter().position(is_ours).unwrap_or_else(|| {
        managed[first]["manager"] = json!(MANAGER);
        managed[first]["operation"] = json!("Apply");
        first
    });
    let version = managed[target].text(&["apiVersion"]).to_owned();
    let same_version = managed
        .iter()
        .find(|entry| is_old(entry) && entry.text(&["apiVersion"]) == version);
    if let Some(old) = same_version {
        let both = fields(&managed[target]).union(&fields(old));
        managed[target] = with_fields(&managed[target], &both);
    }
    managed.retain(|entry| !is_old(entry));
    true
}

fn is_ours(entry: &Value) -> bool {
    entry.text(&["manager"]) == MANAGER
        && entry.text(&["operation"]) == "Apply"
        && entry.text(&["subresource"]).is_empty()
}

fn fields(entry: &Value) -> FieldSet {
    entry
        .get("fieldsV1")
        .map(FieldSet::from_json)
        .unwrap_or_default()
}

fn with_fields(entry: &Value, fields: &FieldSet) -> Value {
    let mut entry = entry.clone();
    entry["fieldsV1"] = fields.to_json();
    entry
}

fn owner(entry: &Value) -> Owner {
    Owner {
        manager: entry.text(&["manager"]).to_owned(),
        operation: entry.text(&["operation"]).to_owned(),
        subresource: entry.text(&["subresource"]).to_owned(),
        time: entry.text(&["time"]).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, subresource: &str, fields: Value) -> Value {
        let mut entry = json!({
            "manager": manager, "operation": operation, "apiVersion": "apps/v1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if !subresource.is_empty() {
            entry["subresource"] = json!(subresource);
        }
        entry
    }

    fn object(managed: &[Value]) -> Value {
        json!({"metadata": {"managedFields": managed}})
    }

    #[test]
    fn a_client_side_apply_becomes_ours() {
        let live = object(&[
            entry(
                "kubectl-client-side-apply",
                "Update",
                "",
                json!({"f:spec": {"f:a": {}}}),
            ),
            entry(
                "kube-controller-manager",
                "Update",
                "status",
                json!({"f:status": {}}),
            ),
        ]);
        let managed = folded(&live, &TAKEN_OVER).unwrap();
        assert_eq!(managed.len(), 2);
        assert_eq!(managed[0]["manager"], "helm");
        assert_eq!(managed[0]["operation"], "Apply");
        assert_eq!(managed[0]["fieldsV1"], json!({"f:spec": {"f:a": {}}}));
        assert_eq!(folded(&object(&managed), &TAKEN_OVER), None);
    }

    #[test]
    fn an_update_by_helm_joins_what_we_applied() {
        let live = object(&[
            entry("helm", "Apply", "", json!({"f:spec": {"f:a": {}}})),
            entry("helm", "Update", "", json!({"f:spec": {"f:b": {}}})),
        ]);
        let managed = folded(&live, &[MANAGER]).unwrap();
        assert_eq!(managed.len(), 1);
        assert_eq!(
            managed[0]["fieldsV1"],
            json!({"f:spec": {"f:a": {}, "f:b": {}}})
        );
    }

    #[test]
    fn an_autoscaler_loses_replicas_and_nothing_else() {
        let live = object(&[
            entry(
                "kube-controller-manager",
                "Update",
                "scale",
                json!({"f:spec": {"f:replicas": {}}}),
            ),
            entry(HANDOVER, "Apply", "", json!({"f:spec": {"f:replicas": {}}})),
            entry(
                "kubectl",
                "Update",
                "scale",
                json!({"f:spec": {"f:replicas": {}}}),
            ),
        ]);
        let managed = without_autoscaler(&live).unwrap();
        assert_eq!(managed.len(), 1);
        assert_eq!(managed[0]["manager"], "kubectl");
        assert_eq!(without_autoscaler(&object(&managed)), None);
    }
}
