//! Expansion of whole resources, as a build sees it.

use std::path::Path;

use super::Library;
use crate::kustomize::expand::{ExpandInput, ExpandResource, TypedResources as _};
use crate::manifest::read::{ReadOptions, read_all};
use crate::manifest::{Diagnostics, Node, Sources, emit};

/// A build of the documents in `text`; `hashed` are the names that will carry a hash.
pub(super) struct Build {
    pub(super) sources: Sources,
    pub(super) library: Library,
    pub(super) resources: Vec<ExpandResource>,
}

impl Build {
    pub(super) fn new(text: &str) -> Self {
        let empty = tempfile::tempdir().unwrap();
        Self::in_folder(text, empty.path())
    }

    pub(super) fn in_folder(text: &str, folder: &Path) -> Self {
        let sources = Sources::new();
        let library = Library::load(folder, &sources).unwrap_or_else(|e| panic!("{e}"));
        let file = sources.add("api.yaml", text);
        let documents = read_all(&sources, file, &ReadOptions::kustomize_resource()).unwrap();
        let resources = documents
            .into_iter()
            .map(|document| resource(document.root))
            .collect();
        Self {
            sources,
            library,
            resources,
        }
    }

    pub(super) fn expand(&self) -> Result<Vec<Node>, Diagnostics> {
        let input = ExpandInput {
            resources: &self.resources,
            sources: &self.sources,
            root: Path::new("."),
        };
        let expansions = self.library.expand(&input)?;
        Ok(expansions.into_iter().flat_map(|e| e.objects).collect())
    }

    /// The findings as `rule place message (remark) | hint`, one on each line.
    pub(super) fn faults(&self) -> String {
        let faults = match self.expand() {
            Ok(_) => self.library.take_warnings(),
            Err(faults) => faults.0,
        };
        let lines = faults.iter().map(|fault| {
            let primary = fault.primary.as_ref();
            let place = primary.map_or_else(String::new, |at| self.sources.locate(at.span));
            let remark = primary.map_or("", |at| at.text.as_str());
            let mut line = format!("{} {place} {}", fault.rule, fault.message);
            if !remark.is_empty() {
                line.push_str(&format!(" ({remark})"));
            }
            if let Some(hint) = &fault.hint {
                line.push_str(&format!(" | {hint}"));
            }
            for also in &fault.secondary {
                let place = self.sources.locate(also.span);
                line.push_str(&format!("\n  also {place} {}", also.text));
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn resource(node: Node) -> ExpandResource {
    let name = node.at(&["metadata", "name"]).and_then(Node::as_str);
    ExpandResource {
        original_name: name.unwrap_or_default().into(),
        previous_names: Vec::new(),
        prefixes: Vec::new(),
        suffixes: Vec::new(),
        needs_hash: false,
        is_local: false,
        node,
    }
}

pub(super) fn expanded(text: &str) -> String {
    let build = Build::new(text);
    match build.expand() {
        Ok(objects) => emit::emit_all(&objects),
        Err(_) => panic!("{}", build.faults()),
    }
}

const WORKED_EXAMPLE: &str = r#"apiVersion: deployx.dev/v1
kind: WebService
metadata: {name: api}
spec:
  image: registry.example.com/docsense/api:1.4.0
  ports: {http: 8080, metrics: 9090}
  resources: {cpu: 250m..1, memory: 512Mi}
  env:
    LOG_LEVEL: info
    DB_POOL_MAX: 50
    DATABASE_URL: postgres://$(DB_USER)@postgres:5432/docsense
    DB_USER: {secret: app-secrets, key: db-user}
    OPENAI_API_KEY: {secret: app-secrets, key: openai, optional: true}
  files:
    features: {path: /etc/api/features.yaml, content: "rag: true\n"}
  health:
    ready: {http: /health}
    live: {http: /live}
  ingress:
    class: nginx
    routes: {main: {host: api.test.example.com}}
"#;

#[test]
fn the_worked_example() {
    insta::assert_snapshot!(expanded(WORKED_EXAMPLE));
}
