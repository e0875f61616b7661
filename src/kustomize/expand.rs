//! The seam to typed resources: what the overlay build asks of the stage that knows templates.
//!
//! `kustomize/` stands above `template/`, so expansion and validation come in as trait objects.

use std::path::{Path, PathBuf};

use smol_str::SmolStr;

use crate::manifest::{Diagnostics, Node, Sources};

/// What the overlay build must know about typed resources (group `deployx.dev`).
pub trait TypedResources: Sync {
    /// Whether objects of this group and kind are typed resources. A `Release` is one too,
    /// though it expands to nothing.
    fn is_typed(&self, group: &str, kind: &str) -> bool;

    /// The fields of typed kinds that kustomize's own transformers reach natively, as if a
    /// `configurations:` file listed them. Each entry names its group and kind.
    fn field_specs(&self) -> &[TypedFieldSpec];

    /// Turns every typed resource of the build into objects, in the order of the typed resources.
    ///
    /// # Errors
    /// Every fault of every typed resource's input, with its position.
    fn expand(&self, input: &ExpandInput<'_>) -> Result<Vec<Expansion>, Diagnostics>;

    /// The files that what a kind expands to depends on, by their true paths: its schema, its
    /// templates, the project's settings. Not what ships with the program.
    fn files_of(&self, _group: &str, _kind: &str) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// What checks a build where a kustomization's `validators:` lists a config of group
/// `deployx.dev`, kind `Validate`.
pub trait Validators: Sync {
    /// Checks all objects of the build; they are not changed.
    ///
    /// # Errors
    /// What is wrong with them. An error ends the build; warnings alone do not.
    fn validate(&self, config: &Node, input: &ExpandInput<'_>) -> Result<(), Diagnostics>;
}

/// Which of kustomize's transformers a [`TypedFieldSpec`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypedField {
    /// `images:` (`spec/image`).
    Images,
    /// `replicas:` (`spec/replicas`).
    Replicas,
    /// `commonLabels:` and `labels:` with `includeSelectors` (`spec/selector`, `spec/pod/labels`).
    Selectors,
    /// `labels:` with `includeTemplates` (`spec/pod/labels`).
    Templates,
    /// `commonAnnotations:` (`spec/pod/annotations`).
    Annotations,
}

/// One field of a typed kind that a transformer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedFieldSpec {
    /// The transformer.
    pub field: TypedField,
    /// API group of the kind, for example `deployx.dev`.
    pub group: SmolStr,
    /// The kind, for example `WebService`.
    pub kind: SmolStr,
    /// Path in kustomize's notation: keys joined by `/`.
    pub path: SmolStr,
    /// Whether a missing field is made.
    pub create: bool,
}

/// The whole build as it stands when expansion runs: before hash suffixes and name references.
#[derive(Clone, Copy, Debug)]
pub struct ExpandInput<'a> {
    /// All resources, in order: expansion needs the ConfigMaps and Secrets too.
    pub resources: &'a [ExpandResource],
    /// The table that spans point into; expansion adds the texts it generates.
    pub sources: &'a Sources,
    /// The directory of the kustomization that is built: where the project is looked up.
    pub root: &'a Path,
}

/// One resource with the part of its history that expansion may need.
#[derive(Clone, Debug)]
pub struct ExpandResource {
    /// The object with its current name.
    pub node: Node,
    /// The name it was loaded or generated with.
    pub original_name: SmolStr,
    /// All names it had before the current one, oldest first; empty when it was never renamed.
    pub previous_names: Vec<SmolStr>,
    /// Prefixes given to the name so far, innermost first.
    pub prefixes: Vec<SmolStr>,
    /// Suffixes given to the name so far, innermost first.
    pub suffixes: Vec<SmolStr>,
    /// Whether a hash of the content will be appended to the name at the end of the build.
    pub needs_hash: bool,
    /// Whether `config.kubernetes.io/local-config` will drop it at the end of the build.
    pub is_local: bool,
}

/// What one typed resource became.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// Index of the typed resource in [`ExpandInput::resources`].
    pub from: usize,
    /// The objects, with their final current names (`pre-backend-headless` for a typed resource
    /// whose current name is `pre-backend`). They inherit its history under their own kind.
    pub objects: Vec<Node>,
}

/// Used where no templates are wired in: nothing is typed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTypedResources;

impl TypedResources for NoTypedResources {
    fn is_typed(&self, _group: &str, _kind: &str) -> bool {
        false
    }

    fn field_specs(&self) -> &[TypedFieldSpec] {
        &[]
    }

    fn expand(&self, _input: &ExpandInput<'_>) -> Result<Vec<Expansion>, Diagnostics> {
        Ok(Vec::new())
    }
}

/// Used where no checks are wired in: everything is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoValidators;

impl Validators for NoValidators {
    fn validate(&self, _config: &Node, _input: &ExpandInput<'_>) -> Result<(), Diagnostics> {
        Ok(())
    }
}
