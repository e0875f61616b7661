//! What is missing. A structured field that is no pointer is never missing for the server: it is
//! there with zero values, and its own fields are demanded. So a Deployment without `spec` lacks
//! `spec.selector` and `spec.template.spec.containers`.

use super::fault::Faults;
use super::place::Place;
use super::{neighbours, rules, unions};
use crate::manifest::{Map, Span};
use crate::schema::{Field, Object};

/// Whether a field can be missed at all.
pub(super) fn matters(field: Field) -> bool {
    !field.unchecked()
        && (field.required() || !field.is_pointer() && field.ty().as_object().is_some())
}

/// Reports what a missing field means. `place` is that of the mapping which lacks it, `at` the
/// nearest thing that is there.
pub(super) fn field(faults: &mut Faults<'_>, field: Field, place: &Place<'_>, at: Span) {
    let place = place.field(field.name());
    if field.required() {
        faults.missing(field, &place, at);
    } else if let Some(object) = field.ty().as_object()
        && !field.is_pointer()
        && !place.is_root_field("status")
    {
        fields(faults, object, &place, at);
    }
}

/// Reports what a structured value without any fields lacks.
pub(super) fn fields(faults: &mut Faults<'_>, object: Object, place: &Place<'_>, at: Span) {
    for missing in object.fields().filter(|field| matters(*field)) {
        field(faults, missing, place, at);
    }
    let empty = Map::new();
    unions::check(faults, object, &empty, place, at);
    neighbours::check(faults, object, &empty, place, at);
    rules::check(faults, object, &empty, place, at);
}
