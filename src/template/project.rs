//! The project: the nearest folder upwards that holds `.deployx.yaml`, and what that file says.

use std::path::{Path, PathBuf};

use crate::manifest::read::{self, ReadOptions, read_one};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Node, Sources, suggest};
use crate::schema::Version;

use super::switches::{self, LintSetting};

/// The file's name.
pub(super) const FILE: &str = ".deployx.yaml";

/// Fields that may be written.
const FIELDS: [&str; 5] = ["crds", "kubernetesVersion", "lint", "schemas", "templates"];

/// Fields that the design has and this version does not.
const NOT_BUILT: [(&str, &str); 3] = [
    ("rules", "rules of a team"),
    ("defaults", "defaults of a team"),
    ("contexts", "holding overlays to contexts"),
];

/// What `.deployx.yaml` says.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The folder of the file; `None` where there is no file.
    pub folder: Option<PathBuf>,
    /// Kubernetes minor version that is rendered for, as `(1, 37)`.
    pub kube: Option<(u8, u8)>,
    /// Folders with templates, in the order they are searched.
    pub templates: Vec<PathBuf>,
    /// Folders with schemas, in the order they are searched.
    pub schemas: Vec<PathBuf>,
    /// Files and folders with custom resource definitions.
    pub crds: Vec<PathBuf>,
    /// Rules that weigh otherwise here.
    pub lint: Vec<LintSetting>,
}

impl Project {
    /// The folder of the project that a folder belongs to.
    pub fn folder_of(from: &Path) -> Option<PathBuf> {
        let absolute = from.canonicalize().unwrap_or_else(|_| from.to_path_buf());
        let folder = absolute.ancestors().find(|dir| dir.join(FILE).is_file());
        folder.map(Path::to_path_buf)
    }
    /// The name of the file that makes a folder a project.
    pub const FILE: &str = FILE;

    /// Finds and reads the project of a folder.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn find(from: &Path, sources: &Sources) -> Result<Self, Diagnostics> {
        let absolute = from.canonicalize().unwrap_or_else(|_| from.to_path_buf());
        let Some(folder) = absolute.ancestors().find(|dir| dir.join(FILE).is_file()) else {
            return Ok(Self::default());
        };
        let file = read::load(sources, &shown(from, &absolute, folder).join(FILE))
            .or_else(|_| read::load(sources, &folder.join(FILE)))?;
        let root = read_one(sources, file, &ReadOptions::kubectl())?.root;
        let mut reader = Reader {
            project: Project {
                folder: Some(folder.to_path_buf()),
                ..Project::default()
            },
            faults: Vec::new(),
        };
        reader.read(&root, folder);
        if reader.faults.is_empty() {
            Ok(reader.project)
        } else {
            Err(Diagnostics(reader.faults))
        }
    }

    /// The Kubernetes version that is rendered for.
    pub fn kube(&self) -> (u8, u8) {
        self.kube.unwrap_or((1, Version::newest().minor()))
    }
}

/// The JSON Schema of `.deployx.yaml`, for editors.
pub fn config_schema() -> serde_json::Value {
    let folders = |what: &str| serde_json::json!({"type": "array", "items": {"type": "string"}, "description": what});
    let mut properties = serde_json::json!({
        "kubernetesVersion": {
            "type": ["string", "number"],
            "description": "Kubernetes version that is rendered for and judged by, for example \"1.37\"."
        },
        "crds": folders("Files and folders with custom resource definitions, relative to this file."),
        "lint": switches::schema(),
        "schemas": folders("Folders with the project's own *.schema.json, relative to this file."),
        "templates": folders("Folders with the project's own *.j2, relative to this file.")
    });
    for (name, what) in NOT_BUILT {
        properties[name] =
            serde_json::json!({"not": {}, "description": format!("Not built yet: {what}.")});
    }
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FILE,
        "type": "object",
        "additionalProperties": false,
        "properties": properties
    })
}

/// The folder as a path like the one that was given, so that messages show what a user would
/// type: `..` for each level up.
fn shown(from: &Path, absolute: &Path, folder: &Path) -> PathBuf {
    let levels = absolute.components().count() - folder.components().count();
    let mut path = from.to_path_buf();
    for _ in 0..levels {
        if path.file_name().is_some() {
            path.pop();
        } else {
            path.push("..");
        }
    }
    if path.as_os_str().is_empty() {
        path.push(".");
    }
    path
}

struct Reader {
    project: Project,
    faults: Vec<Diagnostic>,
}

impl Reader {
    fn read(&mut self, root: &Node, folder: &Path) {
        if root.is_null() {
            return;
        }
        let Some(map) = root.as_map() else {
            let message = format!("`{FILE}` is a mapping, not {}", root.describe());
            self.faults
                .push(Diagnostic::error("project", message).at(root.span, ""));
            return;
        };
        for entry in map {
            match entry.key.as_str() {
                "crds" => self.project.crds = self.paths(&entry.value, folder, Path::exists),
                "templates" => {
                    self.project.templates = self.paths(&entry.value, folder, Path::is_dir);
                }
                "schemas" => self.project.schemas = self.paths(&entry.value, folder, Path::is_dir),
                "lint" => self.project.lint = switches::read(&entry.value, &mut self.faults),
                "kubernetesVersion" => self.project.kube = self.version(&entry.value),
                key => self.unknown(key, entry.key_span),
            }
        }
    }

    fn unknown(&mut self, key: &str, span: crate::manifest::Span) {
        let planned = NOT_BUILT.iter().find(|(name, _)| *name == key);
        let fault = if let Some((_, what)) = planned {
            Diagnostic::error("not-built", format!("`{key}`: {what} are not built yet"))
                .at(span, "remove it for now")
        } else {
            let remark = match suggest::nearest(key, FIELDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("fields are {}", FIELDS.join(", ")),
            };
            Diagnostic::error("project", format!("unknown field `{key}` in `{FILE}`"))
                .at(span, remark)
        };
        self.faults.push(fault);
    }

    fn paths(&mut self, value: &Node, folder: &Path, exists: fn(&Path) -> bool) -> Vec<PathBuf> {
        let Some(items) = value.as_seq() else {
            let fault = Diagnostic::error("project", "a list of folders is expected")
                .at(value.span, "for example `[deploy/templates]`");
            self.faults.push(fault);
            return Vec::new();
        };
        let mut folders = Vec::new();
        for item in items {
            let path = folder.join(item.as_str().unwrap_or_default());
            let inside = item
                .as_str()
                .is_some_and(|text| !text.starts_with('/') && !text.split('/').any(|p| p == ".."));
            let message = if item.as_str().is_none() {
                "a folder is a string".to_owned()
            } else if !inside {
                "a folder of the project is expected, below this file".to_owned()
            } else if !exists(&path) {
                format!("there is no folder `{}`", display_path(&path))
            } else {
                folders.push(path);
                continue;
            };
            self.faults
                .push(Diagnostic::error("project", message).at(item.span, ""));
        }
        folders
    }

    fn version(&mut self, value: &Node) -> Option<(u8, u8)> {
        let text = value.scalar_text().unwrap_or_default();
        let parsed = text
            .strip_prefix('v')
            .unwrap_or(text)
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .filter(|(major, minor)| *major == 1_u8 && *minor >= 20_u8);
        if parsed.is_none() {
            let fault = Diagnostic::error("project", format!("`{text}` is no Kubernetes version"))
                .at(value.span, "for example \"1.37\"");
            self.faults.push(fault);
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Result<Project, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::create_dir(dir.path().join("schemas")).unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        Project::find(&dir.path().join("a/b"), &Sources::new())
            .map_err(|faults| faults.0.into_iter().map(|f| f.message).collect())
    }

    #[test]
    fn the_nearest_file_upwards_is_read() {
        let project = project("schemas: [schemas]\nkubernetesVersion: \"1.29\"\n").unwrap();
        assert!(project.schemas[0].ends_with("schemas"));
        assert_eq!(project.kube(), (1, 29));
        let nowhere = tempfile::tempdir().unwrap();
        let project = Project::find(nowhere.path(), &Sources::new()).unwrap();
        assert!(project.folder.is_none());
        assert_eq!(project.kube().0, 1);
    }

    #[test]
    fn faults_are_all_reported() {
        let faults =
            project("schema: [x]\nrules: {}\ntemplates: [../x, nope, 3]\ncrds: [missing]\nkubernetesVersion: 2\n")
                .unwrap_err()
                .join("\n");
        for part in [
            "unknown field `schema`",
            "`rules`: rules of a team are not built yet",
            "below this file",
            "there is no folder",
            "missing`",
            "a folder is a string",
            "`2` is no Kubernetes version",
        ] {
            assert!(faults.contains(part), "{part} in {faults}");
        }
    }
}
