//! Facts of when an object is applied: hooks of Helm and waves of Argo CD.

use smol_str::SmolStr;

use super::Text;
use crate::manifest::{Node, Span};

/// When an object is applied.
#[derive(Clone, Debug)]
pub(in crate::lint) enum Step {
    /// A hook of Helm that runs before the release's own objects are there.
    Before {
        /// The hooks, as they are written.
        hook: SmolStr,
        /// Its place among the hooks.
        weight: i64,
        /// Where the annotation stands.
        at: Span,
    },
    /// Another hook of Helm: what it needs is there.
    After,
    /// A wave of Argo CD.
    Wave {
        /// The wave.
        wave: i64,
        /// Where the annotation stands.
        at: Span,
    },
}

/// Reads when an object is applied from its annotations.
pub(super) fn step(annotations: Option<&Node>) -> Option<Step> {
    let get = |name: &str| Text::of(annotations?.get(name));
    let number = |name: &str| get(name).and_then(|text| text.text.parse().ok());
    if let Some(hook) = get("helm.sh/hook") {
        let mut names = hook.text.split(',').map(str::trim);
        if !names.any(|name| name == "pre-install") {
            return Some(Step::After);
        }
        return Some(Step::Before {
            weight: number("helm.sh/hook-weight").unwrap_or(0),
            at: hook.span(),
            hook: hook.text,
        });
    }
    let wave = get("argocd.argoproj.io/sync-wave")?;
    Some(Step::Wave {
        wave: wave.text.parse().ok()?,
        at: wave.span(),
    })
}
