//! Bases that several overlays of one run load: accumulated once, then copied, which costs little
//! because trees are shared.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::accumulate::{Accumulator, Chain};
use super::load::lock;
use super::run::Run;
use crate::manifest::{Diagnostic, Diagnostics};

/// The bases that a run has accumulated, by their true paths.
pub(crate) type Bases = Mutex<HashMap<Arc<Path>, Arc<Base>>>;

/// An accumulated base, and what its accumulation left behind.
#[derive(Debug)]
pub(crate) struct Base {
    accumulator: Accumulator,
    trail: Trail,
}

/// What an accumulation leaves behind besides resources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    pub(crate) warnings: Vec<Diagnostic>,
    /// The files that were read, some more than once.
    pub(crate) read: Vec<Arc<Path>>,
    /// The directories that were entered: none may hold a kustomization that leads here.
    pub(crate) entered: Vec<Arc<Path>>,
    /// Whether anything depended on the root of the build, so that no other may use the result.
    pub(crate) is_private: bool,
}

impl Trail {
    /// Goes on where another ended.
    pub(crate) fn extend(&mut self, other: Trail) {
        self.warnings.extend(other.warnings);
        self.read.extend(other.read);
        self.entered.extend(other.entered);
        self.is_private |= other.is_private;
    }
}

/// Returns an accumulated base, from an earlier build of the run where there was one, and what is
/// wrong with it: a faulty one is not kept.
pub(crate) fn base(
    run: &Run<'_>,
    chain: &Chain<'_>,
    accumulate: impl FnOnce() -> (Accumulator, Diagnostics),
) -> (Accumulator, Diagnostics) {
    if !run.may_share() {
        return accumulate();
    }
    let real = &chain.dir().real;
    let known = lock(run.bases()).get(real).cloned();
    if let Some(base) = known.filter(|base| !leads_back(&base.trail, chain)) {
        run.follow(base.trail.clone());
        return (base.accumulator.clone(), Diagnostics::default());
    }
    let before = run.start_trail();
    let (accumulator, faults) = accumulate();
    let trail = run.end_trail(before);
    if faults.is_empty() && !trail.is_private && run.may_share() {
        let base = Base {
            accumulator: accumulator.clone(),
            trail: trail.clone(),
        };
        lock(run.bases()).insert(Arc::clone(real), Arc::new(base));
    }
    run.follow(trail);
    (accumulator, faults)
}

/// Whether a directory that the base enters holds one that leads to it: a cycle, which must be
/// found anew to be explained.
fn leads_back(trail: &Trail, chain: &Chain<'_>) -> bool {
    chain.ancestors().skip(1).any(|dir| {
        trail
            .entered
            .iter()
            .any(|entered| dir.real.starts_with(entered))
    })
}
