//! `buildMetadata`: where an object comes from and what changed it.

/// The origin of a resource, and the transformers that changed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Text of the annotation `config.kubernetes.io/origin`.
    pub(crate) origin: String,
    /// Entries of the annotation `alpha.config.kubernetes.io/transformations`.
    pub(crate) transformations: Vec<String>,
}
