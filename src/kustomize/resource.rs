//! An object of the build with the history that kustomize keeps in hidden annotations: earlier
//! names, namespaces and kinds, prefixes and suffixes, and what generators want of it.

use smol_str::SmolStr;

use super::aliases::Alias;
use crate::manifest::object::split_api_version;
use crate::manifest::resolve::{Resolved, resolve};
use crate::manifest::{Diagnostics, Dialect, Gvk, Map, Node, Scalar, ScalarKind, Span, Value};
use crate::merge::merge_keys::MergeSchema;
use crate::merge::strategic::{is_ambiguous, keep_style};

/// The namespace of objects that have none by nature.
const NO_NAMESPACE: &str = "_non_namespaceable_";
/// The namespace of namespaced objects that name none.
const DEFAULT_NAMESPACE: &str = "default";

/// What a resource was called before a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreviousId {
    pub(crate) name: SmolStr,
    /// The effective namespace.
    pub(crate) namespace: SmolStr,
    pub(crate) kind: SmolStr,
}

/// What a generated resource does with one of the same identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Merge,
    Replace,
}

/// An object and its history.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    /// Current group, version and kind; kept in step with `node` by [`Resource::refresh`].
    pub(crate) gvk: Gvk,
    /// Current name.
    pub(crate) name: SmolStr,
    /// Current namespace as written; empty where none is.
    pub(crate) namespace: SmolStr,
    pub(crate) cluster_scoped: bool,
    /// Oldest first.
    pub(crate) previous: Vec<PreviousId>,
    /// Innermost first.
    pub(crate) prefixes: Vec<SmolStr>,
    /// Innermost first.
    pub(crate) suffixes: Vec<SmolStr>,
    pub(crate) needs_hash: bool,
    /// Whether a generator made it.
    pub(crate) generated: bool,
    pub(crate) behavior: Behavior,
    /// Names of the `vars` that read from it.
    pub(crate) vars: Vec<SmolStr>,
    /// Where it comes from and what changed it, for `buildMetadata`.
    pub(crate) origin: Option<Box<super::origin::History>>,
    /// Labels and annotations whose values are one.
    pub(crate) aliases: Vec<Alias>,
    /// Whether Helm made it: it has the namespace that Helm gave it, and keeps it.
    pub(crate) from_helm: bool,
    /// Whether a patch deleted it.
    pub(crate) dead: bool,
    /// Whether a step failed on it. What later steps would find wrong may come from that, so they
    /// leave it alone.
    pub(crate) broken: bool,
    /// Fields that a step has given a text which their type does not allow. kustomize finds that
    /// only when it reads the object again, which it does not do with one that it leaves out.
    pub(crate) unreadable: Option<Box<Diagnostics>>,
    /// Its number in the record of the build, from 1; 0 while nothing records it.
    pub(crate) record: u32,
}

impl Resource {
    pub(crate) fn new(node: Node, schema: &MergeSchema) -> Self {
        let mut resource = Self {
            node,
            gvk: Gvk::new("", ""),
            name: SmolStr::default(),
            namespace: SmolStr::default(),
            cluster_scoped: false,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            generated: false,
            behavior: Behavior::Create,
            vars: Vec::new(),
            origin: None,
            aliases: Vec::new(),
            from_helm: false,
            dead: false,
            broken: false,
            unreadable: None,
            record: 0,
        };
        resource.refresh(schema);
        resource
    }

    /// Reads group, version, kind, name and namespace from the tree again.
    pub(crate) fn refresh(&mut self, schema: &MergeSchema) {
        let version = text_at(&self.node, &["apiVersion"]).unwrap_or_default();
        let kind = text_at(&self.node, &["kind"]).unwrap_or_default();
        if self.gvk.kind != kind || !is_version_of(&self.gvk, &version) {
            self.cluster_scoped = schema.is_cluster_scoped(&version, &kind);
            self.gvk = Gvk::new(&version, &kind);
        }
        self.refresh_names();
    }

    /// Takes the tree out, to change it while others look at the rest.
    pub(crate) fn take_node(&mut self) -> Node {
        let nothing = Node::null(self.node.span);
        std::mem::replace(&mut self.node, nothing)
    }

    /// Reads name and namespace from the tree again.
    pub(crate) fn refresh_names(&mut self) {
        self.name = text_at(&self.node, &["metadata", "name"]).unwrap_or_default();
        self.namespace = text_at(&self.node, &["metadata", "namespace"]).unwrap_or_default();
    }

    /// The namespace that identity is compared by.
    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(&self.namespace, self.cluster_scoped)
    }

    /// The name it was loaded or generated with.
    pub(crate) fn original_name(&self) -> &SmolStr {
        self.previous.first().map_or(&self.name, |id| &id.name)
    }

    /// The kind it was loaded with.
    pub(crate) fn original_kind(&self) -> &SmolStr {
        self.previous.first().map_or(&self.gvk.kind, |id| &id.kind)
    }

    /// The effective namespace it was loaded with.
    pub(crate) fn original_namespace(&self) -> &str {
        self.previous
            .first()
            .map_or_else(|| self.effective_namespace(), |id| &id.namespace)
    }

    /// Remembers the current identity before it changes.
    pub(crate) fn store_previous(&mut self) {
        let id = PreviousId {
            name: self.name.clone(),
            namespace: SmolStr::new(self.effective_namespace()),
            kind: self.gvk.kind.clone(),
        };
        // Few identities, of very many resources.
        self.previous.reserve_exact(1);
        self.previous.push(id);
    }

    /// Forgets what kustomize keeps in annotations.
    pub(crate) fn forget(&mut self) {
        self.previous.clear();
        self.prefixes.clear();
        self.suffixes.clear();
        self.needs_hash = false;
        self.behavior = Behavior::Create;
        self.from_helm = false;
        self.origin = None;
    }

    /// Whether any identity it has or had is this one.
    pub(crate) fn has_id(&self, gvk: &Gvk, name: &str, namespace: &str) -> bool {
        if self.gvk.group != gvk.group || self.gvk.version != gvk.version {
            return false;
        }
        self.gvk.kind == gvk.kind && self.name == name && self.effective_namespace() == namespace
            || self
                .previous
                .iter()
                .any(|id| id.kind == gvk.kind && id.name == name && id.namespace == namespace)
    }

    /// Sets `metadata.name`.
    pub(crate) fn set_name(&mut self, name: &str, span: Span) {
        if let Some(metadata) = self.metadata_mut(span) {
            match metadata.get_mut("name") {
                Some(node) => set_scalar(node, name, span),
                None => {
                    metadata.set("name", Node::string(name, span));
                }
            }
        }
        self.name = SmolStr::new(name);
    }

    /// Sets `metadata.namespace`, or removes it when empty.
    pub(crate) fn set_namespace(&mut self, namespace: &str, span: Span) {
        let written = self.node.at(&["metadata", "namespace"]);
        if namespace.is_empty() && written.is_none()
            || written.and_then(Node::as_str) == Some(namespace)
        {
            return;
        }
        if let Some(metadata) = self.metadata_mut(span) {
            if namespace.is_empty() {
                metadata.remove("namespace");
            } else if let Some(node) = metadata.get_mut("namespace") {
                set_scalar(node, namespace, span);
            } else {
                metadata.set("namespace", Node::string(namespace, span));
            }
        }
        self.namespace = SmolStr::new(namespace);
    }

    /// How people call it: `Deployment shop/backend`.
    pub(crate) fn describe(&self) -> String {
        if self.namespace.is_empty() {
            format!("{} {}", self.gvk.kind, self.name)
        } else {
            format!("{} {}/{}", self.gvk.kind, self.namespace, self.name)
        }
    }

    /// The label or annotation texts under `metadata`, as kustomize reads them: the source text
    /// of whatever scalar stands there.
    pub(crate) fn texts(&self, field: &str) -> Vec<(SmolStr, SmolStr)> {
        let map = self.node.at(&["metadata", field]).and_then(Node::as_map);
        map.into_iter()
            .flatten()
            .map(|entry| (entry.key.clone(), raw_text(&entry.value)))
            .collect()
    }

    /// The text of one annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<SmolStr> {
        let node = self.node.at(&["metadata", "annotations", key])?;
        Some(raw_text(node))
    }

    /// Replaces labels or annotations; none at all removes the field.
    pub(crate) fn set_texts(&mut self, field: &str, texts: Vec<(SmolStr, SmolStr, Span)>) {
        let span = self.node.span;
        let Some(metadata) = self.metadata_mut(span) else {
            return;
        };
        if texts.is_empty() {
            metadata.remove(field);
            return;
        }
        let mut map = Map::with_capacity(texts.len());
        for (key, text, span) in texts {
            map.insert(key, span, text_node(text, span));
        }
        metadata.insert(SmolStr::new(field), span, Node::map(map, span));
    }

    /// Whether kustomize would keep something about it in annotations, so that JSON patches find
    /// `metadata.annotations` even where the file has none.
    pub(crate) fn has_hidden_annotations(&self) -> bool {
        !self.previous.is_empty()
            || self.generated
            || self.from_helm
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.origin.is_some()
    }

    /// Makes `metadata.annotations` where it is missing; an empty mapping is dropped at the end.
    pub(crate) fn ensure_annotations(&mut self) {
        let span = self.node.span;
        if let Some(metadata) = self.metadata_mut(span) {
            let annotations = metadata.get_or_insert_with("annotations", || Node::empty_map(span));
            if annotations.is_null() {
                *annotations = Node::empty_map(span);
            }
        }
    }

    /// Whether `config.kubernetes.io/local-config` keeps it out of the output.
    pub(crate) fn is_local(&self) -> bool {
        self.annotation("config.kubernetes.io/local-config")
            .is_some_and(|text| text != "false")
    }

    fn metadata_mut(&mut self, span: Span) -> Option<&mut Map> {
        let root = self.node.as_map_mut()?;
        let metadata = root.get_or_insert_with("metadata", || Node::empty_map(span));
        if metadata.is_null() {
            *metadata = Node::empty_map(span);
        }
        metadata.as_map_mut()
    }
}

/// Annotations that kustomize keeps its books in and takes off at the end of every build, whoever
/// wrote them (`resource.BuildAnnotations` of its api 0.21.1).
const BOOKS: [&str; 19] = [
    "config.k8s.io/id",
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "internal.config.kubernetes.io/generatorBehavior",
    "internal.config.kubernetes.io/helm-generated",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/needsHashSuffix",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/previousKinds",
    "internal.config.kubernetes.io/previousNames",
    "internal.config.kubernetes.io/previousNamespaces",
    "internal.config.kubernetes.io/refBy",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/suffixes",
];

/// Whether kustomize takes an annotation off at the end of every build.
pub(crate) fn is_book(annotation: &str) -> bool {
    (annotation.starts_with("config.k") || annotation.starts_with("internal.config.k"))
        && BOOKS.contains(&annotation)
}

/// The namespace that identity is compared by.
pub(crate) fn effective_namespace(namespace: &str, cluster_scoped: bool) -> &str {
    if cluster_scoped {
        NO_NAMESPACE
    } else if namespace.is_empty() {
        DEFAULT_NAMESPACE
    } else {
        namespace
    }
}

/// Whether a text stays one where it is written without quotes. kustomize writes keys so, and
/// cannot print an object with a key that is none.
pub(crate) fn is_text_unquoted(text: &str) -> bool {
    text != "<<" && resolve(text, Dialect::Kustomize) == Resolved::Kind(ScalarKind::Str)
}

/// The source text of a scalar; empty for collections.
pub(crate) fn raw_text(node: &Node) -> SmolStr {
    node.as_scalar()
        .map(|scalar| scalar.text.clone())
        .unwrap_or_default()
}

/// Gives a scalar a new text the way kyaml does: where it was plain, the new text means what a
/// plain scalar means (`1e3` is a number then), where it was quoted it stays text.
pub(crate) fn set_scalar(node: &mut Node, text: &str, span: Span) {
    let mut new = untagged(text, span);
    keep_style(node, &mut new);
    *node = new;
}

/// A scalar that kustomize sets without saying what it is.
pub(crate) fn untagged(text: &str, span: Span) -> Node {
    let scalar = Scalar {
        untagged: true,
        ..plain_scalar(text)
    };
    Node::new(Value::Scalar(scalar), span)
}

/// A text as kustomize makes one: in quotes only where another reader could take it for something
/// else. Later patches look at that.
pub(crate) fn text_node(text: impl Into<SmolStr>, span: Span) -> Node {
    let mut node = Node::string(text, span);
    if let Value::Scalar(scalar) = &mut node.value {
        scalar.plain = !scalar.text.contains('\n');
    }
    if is_ambiguous(&node)
        && let Value::Scalar(scalar) = &mut node.value
    {
        scalar.plain = false;
    }
    node
}

/// A scalar without quotes.
pub(crate) fn plain_scalar(text: &str) -> Scalar {
    let kind = match resolve(text, Dialect::Kustomize) {
        Resolved::Kind(kind) => kind,
        Resolved::NotFinite => ScalarKind::Str,
    };
    Scalar {
        text: SmolStr::new(text),
        kind,
        plain: true,
        folded: false,
        untagged: false,
    }
}

fn text_at(node: &Node, path: &[&str]) -> Option<SmolStr> {
    let found = node.at(path).filter(|node| !node.is_null())?;
    found.as_scalar().map(|scalar| scalar.text.clone())
}

fn is_version_of(gvk: &Gvk, api_version: &str) -> bool {
    let (group, version) = split_api_version(api_version);
    gvk.group == group && gvk.version == version
}
