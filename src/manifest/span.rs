//! Where a value came from: a text and a stretch of it, in eight bytes.
//!
//! Every node and every key of every tree has a span, so its size is a good part of what a large
//! build holds in memory. Three numbers of 32 bits are packed into one of 64, in one of two forms:
//! one for many files, one for long ones. The few that fit neither stand in a table.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, PoisonError, RwLock};

/// Identifies one text of a [`Sources`](super::Sources) table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(super) u32);

/// Where a value came from: byte offsets into one source.
///
/// Spans are in order by file, then by start, then by end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span(u64);

/// File, start and end.
type Parts = (u32, u32, u32);

/// A form of a packed span: a tag in front, then the bits of the file, of the start, of the length.
struct Form {
    tag: u64,
    file: u32,
    start: u32,
    length: u32,
}

/// Up to 4 million files of 16 MB, with values of 128 KB.
const MANY: Form = Form {
    tag: 0b0 << 63,
    file: 22,
    start: 24,
    length: 17,
};

/// Up to 4,096 files of 1 GB, with values of 1 MB.
const LARGE: Form = Form {
    tag: 0b10 << 62,
    file: 12,
    start: 30,
    length: 20,
};

/// What a number in the table has in front.
const IN_TABLE: u64 = 0b11 << 62;

impl Form {
    fn pack(&self, (file, start, end): Parts) -> Option<u64> {
        let length = end.checked_sub(start)?;
        let fits = |number: u32, bits: u32| u64::from(number) >> bits == 0;
        if !fits(file, self.file) || !fits(start, self.start) || !fits(length, self.length) {
            return None;
        }
        let before_length = u64::from(file) << self.start | u64::from(start);
        Some(self.tag | before_length << self.length | u64::from(length))
    }

    fn unpack(&self, packed: u64) -> Parts {
        let bits = |from: u32, count: u32| {
            let bits = packed >> from & ((1 << count) - 1);
            u32::try_from(bits).expect("no part has more than 32 bits")
        };
        let start = bits(self.length, self.start);
        let file = bits(self.length + self.start, self.file);
        (file, start, start + bits(0, self.length))
    }
}

/// Spans that no form holds. They stay until the process ends, as what they are made of is rare:
/// a value of more than a megabyte, or one far down in a very long file among thousands.
#[derive(Default)]
struct Table {
    spans: Vec<Parts>,
    numbers: HashMap<Parts, usize>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

impl Span {
    /// The span of a value that no source holds, for example one read from a cluster.
    pub const NONE: Span = Span(u64::MAX);

    /// Creates a span over `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        // Sources are limited to `MAX_SOURCE_BYTES`, so their offsets fit.
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let parts = (file.0, clamp(start), clamp(end));
        let packed = MANY.pack(parts).or_else(|| LARGE.pack(parts));
        packed.map_or_else(|| Self::in_table(parts), Self)
    }

    fn in_table(parts: Parts) -> Self {
        let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
        let next = table.spans.len();
        let number = *table.numbers.entry(parts).or_insert(next);
        if number == next {
            table.spans.push(parts);
        }
        Self(IN_TABLE | number as u64)
    }

    fn parts(self) -> Parts {
        if self.is_none() {
            return (u32::MAX, 0, 0);
        }
        match self.0 & IN_TABLE {
            IN_TABLE => {
                let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
                let number = usize::try_from(self.0 & !IN_TABLE).ok();
                let known = number.and_then(|number| table.spans.get(number));
                *known.expect("a span is made by `new` only")
            }
            tag if tag == LARGE.tag => LARGE.unpack(self.0),
            _ => MANY.unpack(self.0),
        }
    }

    /// The source that the offsets count in.
    pub fn file(self) -> FileId {
        FileId(self.parts().0)
    }

    /// First byte.
    pub fn start(self) -> u32 {
        self.parts().1
    }

    /// One past the last byte.
    pub fn end(self) -> u32 {
        self.parts().2
    }

    /// The bytes, to cut the source's text with.
    pub fn range(self) -> std::ops::Range<usize> {
        let (_, start, end) = self.parts();
        start as usize..end as usize
    }

    /// Whether the span points nowhere.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Returns `self`, or `other` where `self` points nowhere.
    pub fn or(self, other: Span) -> Span {
        if self.is_none() { other } else { self }
    }
}

impl Ord for Span {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for Span {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, start, end) = self.parts();
        write!(f, "Span({file}: {start}..{end})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_small() {
        assert_eq!(size_of::<Span>(), 8);
        assert_eq!(size_of::<crate::manifest::Node>(), 40);
    }

    #[test]
    fn nowhere_is_like_no_other_and_comes_last() {
        let none = Span::NONE;
        assert_eq!((none.start(), none.end()), (0, 0));
        let last = Span::new(FileId(u32::MAX - 1), usize::MAX, usize::MAX);
        assert!(!last.is_none() && last < none);
        assert_eq!(none.or(last), last);
        assert_eq!(last.or(none), last);
    }

    fn number() -> impl Strategy<Value = u32> {
        // Around the limits of the forms, and anything.
        let limits = prop::sample::select(vec![0, 12, 17, 20, 22, 24, 30, 31]);
        let near = (limits, -2_i64..3)
            .prop_map(|(bits, by)| u32::try_from((1_i64 << bits) + by).unwrap_or_default());
        prop_oneof![near, any::<u32>()]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(file in number(), start in number(), length in number()) {
            let file = FileId(file.min(u32::MAX - 1));
            let end = start.saturating_add(length);
            let span = Span::new(file, start as usize, end as usize);
            prop_assert_eq!((span.file(), span.start(), span.end()), (file, start, end));
            prop_assert_eq!(span, Span::new(file, start as usize, end as usize));
            let before = Span::new(file, start.saturating_sub(1) as usize, end as usize);
            prop_assert_eq!(before.cmp(&span), before.start().cmp(&span.start()));
        }
    }
}
