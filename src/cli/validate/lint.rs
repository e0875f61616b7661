//! The lint's part of `deployx validate`: its flags, and what is seen together.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::judge::JudgedOverlay;
use crate::kustomize;
use crate::lint::Scope;
use crate::manifest::{Diagnostic, Severity, Sources};
use crate::parallel::on_all_cores;
use crate::validate::{Lint, Verdicts};

/// What is asked of the lint.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// Least severity of lint that is told, besides the verdict and the server's warnings
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    lint: Least,
    /// The sources hold everything that they refer to: what is missing is an error
    #[arg(long)]
    pub(super) complete: bool,
}

impl LintArgs {
    /// The least severity that is told; `None` for no lint.
    pub(super) fn least(&self) -> Option<Severity> {
        self.lint.severity()
    }
}

/// The least severity of lint that is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Least {
    /// No lint
    Off,
    /// Contradictions that cannot work
    Error,
    /// What is hardly ever meant
    #[default]
    Warning,
    /// Matters of taste, and what may stand elsewhere
    Info,
}

impl Least {
    fn severity(self) -> Option<Severity> {
        match self {
            Least::Off => None,
            Least::Error => Some(Severity::Error),
            Least::Warning => Some(Severity::Warning),
            Least::Info => Some(Severity::Info),
        }
    }
}

/// Runs the lint over each overlay and over all files together, and puts the verdicts of all into
/// one list. Returns the findings with the positions of their objects in it.
pub(super) fn linted(
    sources: &Sources,
    lint: &Lint<'_>,
    files: Verdicts,
    overlays: Vec<JudgedOverlay>,
) -> (Verdicts, Vec<(usize, Diagnostic)>) {
    // What is part of another overlay is seen there, with all that belongs to it.
    let mut parts = BTreeSet::new();
    for overlay in &overlays {
        let others = overlay.files.iter();
        let others = others
            .filter(|file| kustomize::is_kustomization_file(file) && !is_of(file, &overlay.root));
        parts.extend(others.filter_map(|file| Some(file.parent()?.to_path_buf())));
    }
    let is_part = |overlay: &JudgedOverlay| {
        let root = overlay.root.canonicalize();
        root.is_ok_and(|root| parts.contains(&root))
    };
    let found = on_all_cores(&overlays, |overlay| {
        if is_part(overlay) {
            return Vec::new();
        }
        lint.findings(sources, &overlay.verdicts, Scope::Overlay)
    });
    let of_files = lint.findings(sources, &files, Scope::Files);
    let overlays = overlays.into_iter().map(|overlay| overlay.verdicts);
    let inputs = overlays.zip(found).chain([(files, of_files)]);
    let (mut verdicts, mut all) = (Verdicts::default(), Vec::new());
    for (input, found) in inputs {
        let before = verdicts.objects.len();
        all.extend(
            found
                .into_iter()
                .map(|(at, finding)| (before + at, finding)),
        );
        verdicts.append(input);
    }
    (verdicts, all)
}

/// Whether a file is the kustomization of a folder.
fn is_of(file: &Path, folder: &Path) -> bool {
    let folder = folder.canonicalize();
    folder.is_ok_and(|folder| file.parent() == Some(folder.as_path()))
}
