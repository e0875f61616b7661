//! Which kustomize a build is byte-equal to. Found by comparing the sources of both versions
//! (`sigs.k8s.io/kustomize/api` 0.18.0 and 0.21.1), and tried with both programs.

/// A version of kustomize, for what differs between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// kustomize 5.5.0: replacement targets are exact, nothing is replaced inside of texts, there
    /// is no `sourceValue`, images of volumes stay, an empty patch is refused, and what charts
    /// make gets the kustomization's namespace only afterwards.
    V5_5,
    /// kustomize 5.8.1.
    #[default]
    V5_8,
}

impl Compat {
    /// Whether it is kustomize 5.5.
    pub(crate) fn is_5_5(self) -> bool {
        self == Compat::V5_5
    }

    /// The value of the label `app.kubernetes.io/managed-by`.
    pub(crate) fn manager(self) -> &'static str {
        match self {
            Compat::V5_5 => "kustomize-v5.5.0",
            Compat::V5_8 => "kustomize-v5.8.1",
        }
    }
}
