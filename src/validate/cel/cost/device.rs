//! How large the parts of a device are that a selector sees
//! (`k8s.io/dynamic-resource-allocation/cel/compile.go`).

/// A part, and what is below it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) size: u64,
    fields: &'static [(&'static str, Part)],
    /// Keys and values of a map.
    entries: Option<&'static (Part, Part)>,
    /// Whether a value of the map may be written as a field.
    dotted: bool,
}

impl Part {
    const fn leaf(size: u64) -> Self {
        Self {
            size,
            fields: &[],
            entries: None,
            dotted: false,
        }
    }

    const fn map(entries: &'static (Part, Part), dotted: bool) -> Self {
        Self {
            size: MOST_ATTRIBUTES,
            fields: &[],
            entries: Some(entries),
            dotted,
        }
    }

    pub(super) fn field(&'static self, name: &str) -> Option<&'static Part> {
        let own = self.fields.iter().find(|(own, _)| *own == name);
        own.map(|(_, part)| part)
            .or_else(|| self.values().filter(|_| self.dotted))
    }

    pub(super) fn keys(&self) -> Option<&'static Part> {
        self.entries.map(|(keys, _)| keys)
    }

    pub(super) fn values(&self) -> Option<&'static Part> {
        self.entries.map(|(_, values)| values)
    }
}

/// Most attributes or capacities of a device.
const MOST_ATTRIBUTES: u64 = 32;

/// A device.
pub(super) static DEVICE: Part = Part {
    size: 0,
    fields: &[
        ("driver", Part::leaf(63)),
        ("attributes", Part::map(&ATTRIBUTES, false)),
        ("capacity", Part::map(&CAPACITY, false)),
        ("allowMultipleAllocations", Part::leaf(1)),
    ],
    entries: None,
    dotted: false,
};

/// By domain, then by name: the longest text is that of a version.
static ATTRIBUTES: (Part, Part) = (Part::leaf(63), Part::map(&ATTRIBUTE, true));
static ATTRIBUTE: (Part, Part) = (Part::leaf(32), Part::leaf(64));
static CAPACITY: (Part, Part) = (Part::leaf(63), Part::map(&AMOUNT, false));
static AMOUNT: (Part, Part) = (Part::leaf(32), Part::leaf(0));
