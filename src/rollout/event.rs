//! What happens during a rollout, for whoever shows it.

use std::time::Duration;

use crate::cluster::Health;
use crate::manifest::object::ObjectId;
use crate::plan::Wave;
use crate::rollout::watch::FailureCause;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The release was taken: its record says `pending`.
    Taken {
        /// The revision that begins.
        revision: u32,
    },
    /// The objects of a wave were applied.
    Applied {
        /// Which wave.
        wave: Wave,
        /// How many objects.
        count: usize,
    },
    /// A workload said something new about itself.
    Progress {
        /// Which.
        id: ObjectId,
        /// How far it is.
        health: Health,
    },
    /// The matter is settled for a workload; its logs are still to be read.
    Failed {
        /// Which.
        id: ObjectId,
        /// How.
        cause: FailureCause,
    },
    /// An object that left the input was deleted.
    Pruned {
        /// Which.
        id: ObjectId,
    },
    /// Everything is done.
    Deployed {
        /// The revision that is live now.
        revision: u32,
    },
}

impl Event {
    /// Rewrites every text that came from the cluster, for example without secrets.
    pub fn rewrite(&mut self, rewrite: impl Fn(&str) -> String) {
        match self {
            Self::Progress { health, .. } => health.reason = rewrite(&health.reason),
            Self::Failed { cause, .. } => cause.rewrite(rewrite),
            Self::Taken { .. }
            | Self::Applied { .. }
            | Self::Pruned { .. }
            | Self::Deployed { .. } => {}
        }
    }
}

/// Takes events as they happen.
pub trait Reporter {
    /// Shows an event; `elapsed` is the time since the start.
    fn event(&mut self, elapsed: Duration, event: &Event);
}

impl<F: FnMut(Duration, &Event)> Reporter for F {
    fn event(&mut self, elapsed: Duration, event: &Event) {
        self(elapsed, event);
    }
}
