//! Where the walk stands in an object: a list on the stack, made into text only for a finding.

use std::fmt::Write as _;

/// One step from the root, with the way back.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Key(&'p str),
    Index(usize),
}

impl<'q> Place<'q> {
    /// The place that holds this one.
    pub(super) fn parent(&self) -> Option<&'q Place<'q>> {
        self.parent
    }

    /// The object itself.
    pub(super) const ROOT: Place<'static> = Place {
        parent: None,
        step: Step::Root,
    };

    /// A field of a structured type.
    pub(super) fn field<'p>(&'p self, name: &'p str) -> Place<'p> {
        self.with(Step::Field(name))
    }

    /// A key of a free mapping.
    pub(super) fn key<'p>(&'p self, name: &'p str) -> Place<'p> {
        self.with(Step::Key(name))
    }

    /// An item of a list.
    pub(super) fn index(&self, index: usize) -> Place<'_> {
        self.with(Step::Index(index))
    }

    /// Whether this is the field `name` of the object itself.
    pub(super) fn is_root_field(&self, name: &str) -> bool {
        matches!((self.step, self.parent), (Step::Field(field), Some(parent))
            if field == name && parent.parent.is_none())
    }

    /// The name of the field that this is, or that holds this item or entry.
    pub(super) fn field_name(&self) -> &str {
        match (self.step, self.parent) {
            (Step::Field(name), _) => name,
            (_, Some(parent)) => parent.field_name(),
            (_, None) => "",
        }
    }

    fn with<'p>(&'p self, step: Step<'p>) -> Place<'p> {
        Place {
            parent: Some(self),
            step,
        }
    }
}

impl Place<'_> {
    /// As the decoder writes it, which knows no keys: `spec.limits.cpu`.
    pub(super) fn decoded(&self) -> String {
        let mut chain = Vec::new();
        let mut at = Some(self);
        while let Some(place) = at {
            chain.push(place.step);
            at = place.parent;
        }
        let mut text = String::new();
        for step in chain.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Field(name) | Step::Key(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) | Step::Key(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

impl std::fmt::Display for Place<'_> {
    /// As the server writes it: `spec.containers[0].image`, `spec.limits[cpu]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut chain = Vec::new();
        let mut at = Some(self);
        while let Some(place) = at {
            chain.push(place.step);
            at = place.parent;
        }
        let mut text = String::new();
        for step in chain.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Field(name) if text.is_empty() => text.push_str(name),
                Step::Field(name) => write!(text, ".{name}")?,
                Step::Key(name) => write!(text, "[{name}]")?,
                Step::Index(index) => write!(text, "[{index}]")?,
            }
        }
        f.write_str(&text)
    }
}
