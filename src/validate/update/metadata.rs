//! `metadata`: what makes the object the same one (`ValidateObjectMetaAccessorUpdate` of
//! apimachinery, and `BeforeUpdate` of the server).

use std::collections::BTreeSet;

use super::change::{Change, FORBIDDEN, IMMUTABLE, list_of_texts};

/// Checks the metadata of both.
pub(super) fn check(change: &mut Change<'_>) {
    let (had, has) = change.texts(&["metadata", "name"]);
    // Without either name another rule says so, but for a LimitRange.
    let generated =
        change.after(&["metadata", "generateName"]).is_some() || change.kind.kind() == "LimitRange";
    if !had.is_empty() && has.is_empty() && generated {
        change.immutable(&["metadata", "name"]);
    }
    for name in ["name", "namespace"] {
        let path = ["metadata", name];
        // A manifest may leave its namespace to the command line.
        let (old, new) = change.texts(&path);
        if !old.is_empty() && !new.is_empty() {
            change.immutable(&path);
        }
    }
    identity(change, "uid", "Precondition failed: UID in precondition");
    identity(
        change,
        "resourceVersion",
        "the object has been modified; please apply your changes to the latest version and try again",
    );
    let deleted = change.before(&["metadata", "deletionTimestamp"]).is_some();
    if deleted {
        finalizers(change);
    } else {
        change.immutable(&["metadata", "deletionTimestamp"]);
    }
    if change
        .after(&["metadata", "deletionGracePeriodSeconds"])
        .is_some()
    {
        change.immutable(&["metadata", "deletionGracePeriodSeconds"]);
    }
}

/// A field that, where it is written, says which object is meant.
fn identity(change: &mut Change<'_>, name: &str, reason: &str) {
    let path = ["metadata", name];
    let (old, new) = change.texts(&path);
    if !old.is_empty() && !new.is_empty() && old != new {
        let field = path.join(".");
        let words = format!("Operation cannot be fulfilled: {reason}");
        change.report(IMMUTABLE, &field, std::slice::from_ref(&field), words);
    }
}

fn finalizers(change: &mut Change<'_>) {
    let path = ["metadata", "finalizers"];
    let set = |node| -> BTreeSet<String> { list_of_texts(node).into_iter().collect() };
    let (old, new) = (set(change.before(&path)), set(change.after(&path)));
    let extra: Vec<String> = new
        .difference(&old)
        .map(|name| format!("{name:?}"))
        .collect();
    if !extra.is_empty() {
        let words = format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new \
             finalizers []string{{{}}}",
            extra.join(", ")
        );
        let field = path.join(".");
        change.report(FORBIDDEN, &field, std::slice::from_ref(&field), words);
    }
}
