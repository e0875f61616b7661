//! The images that a build uses, and by which names people call them.

use std::collections::BTreeSet;

use super::request::split_reference;
use crate::manifest::{Node, Object, Sources, Span, Value, suggest};

/// One reference in a build.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) reference: String,
    /// What set it: a line of the user's, also where the object was made by a template.
    pub(super) span: Span,
    pub(super) container: String,
    pub(super) object: String,
}

/// Finds the images of objects.
pub(super) fn of_objects(sources: &Sources, objects: &[Object]) -> Vec<Use> {
    let mut uses = Vec::new();
    for object in objects {
        walk(&object.root, &mut |reference, span, container| {
            uses.push(Use {
                reference: reference.to_owned(),
                span: sources.trace(span).input.unwrap_or(span),
                container: container.to_owned(),
                object: object.name().to_owned(),
            });
        });
    }
    uses
}

fn walk(node: &Node, found: &mut impl FnMut(&str, Span, &str)) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::Seq(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Map(map) => {
            for entry in map.as_ref() {
                let is_list = matches!(
                    entry.key.as_str(),
                    "containers" | "initContainers" | "ephemeralContainers"
                );
                let items = entry.value.as_seq().filter(|_| is_list);
                for container in items.unwrap_or_default() {
                    if let Some(image) = container.get("image")
                        && let Some(text) = image.as_str()
                    {
                        let name = container.get("name").and_then(Node::as_str);
                        found(text, image.span, name.unwrap_or_default());
                    }
                }
                walk(&entry.value, found);
            }
        }
    }
}

/// What a name that was typed stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The image of this full name.
    Image(String),
    /// Several images.
    Several(Vec<String>),
    /// None; the nearest name, and all that there are.
    None {
        near: Option<String>,
        known: Vec<String>,
    },
}

/// How well a word names an image: the better one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Its name.
    Name,
    /// The last part of its name, or the name that an overlay gives it.
    Short,
    /// A container of it, or a key above it.
    Container,
    /// An object that uses it.
    Object,
}

/// The names of images, with what else they are called.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Rank, word, and full name of the image that it stands for.
    words: BTreeSet<(Rank, String, String)>,
}

impl Names {
    /// Adds an image.
    pub(super) fn add(&mut self, image: &str) {
        self.insert(Rank::Name, image, image);
        self.rename(image, image);
    }

    /// Adds the name that an overlay gives an image.
    pub(super) fn rename(&mut self, image: &str, new_name: &str) {
        let (name, ..) = split_reference(new_name);
        self.insert(Rank::Short, name, image);
        self.insert(Rank::Short, name.rsplit('/').next().unwrap_or(name), image);
    }

    /// Adds a container or an object that uses an image.
    pub(super) fn call(&mut self, rank: Rank, image: &str, word: &str) {
        self.insert(rank, word, image);
    }

    fn insert(&mut self, rank: Rank, word: &str, image: &str) {
        if !word.is_empty() && !image.is_empty() {
            self.words.insert((rank, word.to_owned(), image.to_owned()));
        }
    }

    /// Finds out which image is meant.
    pub(super) fn find(&self, typed: &str) -> Meaning {
        let best = self.words.iter().find(|(_, word, _)| word == typed);
        let Some((best, ..)) = best else {
            let words = self.words.iter().map(|(_, word, _)| word.as_str());
            let near = suggest::nearest(typed, words);
            let known: BTreeSet<&String> = self.words.iter().map(|(.., image)| image).collect();
            return Meaning::None {
                near: near.map(str::to_owned),
                known: known.into_iter().cloned().collect(),
            };
        };
        let meant: BTreeSet<&String> = self
            .words
            .iter()
            .filter(|(rank, word, _)| rank == best && word == typed)
            .map(|(.., image)| image)
            .collect();
        let mut meant: Vec<String> = meant.into_iter().cloned().collect();
        match meant.len() {
            1 => Meaning::Image(meant.remove(0)),
            _ => Meaning::Several(meant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_the_words_that_people_use() {
        let mut names = Names::default();
        for image in ["klinematrix/backend", "redis", "a/web", "b/web"] {
            names.add(image);
        }
        names.rename("klinematrix/backend", "reg.io/klinecubic/core:v1");
        names.call(Rank::Container, "klinematrix/backend", "api");
        names.call(Rank::Object, "klinematrix/backend", "backend-service");
        names.call(Rank::Object, "redis", "api");
        let image = |name: &str| Meaning::Image(name.to_owned());
        for typed in [
            "klinematrix/backend",
            "backend",
            "reg.io/klinecubic/core",
            "core",
            "api",
            "backend-service",
        ] {
            assert_eq!(names.find(typed), image("klinematrix/backend"), "{typed}");
        }
        assert_eq!(names.find("redis"), image("redis"));
        let several = Meaning::Several(vec!["a/web".into(), "b/web".into()]);
        assert_eq!(names.find("web"), several);
        let Meaning::None { near, known } = names.find("backnd") else {
            panic!()
        };
        assert_eq!(near.as_deref(), Some("backend"));
        assert_eq!(known.len(), 4);
    }
}
