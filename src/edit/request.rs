//! What is to be changed, as it is written on a command line: `NAME=REF`, `NAME=3`, `key=value`,
//! `key-`. The forms are those of `kustomize edit set` and of `kubectl set image`.

use std::fmt;

use crate::manifest::names::{is_label_key, is_label_value};
use crate::template::dialect::parse_image;

/// A change that can be made to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// New names, tags and digests for images.
    Images(Vec<ImageChange>),
    /// Numbers of replicas, by workload.
    Replicas(Vec<(String, i64)>),
    /// The namespace of everything.
    Namespace(String),
    /// Labels; `None` removes one.
    Labels(Vec<TextChange>, Reach),
    /// Annotations; `None` removes one.
    Annotations(Vec<TextChange>),
}

/// Where a label goes that is not there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// `metadata.labels` of every object.
    #[default]
    Metadata,
    /// Pod templates too.
    Templates,
    /// Pod templates and selectors too: what `kustomize edit set label` does. Selectors of
    /// workloads that exist cannot be changed.
    Selectors,
}

/// What becomes of one part of an image reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stays as it is.
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set(String),
}

/// A change of one image, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// The image as the source calls it. `None` means every image that the source names a tag for.
    pub name: Option<String>,
    /// Registry and path.
    pub new_name: Part,
    /// Tag.
    pub tag: Part,
    /// Digest.
    pub digest: Part,
}

/// A label or annotation and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextChange {
    /// The key.
    pub key: String,
    /// The value; `None` removes it.
    pub value: Option<String>,
}

impl ImageChange {
    /// Reads `NAME=REF`, `NAME:TAG` or `NAME@DIGEST`, as `kustomize edit set image` does: what
    /// `REF` does not say goes, and `*` keeps what is there. `NAME=:TAG` and `NAME=@DIGEST` are
    /// short for `NAME=*:TAG` and `NAME=*@DIGEST`.
    ///
    /// # Errors
    /// It has none of these forms, or names no image.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, reference) = match text.split_once('=') {
            Some((name, reference)) => (Some(name), reference),
            None => (None, text),
        };
        if name.is_some_and(str::is_empty) || reference.is_empty() {
            return Err(format!("`{text}` is no `NAME=REF`"));
        }
        let (new_name, tag, digest) = split_reference(reference);
        if name.is_none() && tag.is_empty() && digest.is_empty() {
            return Err(format!("`{text}` names no tag, digest or other image"));
        }
        if name.is_none() && matches!(new_name, "" | "*") {
            return Err(format!("`{text}` names no image"));
        }
        let change = Self {
            name: Some(name.unwrap_or(new_name).to_owned()),
            new_name: match (name, new_name) {
                (None, _) => Part::Clear,
                (_, "" | "*") => Part::Keep,
                (_, new_name) => Part::Set(new_name.to_owned()),
            },
            tag: part(tag),
            digest: part(digest),
        };
        change.check(text)?;
        Ok(change)
    }

    /// Reads `NAME=TAG`, or a tag for every image. The digest of the old tag goes.
    ///
    /// # Errors
    /// It is no tag.
    pub fn parse_tag(text: &str) -> Result<Self, String> {
        let (name, tag) = match text.split_once('=') {
            Some((name, tag)) => (Some(name), tag),
            None => (None, text),
        };
        if name.is_some_and(str::is_empty) {
            return Err(format!("`{text}` is no `NAME=TAG`"));
        }
        let change = Self {
            name: name.map(str::to_owned),
            new_name: Part::Keep,
            tag: Part::Set(tag.to_owned()),
            digest: Part::Clear,
        };
        change.check(text)?;
        Ok(change)
    }

    /// The reference that comes of another one.
    pub(super) fn apply(&self, reference: &str) -> String {
        let (name, tag, digest) = split_reference(reference);
        let name = match &self.new_name {
            Part::Set(new) => new,
            Part::Keep | Part::Clear => name,
        };
        let mut result = name.to_owned();
        for (mark, old, change) in [(':', tag, &self.tag), ('@', digest, &self.digest)] {
            let new = match change {
                Part::Keep => old,
                Part::Clear => "",
                Part::Set(new) => new,
            };
            if !new.is_empty() {
                result.push(mark);
                result.push_str(new);
            }
        }
        result
    }

    /// Whether a reference is what this change makes of one.
    pub(super) fn is_done(&self, reference: &str) -> bool {
        self.apply(reference) == reference
    }

    /// A container runtime must be able to read what comes of it.
    fn check(&self, text: &str) -> Result<(), String> {
        let name = match &self.new_name {
            Part::Set(name) => name,
            Part::Keep | Part::Clear => "x",
        };
        let sample = Self {
            new_name: Part::Keep,
            ..self.clone()
        };
        let sample = sample.apply(name);
        match parse_image(&sample) {
            Ok(_) => Ok(()),
            Err(reason) => Err(format!("`{text}`: {reason}")),
        }
    }
}

impl fmt::Display for Request {
    /// What is changed, as people say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Request::Images(_) => "image",
            Request::Replicas(_) => "number of replicas",
            Request::Namespace(_) => "namespace",
            Request::Labels(..) => "label",
            Request::Annotations(_) => "annotation",
        })
    }
}

/// Reads `NAME=N`.
///
/// # Errors
/// It is none, or a number that no workload can have.
pub fn parse_replicas(text: &str) -> Result<(String, i64), String> {
    let (name, count) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("`{text}` is no `NAME=NUMBER`"))?;
    match count.parse::<i32>() {
        Ok(count) if count >= 0 => Ok((name.to_owned(), i64::from(count))),
        _ => Err(format!("`{count}` is no number of replicas")),
    }
}

/// Reads `key=value`, `key-`, and `key:value` as kustomize writes it.
///
/// # Errors
/// It has none of these forms, or the server would not take it.
pub fn parse_text(text: &str, is_label: bool) -> Result<TextChange, String> {
    let (key, value) = match (text.split_once('='), text.split_once(':')) {
        (Some((key, value)), _) => (key, Some(value)),
        (None, None) if text.ends_with('-') => (&text[..text.len() - 1], None),
        (None, Some((key, value))) => (key, Some(value)),
        (None, None) => return Err(format!("`{text}` is no `key=value` and no `key-`")),
    };
    if !is_label_key(key) {
        let what = if is_label { "label" } else { "annotation" };
        return Err(format!("`{key}` is no key of a {what}"));
    }
    if let Some(value) = value.filter(|value| is_label && !is_label_value(value)) {
        return Err(format!(
            "`{value}` is no value of a label: at most 63 letters, digits, `-`, `_` and `.`"
        ));
    }
    Ok(TextChange {
        key: key.to_owned(),
        value: value.map(str::to_owned),
    })
}

fn part(text: &str) -> Part {
    match text {
        "" => Part::Clear,
        "*" => Part::Keep,
        text => Part::Set(text.to_owned()),
    }
}

/// Splits a reference into name, tag and digest. A colon before the last slash is of a port.
pub(super) fn split_reference(reference: &str) -> (&str, &str, &str) {
    let (rest, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let path = rest.rfind('/').map_or(0, |at| at + 1);
    match rest[path..].find(':') {
        Some(at) => (&rest[..path + at], &rest[path + at + 1..], digest),
        None => (rest, "", digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_read_as_kustomize_edit_reads_them() {
        let set = |text: &str| Part::Set(text.to_owned());
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, name, wanted) in [
            (
                "web=reg:5000/x:1.2",
                "web",
                (set("reg:5000/x"), set("1.2"), Part::Clear),
            ),
            (
                "web=reg:5000/x",
                "web",
                (set("reg:5000/x"), Part::Clear, Part::Clear),
            ),
            (
                "node:8.15.0",
                "node",
                (Part::Clear, set("8.15.0"), Part::Clear),
            ),
            (
                &format!("alpine@{digest}"),
                "alpine",
                (Part::Clear, Part::Clear, set(&digest)),
            ),
            ("web=*:v2", "web", (Part::Keep, set("v2"), Part::Clear)),
            ("web=:v2", "web", (Part::Keep, set("v2"), Part::Clear)),
            ("web=x:*", "web", (set("x"), Part::Keep, Part::Clear)),
            (
                &format!("web=*:*@{digest}"),
                "web",
                (Part::Keep, Part::Keep, set(&digest)),
            ),
        ] {
            let change = ImageChange::parse(text).unwrap();
            assert_eq!(change.name.as_deref(), Some(name), "{text}");
            assert_eq!(
                (change.new_name, change.tag, change.digest),
                wanted,
                "{text}"
            );
        }
        for text in [
            "node",
            "=x:1",
            "web=",
            ":v2",
            "*:v2",
            "web=x:v 2",
            "web=X:1",
            "a@sha256:1",
        ] {
            ImageChange::parse(text).expect_err(text);
        }
    }

    #[test]
    fn a_change_makes_one_reference_of_another() {
        let make = |change: &str, from: &str| ImageChange::parse(change).unwrap().apply(from);
        assert_eq!(make("a=*:v2", "reg:5000/a:v1@sha256:00"), "reg:5000/a:v2");
        assert_eq!(make("a=b:*", "a:v1"), "b:v1");
        assert_eq!(make("a:v2", "reg/a"), "reg/a:v2");
        let tag = ImageChange::parse_tag("v2").unwrap();
        assert_eq!(
            (tag.name.as_deref(), tag.apply("a:v1").as_str()),
            (None, "a:v2")
        );
    }

    #[test]
    fn replicas_and_texts_are_checked() {
        assert_eq!(parse_replicas("web=3"), Ok(("web".into(), 3)));
        for text in ["web", "=3", "web=-1", "web=x", "web=3000000000"] {
            parse_replicas(text).expect_err(text);
        }
        let read = |text: &str| parse_text(text, true).map(|change| (change.key, change.value));
        assert_eq!(read("a/b=c"), Ok(("a/b".into(), Some("c".into()))));
        assert_eq!(read("a:c"), Ok(("a".into(), Some("c".into()))));
        assert_eq!(read("a-"), Ok(("a".into(), None)));
        assert_eq!(read("a="), Ok(("a".into(), Some(String::new()))));
        for text in ["a", "a=b c", "-=b", "a b=c"] {
            read(text).expect_err(text);
        }
        assert_eq!(
            parse_text("a=any text: at all", false)
                .unwrap()
                .value
                .as_deref(),
            Some("any text: at all")
        );
    }
}
