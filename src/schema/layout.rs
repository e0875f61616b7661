//! The binary form of the tables: where the sections lie and how records are read.
//!
//! `schemas/kubernetes/generator/encode.go` writes it. All numbers are little-endian; sections
//! are located when this file is compiled, so a damaged table does not build.

static BYTES: &[u8] = include_bytes!("../../schemas/kubernetes/tables.bin");

const MAGIC: [u8; 8] = *b"deployx1";

/// Minor versions, one byte each; the position is the bit in every version mask.
pub(super) static MINORS: &[u8] = section(0);
/// End offset of each string, `u32`.
static STRING_ENDS: &[u8] = section(1);
/// Known to be UTF-8 when this is compiled, so that no look-up has to ask.
static STRINGS: &str = match std::str::from_utf8(section(2)) {
    Ok(text) => text,
    Err(_) => panic!("the generator writes UTF-8"),
};
/// Type nodes: tag, flags, then three `u16`. Structured types come first, sorted by name.
pub(super) static TYPES: &[u8] = section(3);
/// Fields: name `u16`, type `u16`, flags, version mask. Those of one type are sorted by name.
pub(super) static FIELDS: &[u8] = section(4);
/// Kinds: group, kind, version, plural, type (`u16`), verbs, scope, version mask, nothing.
pub(super) static KINDS: &[u8] = section(5);
/// Lifecycles: group, kind, version (`u16`), introduced, deprecated, removed, version mask,
/// then group, kind, version of the replacement (`u16`).
pub(super) static LIFECYCLES: &[u8] = section(6);
/// Closed sets: first value and number of values, `u16`.
pub(super) static SETS: &[u8] = section(7);
/// Values of closed sets: string `u16`, version mask, nothing.
pub(super) static SET_VALUES: &[u8] = section(8);

pub(super) const TYPE_SIZE: usize = 8;
pub(super) const FIELD_SIZE: usize = 6;
pub(super) const KIND_SIZE: usize = 14;
pub(super) const LIFECYCLE_SIZE: usize = 16;
pub(super) const SET_SIZE: usize = 4;
pub(super) const SET_VALUE_SIZE: usize = 4;

/// One fixed-size record of a section.
#[derive(Clone, Copy)]
pub(super) struct Record {
    bytes: &'static [u8],
}

impl Record {
    pub(super) fn of(section: &'static [u8], size: usize, index: usize) -> Self {
        Self {
            bytes: &section[index * size..][..size],
        }
    }

    pub(super) fn u8(self, at: usize) -> u8 {
        self.bytes[at]
    }

    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    pub(super) fn usize(self, at: usize) -> usize {
        usize::from(self.u16(at))
    }

    pub(super) fn str(self, at: usize) -> &'static str {
        string(self.usize(at))
    }
}

/// Returns a string by its number. Number 0 is the empty string.
pub(super) fn string(number: usize) -> &'static str {
    let end = u32_at(STRING_ENDS, number * 4);
    let start = match number {
        0 => 0,
        _ => u32_at(STRING_ENDS, (number - 1) * 4),
    };
    &STRINGS[start..end]
}

/// Returns the range of records whose key is `key`, in a section that is sorted by it.
pub(super) fn equal_range(
    count: usize,
    compare: impl Fn(usize) -> std::cmp::Ordering,
) -> std::ops::Range<usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if compare(middle).is_lt() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    // Few records have one key: those of a field that changed between versions.
    let equal = (low..count).take_while(|&at| compare(at).is_eq()).count();
    low..low + equal
}

const fn section(number: usize) -> &'static [u8] {
    let mut at = 0;
    while at < MAGIC.len() {
        assert!(BYTES[at] == MAGIC[at], "tables.bin has another form");
        at += 1;
    }
    let header = MAGIC.len() + number * 8;
    let (_, tail) = BYTES.split_at(u32_at(BYTES, header));
    let (section, _) = tail.split_at(u32_at(BYTES, header + 4));
    section
}

const fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}
