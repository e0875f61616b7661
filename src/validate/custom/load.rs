//! Definitions from files and folders that the user names.

use std::path::PathBuf;

use super::Definitions;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Object, ReadOptions, Sources, read};
use crate::source::manifest_files;

/// Loads the custom resource definitions of files and folders.
///
/// # Errors
/// Every fault of the files, and a path without any definition.
pub fn load_definitions(sources: &Sources, paths: &[PathBuf]) -> Result<Definitions, Diagnostics> {
    let mut all = Definitions::default();
    let mut faults = Diagnostics::default();
    for path in paths {
        let before = faults.0.len();
        let mut found = false;
        let files = if path.is_dir() {
            manifest_files(path)
        } else {
            vec![path.clone()]
        };
        for file in files {
            let documents = read::load(sources, &file)
                .and_then(|file| read::read_all(sources, file, &ReadOptions::kubectl()));
            match documents {
                Ok(documents) => {
                    let roots = documents.into_iter().map(|document| document.root);
                    for object in roots.filter_map(Object::from_node) {
                        found |= all.add(&object);
                    }
                }
                Err(Diagnostics(items)) => faults.0.extend(items),
            }
        }
        if !found && faults.0.len() == before {
            let name = display_path(path);
            let message = format!("no CustomResourceDefinition in `{name}`");
            faults.0.push(
                Diagnostic::error("no-definition", message)
                    .hint("definitions are manifests of kind CustomResourceDefinition"),
            );
        }
    }
    if faults.0.is_empty() {
        Ok(all)
    } else {
        Err(faults)
    }
}
