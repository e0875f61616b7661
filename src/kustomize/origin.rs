//! `buildMetadata`: where an object comes from and what changed it, as annotations.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use smol_str::SmolStr;

use super::compat::Compat;
use super::decode::Spanned;
use super::fieldspec::{FieldSpec, FieldSpecs};
use super::load::normalize;
use super::remote::repo_spec::RepoSpec;
use super::resmap::ResMap;
use super::resource::{Resource, raw_text};
use super::{aliases, labels};
use crate::manifest::{Diagnostic, Node, Span, emit};

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What the root's `buildMetadata` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) origins: bool,
    pub(crate) transformations: bool,
    pub(crate) managed_by: bool,
}

/// The origin of a resource, and the transformers that changed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) origin: Option<Origin>,
    pub(crate) transformations: Vec<Origin>,
}

/// A path from the root of the build, or of the repository that it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The address of the repository; empty for the user's own files.
    pub(crate) repo: SmolStr,
    pub(crate) reference: SmolStr,
}

impl Place {
    /// The place of an entry of a kustomization here.
    pub(crate) fn join(&self, entry: &str) -> Self {
        let Ok(spec) = RepoSpec::parse(entry) else {
            return Self {
                path: normalize(&self.path.join(entry)),
                ..self.clone()
            };
        };
        // kustomize takes the part of a made-up path behind its first folder, and where there is
        // no such part the folder itself.
        let path = if spec.path.is_empty() {
            PathBuf::from("notCloned")
        } else {
            normalize(Path::new(&spec.path))
        };
        Self {
            path,
            repo: spec.address().into(),
            reference: spec.reference.as_str().into(),
        }
    }

    fn lines(&self, key: &str) -> Vec<String> {
        let path = self.path.to_string_lossy();
        let (first, rest) = if key == "path" {
            (vec![(key, path.as_ref())], vec![])
        } else {
            (vec![], vec![(key, path.as_ref())])
        };
        let repo = [
            ("repo", self.repo.as_str()),
            ("ref", self.reference.as_str()),
        ];
        let all = first.into_iter().chain(repo).chain(rest);
        all.filter(|(_, text)| !text.is_empty())
            .map(|(key, text)| line(key, text))
            .collect()
    }
}

/// A file, or a configuration in a file that made or changed a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(Place),
    Plugin {
        configured_in: Place,
        api_version: SmolStr,
        kind: SmolStr,
        name: SmolStr,
        namespace: SmolStr,
    },
}

impl Origin {
    /// The origin of what a field of a kustomization file makes or changes.
    pub(crate) fn builtin(file: &Place, kind: &str) -> Self {
        Origin::Plugin {
            configured_in: file.clone(),
            api_version: "builtin".into(),
            kind: kind.into(),
            name: SmolStr::default(),
            namespace: SmolStr::default(),
        }
    }

    /// The origin of what a plugin makes or changes; `None` where its own is not known.
    pub(crate) fn of_plugin(config: &Resource) -> Option<Self> {
        let history = config.origin.as_ref()?;
        let configured_in = match history.origin.as_ref()? {
            Origin::File(place) => place.clone(),
            Origin::Plugin { configured_in, .. } => Place {
                path: PathBuf::new(),
                ..configured_in.clone()
            },
        };
        Some(Origin::Plugin {
            configured_in,
            api_version: config.gvk.api_version().into(),
            kind: config.gvk.kind.clone(),
            name: config.name.clone(),
            namespace: config.namespace.clone(),
        })
    }

    /// Reads the tree of its YAML.
    fn read(node: &Node) -> Self {
        let text = |node: &Node, key: &str| node.get(key).map(raw_text).unwrap_or_default();
        let place = |key: &str| Place {
            path: PathBuf::from(text(node, key).as_str()),
            repo: text(node, "repo"),
            reference: text(node, "ref"),
        };
        match node.get("configuredBy") {
            None => Origin::File(place("path")),
            Some(by) => Origin::Plugin {
                configured_in: place("configuredIn"),
                api_version: text(by, "apiVersion"),
                kind: text(by, "kind"),
                name: text(by, "name"),
                namespace: text(by, "namespace"),
            },
        }
    }

    /// The lines of its YAML.
    fn lines(&self) -> Vec<String> {
        match self {
            Origin::File(place) => place.lines("path"),
            Origin::Plugin {
                configured_in,
                api_version,
                kind,
                name,
                namespace,
            } => {
                let mut lines = configured_in.lines("configuredIn");
                lines.push("configuredBy:".to_owned());
                for (key, value) in [
                    ("apiVersion", api_version),
                    ("kind", kind),
                    ("name", name),
                    ("namespace", namespace),
                ] {
                    if !value.is_empty() {
                        lines.push(format!("  {}", line(key, value)));
                    }
                }
                lines
            }
        }
    }
}

impl History {
    /// What there is to say, as annotations.
    pub(crate) fn annotations(&self) -> Vec<(&'static str, String)> {
        let mut annotations = Vec::new();
        if let Some(origin) = &self.origin {
            let mut text = String::new();
            for line in origin.lines() {
                let _ = writeln!(text, "{line}");
            }
            annotations.push((ORIGIN, text));
        }
        if !self.transformations.is_empty() {
            let mut text = String::new();
            for origin in &self.transformations {
                for (at, line) in origin.lines().iter().enumerate() {
                    let mark = if at == 0 { "- " } else { "  " };
                    let _ = writeln!(text, "{mark}{line}");
                }
            }
            annotations.push((TRANSFORMATIONS, text));
        }
        annotations
    }

    /// Reads annotations back; `read` reads a small YAML text. `None` where there are none.
    pub(crate) fn read(
        annotations: &HashMap<SmolStr, SmolStr>,
        read: &dyn Fn(&str) -> Option<Node>,
    ) -> Option<Self> {
        let node = |key: &str| read(annotations.get(key)?);
        let transformations = node(TRANSFORMATIONS);
        let history = Self {
            origin: node(ORIGIN).as_ref().map(Origin::read),
            transformations: transformations
                .as_ref()
                .and_then(Node::as_seq)
                .unwrap_or_default()
                .iter()
                .map(Origin::read)
                .collect(),
        };
        (history.origin.is_some() || !history.transformations.is_empty()).then_some(history)
    }
}

/// Whether an annotation is one of these.
pub(crate) fn is_annotation(key: &str) -> bool {
    key == ORIGIN || key == TRANSFORMATIONS
}

/// A line of YAML, the text in quotes where it needs them.
fn line(key: &str, text: &str) -> String {
    let value = emit::emit(&Node::string(text, Span::NONE));
    format!("{key}: {}", value.trim_end())
}

/// Sets the origin of a resource that has none.
pub(crate) fn set(resource: &mut Resource, origin: &Origin) {
    let history = resource.origin.get_or_insert_default();
    if history.origin.is_none() {
        history.origin = Some(origin.clone());
    }
}

/// Notes that a transformer went over all resources; it is the origin of those without one.
pub(crate) fn transformed(map: &mut ResMap, origin: &Origin) {
    for resource in map.iter_mut() {
        let history = resource.origin.get_or_insert_default();
        if history.origin.is_none() {
            history.origin = Some(origin.clone());
        } else {
            history.transformations.push(origin.clone());
        }
    }
}

/// Labels all resources with the version of the build.
///
/// # Errors
/// Labels that are no mapping.
pub(crate) fn label(resources: &mut [Resource], compat: Compat) -> Result<(), Vec<Diagnostic>> {
    let text = Spanned {
        value: compat.manager().into(),
        span: Span::NONE,
    };
    let spec = FieldSpec::new("", "", "", "metadata/labels", true);
    let pairs = [(SmolStr::new_static(MANAGED_BY), text)];
    let specs = FieldSpecs::new(vec![spec]);
    let (mut seen, mut faults) = (aliases::Seen::default(), Vec::new());
    for resource in resources {
        labels::write(resource, &pairs, &specs, &mut seen, &mut faults);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Writes what is wanted into a finished resource.
pub(crate) fn write(resource: &mut Resource, wanted: Wanted) {
    let Some(history) = resource.origin.take() else {
        return;
    };
    let mut annotations = with_spans(resource, "annotations");
    for (key, text) in history.annotations() {
        if key == ORIGIN && wanted.origins || key == TRANSFORMATIONS && wanted.transformations {
            annotations.push((key.into(), text.into(), Span::NONE));
        }
    }
    resource.set_texts("annotations", annotations);
}

fn with_spans(resource: &Resource, field: &str) -> Vec<(SmolStr, SmolStr, Span)> {
    let texts = resource.texts(field).into_iter();
    let span = resource.node.span;
    texts.map(|(key, text)| (key, text, span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_kustomize_writes_them() {
        let root = Place::default();
        let file = Origin::File(root.join("../base/a.yaml"));
        assert_eq!(file.lines(), ["path: ../base/a.yaml"]);
        let field = Origin::builtin(&root.join("kustomization.yaml"), "PrefixTransformer");
        assert_eq!(
            field.lines(),
            [
                "configuredIn: kustomization.yaml",
                "configuredBy:",
                "  apiVersion: builtin",
                "  kind: PrefixTransformer",
            ]
        );
    }

    #[test]
    fn what_comes_from_a_repository_names_it() {
        let root = Place::default();
        let base = root.join("https://github.com/org/repo//deploy/base?ref=1.0");
        assert_eq!(
            Origin::File(base.join("../a.yaml")).lines(),
            [
                "path: deploy/a.yaml",
                "repo: https://github.com/org/repo",
                "ref: \"1.0\"",
            ]
        );
        // kustomize 5.8.1 lets a word of its own slip.
        let base = root.join("https://github.com/org/repo");
        assert_eq!(base.join("a.yaml").path, Path::new("notCloned/a.yaml"));
        let field = Origin::builtin(&base.join("kustomization.yaml"), "PrefixTransformer");
        let lines = field.lines();
        assert_eq!(
            lines[..2],
            [
                "repo: https://github.com/org/repo",
                "configuredIn: notCloned/kustomization.yaml"
            ]
        );
        // And back again.
        let sources = crate::manifest::Sources::new();
        let read = |text: &str| {
            let file = sources.add("x", text);
            let options = crate::manifest::ReadOptions::kubectl();
            let document = crate::manifest::read::read_one(&sources, file, &options);
            document.ok().map(|document| document.root)
        };
        let history = History {
            origin: Some(Origin::File(base)),
            transformations: vec![field],
        };
        let annotations = history.annotations().into_iter();
        let annotations = annotations.map(|(key, text)| (key.into(), text.into()));
        let again = History::read(&annotations.collect(), &read).unwrap();
        assert_eq!(again.origin, history.origin);
        assert_eq!(again.transformations, history.transformations);
    }
}
