//! What a cluster that was named adds to the verdict: its version and its custom resource
//! definitions.

use super::super::cluster::{self, ClusterArgs};
use super::super::{CommandError, Ui};
use crate::manifest::{Diagnostic, Sources};
use crate::schema::Version;
use crate::validate::Definitions;

/// A cluster, as far as the verdict asks.
pub(super) struct Known {
    /// Its version, or the nearest that is known.
    pub(super) version: Version,
    /// Its custom resource definitions.
    pub(super) definitions: Definitions,
}

/// Asks the cluster that was named; `None` where none was.
///
/// # Errors
/// It cannot be reached. Definitions that may not be read are a warning: their kinds stay unknown.
pub(super) fn ask(
    ui: &mut Ui,
    sources: &Sources,
    args: &ClusterArgs,
) -> Result<Option<Known>, CommandError> {
    if !args.names_one() {
        return Ok(None);
    }
    let access = args.access();
    let (text, found) = cluster::block_on(async {
        let cluster = cluster::connect(&access).await?;
        let text = cluster.version().await?;
        Ok((text, cluster.definitions().await))
    })?;
    let mut warnings = Vec::new();
    let version = text.parse().unwrap_or_else(|_| {
        let version = nearest(&text);
        let message = format!("the cluster runs {text}; the verdict is that of {version}");
        warnings.push(Diagnostic::warning("cluster-version", message));
        version
    });
    let mut definitions = Definitions::default();
    match found {
        Ok(objects) => {
            for object in &objects {
                definitions.add(object);
            }
        }
        Err(error) => {
            let message = format!("the definitions of the cluster were not read: {error}");
            warnings.push(
                Diagnostic::warning("cluster-definitions", message)
                    .hint("give them with `--crds`, or their kinds stay unknown"),
            );
        }
    }
    ui.diagnostics(sources, &warnings);
    Ok(Some(Known {
        version,
        definitions,
    }))
}

/// The known version that is nearest to one that is not.
fn nearest(text: &str) -> Version {
    let minor = text.split('.').nth(1).and_then(|minor| {
        let digits = minor.trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse::<u8>().ok()
    });
    let distance = |version: &Version| version.minor().abs_diff(minor.unwrap_or(u8::MAX));
    Version::all()
        .min_by_key(distance)
        .unwrap_or_else(Version::newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_version_that_is_not_known_the_nearest_counts() {
        for (text, want) in [
            ("v1.24.3", "1.33"),
            ("v1.99.0-gke.1", "1.37"),
            ("what?", "1.37"),
        ] {
            assert_eq!(nearest(text).to_string(), want, "{text}");
        }
    }
}
