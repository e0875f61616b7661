//! The files of a project that a kind depends on: what a commit may change about its objects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::PoisonError;

use smol_str::SmolStr;

use super::builtin;
use super::library::{Library, own_files};
use super::project::FILE;

/// A file that may name others.
struct Text {
    /// `None` for what ships with the program.
    path: Option<PathBuf>,
    text: String,
}

impl Library {
    /// The files of the project that decide what a kind expands to, by their true paths: the
    /// project's settings, the kind's schema and template, and whatever these name. A name that
    /// merely occurs in a text counts too: too many files are told rather than too few.
    pub(super) fn own_files_of(&self, group: &str, kind: &str) -> Vec<PathBuf> {
        let Some(folder) = &self.project().folder else {
            return Vec::new();
        };
        let key = (SmolStr::new(group), SmolStr::new(kind));
        let mut known = self.files_of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = known.get(&key) {
            return files.clone();
        }
        let mut files = vec![folder.join(FILE)];
        if let Some(first) = self.first_files(&key) {
            files.extend(reach(&self.texts(), first));
        }
        let real = files.iter().filter_map(|file| file.canonicalize().ok());
        let files: Vec<PathBuf> = real.collect();
        known.insert(key, files.clone());
        files
    }

    /// All templates and schemas that may name each other.
    fn texts(&self) -> BTreeMap<String, Text> {
        let project = self.project();
        let mut texts: BTreeMap<String, Text> = BTreeMap::new();
        for (name, text) in builtin::TEMPLATES {
            let text = Text {
                path: None,
                text: (*text).to_owned(),
            };
            texts.insert((*name).to_owned(), text);
        }
        let schemas = own_files(&project.schemas, ".schema.json");
        for (name, path) in schemas
            .into_iter()
            .chain(own_files(&project.templates, ".j2"))
        {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let path = Some(path);
            texts.insert(name, Text { path, text });
        }
        texts
    }
}

/// The files that can be reached from the first ones by the names that stand in their texts.
fn reach(texts: &BTreeMap<String, Text>, first: Vec<String>) -> Vec<PathBuf> {
    let mut seen: BTreeSet<String> = first.iter().cloned().collect();
    let mut queue = VecDeque::from(first);
    let mut paths = Vec::new();
    while let Some(name) = queue.pop_front() {
        let Some(text) = texts.get(&name) else {
            continue;
        };
        paths.extend(text.path.clone());
        for other in texts.keys() {
            let word = other.strip_suffix(".schema.json").unwrap_or(other);
            if text.text.contains(word) && seen.insert(other.clone()) {
                queue.push_back(other.clone());
            }
        }
    }
    paths
}
