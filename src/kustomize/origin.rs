//! `buildMetadata`: where an object comes from and what changed it, as annotations.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use smol_str::SmolStr;

use super::resmap::ResMap;
use super::resource::Resource;
use crate::manifest::Span;

const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The version that a build is byte-equal to.
const MANAGER: &str = "kustomize-v5.8.1";

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

/// A file, or a configuration in a file that made or changed a resource. Paths are relative to
/// the root of the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(PathBuf),
    Plugin {
        configured_in: PathBuf,
        api_version: SmolStr,
        kind: SmolStr,
        name: SmolStr,
        namespace: SmolStr,
    },
}

impl Origin {
    /// The origin of what a field of a kustomization file makes or changes.
    pub(crate) fn builtin(file: &Path, kind: &str) -> Self {
        Origin::Plugin {
            configured_in: file.to_path_buf(),
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
            Origin::File(path) => path.clone(),
            Origin::Plugin { .. } => PathBuf::new(),
        };
        Some(Origin::Plugin {
            configured_in,
            api_version: config.gvk.api_version().into(),
            kind: config.gvk.kind.clone(),
            name: config.name.clone(),
            namespace: config.namespace.clone(),
        })
    }

    /// The lines of its YAML.
    fn lines(&self) -> Vec<String> {
        match self {
            Origin::File(path) => vec![format!("path: {}", path.display())],
            Origin::Plugin {
                configured_in,
                api_version,
                kind,
                name,
                namespace,
            } => {
                let mut lines = Vec::new();
                if !configured_in.as_os_str().is_empty() {
                    lines.push(format!("configuredIn: {}", configured_in.display()));
                }
                lines.push("configuredBy:".to_owned());
                for (key, value) in [
                    ("apiVersion", api_version),
                    ("kind", kind),
                    ("name", name),
                    ("namespace", namespace),
                ] {
                    if !value.is_empty() {
                        lines.push(format!("  {key}: {value}"));
                    }
                }
                lines
            }
        }
    }
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

/// Writes what is wanted into a finished resource.
pub(crate) fn write(resource: &mut Resource, wanted: Wanted) {
    if wanted.managed_by {
        let mut labels = with_spans(resource, "labels");
        labels.retain(|(key, ..)| key != MANAGED_BY);
        labels.push((MANAGED_BY.into(), MANAGER.into(), Span::NONE));
        resource.set_texts("labels", labels);
    }
    let Some(history) = resource.origin.take() else {
        return;
    };
    let mut annotations = with_spans(resource, "annotations");
    if wanted.origins
        && let Some(origin) = &history.origin
    {
        let mut text = String::new();
        for line in origin.lines() {
            let _ = writeln!(text, "{line}");
        }
        annotations.push((ORIGIN.into(), text.into(), Span::NONE));
    }
    if wanted.transformations && !history.transformations.is_empty() {
        let mut text = String::new();
        for origin in &history.transformations {
            for (at, line) in origin.lines().iter().enumerate() {
                let mark = if at == 0 { "- " } else { "  " };
                let _ = writeln!(text, "{mark}{line}");
            }
        }
        annotations.push((TRANSFORMATIONS.into(), text.into(), Span::NONE));
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
        let file = Origin::File("../base/a.yaml".into());
        assert_eq!(file.lines(), ["path: ../base/a.yaml"]);
        let field = Origin::builtin(Path::new("kustomization.yaml"), "PrefixTransformer");
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
}
