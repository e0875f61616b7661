//! What a project brings: its typed templates, and the checks of its builds.

use std::path::Path;

use crate::kustomize::{ExpandInput, NoTypedResources, TypedResources, Validators};
use crate::manifest::{Diagnostics, Node, Object, Sources};
use crate::schema::Version;
use crate::validate::Validator;

/// The typed resources that a build in `root` knows.
///
/// # Errors
/// Faults of the project's own templates.
pub(super) fn library(
    sources: &Sources,
    root: &Path,
) -> Result<Box<dyn TypedResources>, Diagnostics> {
    let _ = (sources, root);
    Ok(Box::new(NoTypedResources))
}

/// The verdict of the API server on every object of a build.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerVerdict;

impl Validators for ServerVerdict {
    fn validate(&self, _config: &Node, input: &ExpandInput<'_>) -> Result<(), Diagnostics> {
        let validator = Validator::new(Version::newest());
        let sent = input.resources.iter().filter(|resource| !resource.is_local);
        let objects = sent.filter_map(|resource| Object::from_node(resource.node.clone()));
        let findings = objects.flat_map(|object| validator.judge(&object).findings);
        let findings = Diagnostics(findings.collect());
        if findings.has_errors() {
            Err(findings)
        } else {
            Ok(())
        }
    }
}
