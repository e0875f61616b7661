//! A mapping: a small vector in source order, with an index only when it is long.

use std::collections::HashMap;
use std::sync::OnceLock;

use smol_str::SmolStr;

use super::node::Node;
use super::source::Span;

/// Above this many entries a look-up uses an index instead of a scan.
pub(super) const INDEX_FROM: usize = 24;

/// Up to this many entries a mapping grows one by one.
const SMALL: usize = 8;

/// One key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key. Keys are strings, as in JSON.
    pub key: SmolStr,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// Keys and values in source order; keys are unique.
#[derive(Clone, Debug)]
pub struct Map(Store);

/// Short mappings are what memory goes into, so they hold nothing but their entries.
#[derive(Clone, Debug)]
enum Store {
    Short(Vec<Entry>),
    Long(Box<Long>),
}

/// A mapping that had [`INDEX_FROM`] entries at some time.
#[derive(Debug)]
struct Long {
    entries: Vec<Entry>,
    /// Positions by key, once they were asked for.
    index: OnceLock<HashMap<SmolStr, usize>>,
}

impl Clone for Long {
    fn clone(&self) -> Self {
        // A copy is made to be changed, so the index is not worth copying.
        Self::new(self.entries.clone())
    }
}

impl Long {
    fn new(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            index: OnceLock::new(),
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        let index = self.index.get_or_init(|| {
            let entries = self.entries.iter().enumerate();
            entries.map(|(at, entry)| (entry.key.clone(), at)).collect()
        });
        index.get(key).copied()
    }
}

impl Default for Map {
    fn default() -> Self {
        Self(Store::Short(Vec::new()))
    }
}

impl Map {
    /// Creates an empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty mapping with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Store::Short(Vec::with_capacity(capacity)))
    }

    /// Takes entries whose keys are known to be unique.
    pub(super) fn from_unique(entries: Vec<Entry>) -> Self {
        Self(if entries.len() < INDEX_FROM {
            Store::Short(entries)
        } else {
            Store::Long(Box::new(Long::new(entries)))
        })
    }

    fn entries(&self) -> &[Entry] {
        match &self.0 {
            Store::Short(entries) => entries,
            Store::Long(long) => &long.entries,
        }
    }

    /// The entries, to take some out: the index is forgotten.
    fn entries_mut(&mut self) -> &mut Vec<Entry> {
        match &mut self.0 {
            Store::Short(entries) => entries,
            Store::Long(long) => {
                long.index = OnceLock::new();
                &mut long.entries
            }
        }
    }

    /// One entry, to change its value.
    fn entry_mut(&mut self, at: usize) -> &mut Entry {
        match &mut self.0 {
            Store::Short(entries) => &mut entries[at],
            Store::Long(long) => &mut long.entries[at],
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Iterates in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries().iter()
    }

    /// Iterates in order, values and spans for writing. Keys must not be changed: use
    /// [`Map::remove`] and [`Map::insert`].
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        match &mut self.0 {
            Store::Short(entries) => entries.iter_mut(),
            Store::Long(long) => long.entries.iter_mut(),
        }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|entry| entry.key.as_str())
    }

    /// Returns the position of a key.
    pub fn position(&self, key: &str) -> Option<usize> {
        match &self.0 {
            Store::Short(entries) => entries.iter().position(|entry| entry.key == key),
            Store::Long(long) => long.position(key),
        }
    }

    /// Whether the key exists.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Returns the entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.position(key).map(|at| &self.entries()[at])
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Returns the value of a key for writing.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.position(key).map(|at| &mut self.entry_mut(at).value)
    }

    /// Sets a key; its place in the order stays where it was, a new key goes last.
    pub fn insert(&mut self, key: impl Into<SmolStr>, key_span: Span, value: Node) -> Option<Node> {
        let key = key.into();
        if let Some(at) = self.position(&key) {
            let entry = self.entry_mut(at);
            entry.key_span = key_span;
            return Some(std::mem::replace(&mut entry.value, value));
        }
        self.push_unique(key, key_span, value);
        None
    }

    /// Sets a key with the value's own span as the key's.
    pub fn set(&mut self, key: impl Into<SmolStr>, value: Node) -> Option<Node> {
        let span = value.span;
        self.insert(key, span, value)
    }

    /// Returns the value of a key for writing; makes it with `default` where it is missing.
    pub fn get_or_insert_with(&mut self, key: &str, default: impl FnOnce() -> Node) -> &mut Node {
        let at = self.position(key).unwrap_or_else(|| {
            let value = default();
            let span = value.span;
            self.push_unique(SmolStr::new(key), span, value);
            self.len() - 1
        });
        &mut self.entry_mut(at).value
    }

    /// Removes a key; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        Some(self.entries_mut().remove(at).value)
    }

    /// Keeps the entries that `keep` accepts.
    pub fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        self.entries_mut().retain_mut(keep);
    }

    fn push_unique(&mut self, key: SmolStr, key_span: Span, value: Node) {
        let entry = Entry {
            key,
            key_span,
            value,
        };
        match &mut self.0 {
            Store::Short(entries) => {
                // Most mappings get one or two keys more, and there are very many of them.
                if entries.len() < SMALL {
                    entries.reserve_exact(1);
                }
                entries.push(entry);
                if entries.len() >= INDEX_FROM {
                    let entries = std::mem::take(entries);
                    self.0 = Store::Long(Box::new(Long::new(entries)));
                }
            }
            Store::Long(long) => {
                if let Some(index) = long.index.get_mut() {
                    index.insert(entry.key.clone(), long.entries.len());
                }
                long.entries.push(entry);
            }
        }
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = &'a mut Entry;
    type IntoIter = std::slice::IterMut<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl FromIterator<(SmolStr, Node)> for Map {
    fn from_iter<I: IntoIterator<Item = (SmolStr, Node)>>(iter: I) -> Self {
        let mut map = Map::new();
        for (key, value) in iter {
            map.set(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_mapping_finds_keys_after_every_change() {
        let mut map = Map::new();
        for n in 0..100 {
            map.set(format!("k{n}"), Node::int(n, Span::NONE));
        }
        assert_eq!(map.get("k77").and_then(Node::as_i64), Some(77));
        assert!(map.remove("k5").is_some());
        assert_eq!(map.get("k77").and_then(Node::as_i64), Some(77));
        map.set("new", Node::int(1, Span::NONE));
        assert_eq!(map.position("new"), Some(99));
        map.retain(|entry| entry.key.ends_with('7'));
        assert_eq!(map.len(), 10);
        assert!(map.contains_key("k97"));
        assert!(!map.contains_key("k96"));
    }

    #[test]
    fn insert_keeps_the_place_of_a_key() {
        let mut map: Map = ["a", "b"]
            .map(|key| (SmolStr::new(key), Node::null(Span::NONE)))
            .into_iter()
            .collect();
        map.set("a", Node::bool(true, Span::NONE));
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}
