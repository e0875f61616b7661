//! Names of images as kustomize compares them: regular expressions that are nearly always plain
//! words, so that of thousands of entries only those few are tried that can match.

use std::collections::HashMap;

use regex::Regex;
use smol_str::SmolStr;

use crate::manifest::go_regex;

/// The name of an entry of `images`.
#[derive(Debug)]
pub(super) enum NamePattern {
    /// Letters that stand for themselves, and dots that stand for any character.
    Plain(SmolStr),
    Regex(Box<Regex>),
    /// No regular expression, and why.
    Broken(String),
}

impl NamePattern {
    /// Reads a name.
    pub(super) fn new(name: &str) -> Self {
        if is_plain(name) {
            return Self::Plain(name.into());
        }
        let expression = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        match go_regex::compile(&expression) {
            Ok(regex) => Self::Regex(Box::new(regex)),
            Err(reason) => Self::Broken(reason),
        }
    }

    /// Whether a reference has this name, with any tag and digest or none.
    pub(super) fn matches(&self, reference: &str) -> bool {
        match self {
            Self::Plain(name) => after_name(name, reference).is_some_and(is_tag_and_digest),
            Self::Regex(regex) => regex.is_match(reference),
            Self::Broken(_) => false,
        }
    }
}

/// Entries of `images` by the last part of their names.
#[derive(Debug)]
pub(super) struct ImageIndex {
    by_base: HashMap<SmolStr, Vec<usize>>,
    /// Those whose last part can match several words.
    others: Vec<usize>,
}

impl ImageIndex {
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut by_base: HashMap<SmolStr, Vec<usize>> = HashMap::new();
        let mut others = Vec::new();
        for (at, name) in names.enumerate() {
            let base = base(name);
            if is_plain(name) && !base.contains('.') {
                by_base.entry(base.into()).or_default().push(at);
            } else {
                others.push(at);
            }
        }
        Self { by_base, others }
    }

    /// The first entry from a place on that could match a reference.
    pub(super) fn next(&self, reference: &str, from: usize) -> Option<usize> {
        let first = |list: &[usize]| list.get(list.partition_point(|&at| at < from)).copied();
        let same = self.by_base.get(base(reference));
        let same = same.and_then(|list| first(list));
        match (same, first(&self.others)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

fn is_plain(name: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | ':' | '@' | '.');
    name.chars().all(plain)
}

/// What stands after the last slash, up to the tag or digest.
fn base(reference: &str) -> &str {
    let last = reference.rsplit('/').next().unwrap_or_default();
    let end = last.find([':', '@']).unwrap_or(last.len());
    &last[..end]
}

/// What follows a name.
fn after_name<'r>(name: &str, reference: &'r str) -> Option<&'r str> {
    let mut rest = reference.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if wanted != found && (wanted != '.' || found == '\n') {
            return None;
        }
    }
    Some(rest.as_str())
}

/// `(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`
fn is_tag_and_digest(rest: &str) -> bool {
    let of_words = |text: &str| {
        let allowed =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'{' | b'}' | b'-');
        text.bytes().all(allowed)
    };
    let (tag, digest) = match rest.split_once('@') {
        None => (rest, None),
        Some((tag, digest)) => (tag, Some(digest)),
    };
    let tag_fits = tag.is_empty() || tag.strip_prefix(':').is_some_and(of_words);
    let digest_fits =
        digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(of_words));
    tag_fits && digest_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_match_as_their_regular_expression_does() {
        let names = [
            "",
            "nginx",
            "n.inx",
            "r.example.com/a/app",
            "r:5/n",
            "app:v1",
            "a@sha256:x",
            ".",
            "a/b.c",
        ];
        let references = [
            "",
            "nginx",
            "nginx:1",
            "nginx:",
            "nginx@sha256:ab",
            "nginx:1@sha256:ab",
            "nginx@md5:x",
            "nginx:1:2",
            "nginx/x",
            "n/inx:1",
            "r.example.com/a/app:v{1}",
            "rXexample.com/a/app",
            "r:5/n:2",
            "app:v1:2",
            "app:v1",
            "a@sha256:x",
            "a@sha256:x@sha256:y",
            "x",
            "a/bxc:1",
            "a/b/c",
            "nginx:ä",
        ];
        for name in names {
            let plain = NamePattern::new(name);
            assert!(matches!(plain, NamePattern::Plain(_)));
            let expression =
                format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
            let regex = Regex::new(&expression).unwrap();
            let index = ImageIndex::new(std::iter::once(name));
            for reference in references {
                let wanted = regex.is_match(reference);
                assert_eq!(plain.matches(reference), wanted, "{name} on {reference}");
                let found = index.next(reference, 0).is_some();
                assert!(found || !wanted, "{name} on {reference} in the index");
            }
        }
        assert!(matches!(NamePattern::new("a("), NamePattern::Broken(_)));
    }

    #[test]
    fn entries_are_tried_in_their_order() {
        let index = ImageIndex::new(["x/app", "b.c", "app", "y/other"].into_iter());
        let all = |reference: &str| -> Vec<usize> {
            let mut from = 0;
            std::iter::from_fn(|| {
                let at = index.next(reference, from)?;
                from = at + 1;
                Some(at)
            })
            .collect()
        };
        assert_eq!(all("z/app:1"), [0, 1, 2]);
        assert_eq!(all("other"), [1, 3]);
        assert_eq!(all("none"), [1]);
    }
}
