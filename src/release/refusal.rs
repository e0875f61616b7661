//! What the server refuses of a change to a live object: which field, where the input sets it, and
//! whether the object has to be replaced. The server's own answer is one text; the rules for updates
//! tell what is in it.

use crate::cluster::ClusterError;
use crate::diff::{Mask, ObjectDiff, Prediction, Wanted, merged};
use crate::manifest::json::from_json;
use crate::manifest::{Diagnostic, Object, Severity, Span};
use crate::schema::Version;
use crate::validate::{Definitions, IMMUTABLE, Validator};

use super::prepare::Item;

/// Explains a refused change of a live object. `None` where the refusal has another reason.
pub(super) fn explain(
    wanted: &Wanted,
    error: &ClusterError,
    mask: &Mask,
) -> Option<(Item, Vec<Diagnostic>)> {
    let ClusterError::Rejected {
        code: 422, message, ..
    } = error
    else {
        return None;
    };
    let live = wanted.live.as_ref()?;
    let after = merged::merged(live, &wanted.applied);
    let old = Object::from_node(from_json(live, Span::NONE))?;
    let mut new = Object::from_node(from_json(&after, Span::NONE))?;
    merged::place(&mut new.root, &wanted.object.root);
    // Releases word their rules differently, and the cluster may be of any: what it has not named
    // it has not refused.
    let mut findings = Version::all().rev().find_map(|version| {
        let judged = Validator::new(version).judge_update(&Definitions::default(), &old, &new);
        let named = judged.findings.into_iter().filter(|finding| {
            let field = finding.field.as_deref();
            finding.severity == Severity::Error && field.is_some_and(|f| message.contains(f))
        });
        Some(named.collect::<Vec<_>>()).filter(|named| !named.is_empty())
    })?;
    for finding in &mut findings {
        finding.object = Some(wanted.id.to_string());
        for note in &mut finding.notes {
            *note = mask.text(note);
        }
    }
    let prediction = Prediction {
        after,
        conflicts: Vec::new(),
        managed: None,
        switch: false,
    };
    let mut diff = ObjectDiff::new(wanted, &prediction, mask);
    diff.immutable = findings
        .iter()
        .filter(|finding| finding.rule == IMMUTABLE)
        .filter_map(|finding| finding.field.clone())
        .collect();
    let item = Item {
        wanted: wanted.clone(),
        prediction,
        diff,
    };
    Some((item, findings))
}
