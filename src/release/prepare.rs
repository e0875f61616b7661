//! Everything that is known before anything changes: what is live, what would become of it, with
//! which strategy, and what stands in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::difference::{Differences, differences};
use super::error::ReleaseError;
use super::live::{id_of, is_scalable, read_live};
use super::obstacle;
use super::prune::{self, Left};
use super::store::History;
use crate::cluster::Cluster;
use crate::diff::predict::Folding;
use crate::diff::wanted::Definition;
use crate::diff::{Action, Mask, ObjectDiff, Prediction, Release, Wanted};
use crate::manifest::json::from_json;
use crate::manifest::node::Node;
use crate::manifest::object::{Object, ObjectId};
use crate::manifest::source::Span;
use crate::plan::{Choice, Policy, Wave, autoscaler};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--strategy`, `--ignore-capacity`, and what the Release resource says.
    pub strategy: Policy,
    /// `--take-ownership`.
    pub take_ownership: bool,
    /// `--force-conflicts`.
    pub force_conflicts: bool,
    /// `--prune-protected`.
    pub prune_protected: bool,
    /// `--take-over`.
    pub take_over: bool,
    /// `--create-namespace`.
    pub create_namespace: bool,
    /// How long workloads may take to become ready.
    pub timeout: Duration,
    /// How many revisions are kept.
    pub history_max: usize,
    /// Who asks, for the record: `ci@runner-7, process 812`.
    pub holder: String,
    /// Whether new objects are tried out too, as an upgrade does before it changes anything.
    pub check_new: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strategy: Policy::default(),
            take_ownership: false,
            force_conflicts: false,
            prune_protected: false,
            take_over: false,
            create_namespace: false,
            timeout: Duration::from_secs(300),
            history_max: 10,
            holder: String::new(),
            check_new: false,
        }
    }
}

impl Options {
    /// Whose fields become ours.
    pub fn folding(&self) -> Folding {
        if self.take_ownership {
            Folding::TakeOver
        } else {
            Folding::Ours
        }
    }
}

/// One object with what will become of it.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is to be applied, and what is there.
    pub wanted: Wanted,
    /// What the server would make of it.
    pub prediction: Prediction,
    /// The difference.
    pub diff: ObjectDiff,
}

/// A release that is ready to go.
pub struct Prepared {
    /// Name and namespace.
    pub release: Release,
    /// What was asked for.
    pub options: Options,
    /// Its revisions.
    pub history: History,
    /// Its objects, in the order of application.
    pub items: Vec<Item>,
    /// Objects that left the input and will be deleted.
    pub pruned: Vec<Left>,
    /// The differences of objects that left the input.
    pub left: Vec<ObjectDiff>,
    /// The strategy of each Deployment.
    pub choices: Vec<Choice>,
    /// What stands in the way of an upgrade.
    pub blockers: Vec<ReleaseError>,
    /// What the server has warned of.
    pub warnings: Vec<String>,
    /// Knows the secrets of both sides.
    pub mask: Mask,
    /// Whether the namespace of the release is missing.
    pub namespace_missing: bool,
}

impl Prepared {
    /// All differences: objects of the input first, then those that left it.
    pub fn diffs(&self) -> impl Iterator<Item = &ObjectDiff> {
        self.items.iter().map(|item| &item.diff).chain(&self.left)
    }

    /// Whether an upgrade would change nothing, not even the record.
    pub fn is_current(&self) -> bool {
        use super::record::Status;
        let Some(last) = self.history.last() else {
            return false;
        };
        last.status() == Status::Deployed
            && !self.diffs().any(ObjectDiff::is_change)
            && self.recorded_ids(last.manifest()) == self.ids()
    }

    /// Whether anything in the cluster would change.
    pub fn has_changes(&self) -> bool {
        self.diffs().any(ObjectDiff::is_change)
    }

    /// The manifest as the record keeps it: what is applied, without our marks.
    pub fn manifest(&self) -> String {
        let mut out = String::new();
        for item in &self.items {
            let node = from_json(&unmarked(&item.wanted), Span::NONE);
            out.push_str("---\n# Source: deployx/");
            out.push_str(&item.wanted.id.kind.to_lowercase());
            out.push('/');
            out.push_str(&item.wanted.id.name);
            out.push('\n');
            crate::manifest::emit::emit_to(&node, &mut out);
        }
        out
    }

    fn ids(&self) -> BTreeSet<ObjectId> {
        self.items
            .iter()
            .map(|item| item.wanted.id.clone())
            .collect()
    }

    fn recorded_ids(&self, manifest: &str) -> BTreeSet<ObjectId> {
        let known = self.ids();
        prune::objects(manifest)
            .iter()
            .map(|object| {
                let mut id = object.id();
                if id.namespace.is_empty() {
                    // A chart need not write the namespace of the release.
                    let mut filled = id.clone();
                    filled.namespace = self.release.namespace.as_str().into();
                    if known.contains(&filled) {
                        id = filled;
                    }
                }
                id
            })
            .collect()
    }
}

/// Finds out what an upgrade to `objects` would do. Changes nothing.
///
/// # Errors
/// The cluster cannot be read, does not know a kind, or would refuse an object.
pub async fn prepare(
    cluster: &Cluster,
    release: Release,
    objects: Vec<Object>,
    options: Options,
) -> Result<Prepared, ReleaseError> {
    let mut wanted = wanted(cluster, &release, objects)?;
    wanted.sort_by_key(|wanted| Wave::of(&wanted.id));
    let history = History::read(cluster, &release).await?;
    let ids: BTreeSet<ObjectId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    let mut left = prune::candidates(history.since_deployed(), &ids, &release, &cluster.kinds());
    let autoscalers = read_live(cluster, &mut wanted, &mut left).await?;
    let mut blockers = Vec::new();
    blockers.extend(obstacle::busy(&history, &release, &options));
    blockers.extend(obstacle::foreign(&wanted, &release, &options));
    let namespace_missing =
        obstacle::namespace_missing(cluster, &release, &wanted, &history).await?;
    if namespace_missing
        && !options.create_namespace
        && !obstacle::brings_namespace(&wanted, &release)
    {
        blockers.push(ReleaseError::NoNamespace {
            namespace: release.namespace.clone(),
        });
    }
    let mut mask = Mask::new();
    for wanted in &wanted {
        mask.learn(&wanted.applied);
        if let Some(live) = &wanted.live {
            mask.learn(live);
        }
    }
    let (mut pruned, left) = split(left, &release, &options);
    // The other way round than they were applied: routes first, namespaces last.
    pruned.sort_by_key(|left| std::cmp::Reverse(Wave::of(&left.id)));
    if options.check_new {
        obstacle::check_rights(cluster, &release, &wanted, &pruned).await?;
    }
    leave_replicas(&mut wanted, &autoscalers, &pruned);

    let Differences {
        mut items,
        choices,
        cannot,
        impossible,
    } = differences(cluster, wanted, &options, &mask).await?;
    if !impossible.is_empty() {
        blockers.push(ReleaseError::Impossible {
            findings: impossible,
        });
    }
    find_drift(&mut items, &history, &release);
    if !cannot.is_empty() {
        blockers.push(ReleaseError::CannotRoll { cannot });
    }
    let conflicts: Vec<_> = items
        .iter()
        .filter(|item| !item.prediction.conflicts.is_empty())
        .map(|item| (item.wanted.id.clone(), item.prediction.conflicts.clone()))
        .collect();
    if !conflicts.is_empty() && !options.force_conflicts {
        blockers.push(ReleaseError::Conflicts { list: conflicts });
    }
    Ok(Prepared {
        warnings: cluster
            .take_warnings()
            .iter()
            .map(|text| mask.text(text))
            .collect(),
        release,
        options,
        history,
        items,
        pruned,
        left,
        choices,
        blockers,
        mask,
        namespace_missing,
    })
}

fn wanted(
    cluster: &Cluster,
    release: &Release,
    objects: Vec<Object>,
) -> Result<Vec<Wanted>, ReleaseError> {
    let definitions: Vec<Definition> = objects.iter().filter_map(Definition::of).collect();
    let mut refused = Vec::new();
    let mut wanted = Vec::new();
    for object in objects {
        match Wanted::prepare(object, cluster, release, &definitions) {
            Ok(one) => wanted.push(one),
            Err(error) => refused.push(error),
        }
    }
    if refused.is_empty() {
        Ok(wanted)
    } else {
        Err(ReleaseError::Refused { list: refused })
    }
}

fn split(left: Vec<Left>, release: &Release, options: &Options) -> (Vec<Left>, Vec<ObjectDiff>) {
    let mut pruned = Vec::new();
    let mut diffs = Vec::new();
    for left in left.into_iter().filter(|left| left.live.is_some()) {
        if let Some(why) = prune::spared(&left, release, options.prune_protected) {
            diffs.push(ObjectDiff::of(left.id, Action::Spare(why)));
            continue;
        }
        diffs.push(ObjectDiff::of(left.id.clone(), Action::Prune));
        pruned.push(left);
    }
    (pruned, diffs)
}

/// Tells what this input changes from what somebody has changed in the cluster.
fn find_drift(items: &mut [Item], history: &History, release: &Release) {
    let Some(deployed) = history.deployed() else {
        return;
    };
    let recorded: BTreeMap<ObjectId, Object> = prune::objects(deployed.manifest())
        .into_iter()
        .map(|object| (object.id(), object))
        .collect();
    for item in items
        .iter_mut()
        .filter(|item| !item.diff.changes.is_empty())
    {
        let id = &item.wanted.id;
        let mut short = id.clone();
        if short.namespace == release.namespace.as_str() {
            // A chart need not write the namespace of the release.
            short.namespace = "".into();
        }
        if let Some(object) = recorded.get(id).or_else(|| recorded.get(&short)) {
            let applied = from_json(&item.wanted.applied, Span::NONE);
            item.diff.find_drift(&object.root, &applied);
        }
    }
}

/// Leaves `replicas` out where an autoscaler rules, one of the input or a live one that stays.
fn leave_replicas(wanted: &mut [Wanted], live: &[Value], pruned: &[Left]) {
    let goes = |object: &Value| pruned.iter().any(|left| left.id == id_of(object));
    let targets = autoscaler::targets(
        live.iter()
            .filter(|object| !goes(object))
            .chain(wanted.iter().map(|wanted| &wanted.applied)),
    );
    for wanted in wanted.iter_mut().filter(|wanted| is_scalable(&wanted.id)) {
        let target = (
            wanted.id.kind.to_string(),
            wanted.id.namespace.to_string(),
            wanted.id.name.to_string(),
        );
        if let Some(name) = targets.get(&target) {
            wanted.autoscaler = Some(name.clone());
            if let Some(spec) = wanted
                .applied
                .get_mut("spec")
                .and_then(Value::as_object_mut)
            {
                spec.shift_remove("replicas");
            }
        }
    }
}

/// What is applied without the marks of the release, unless the input itself has them.
fn unmarked(wanted: &Wanted) -> Value {
    use crate::diff::wanted::{MANAGED_BY, RELEASE_NAME, RELEASE_NAMESPACE};
    let mut object = wanted.applied.clone();
    for (field, key) in [
        ("labels", MANAGED_BY),
        ("annotations", RELEASE_NAME),
        ("annotations", RELEASE_NAMESPACE),
    ] {
        let is_written = wanted.object.root.at(&["metadata", field, key]).is_some();
        let Some(marks) = object["metadata"][field].as_object_mut() else {
            continue;
        };
        if !is_written {
            marks.shift_remove(key);
        }
        let had_field = wanted.object.root.at(&["metadata", field]);
        let was_empty = had_field
            .and_then(Node::as_map)
            .is_none_or(crate::manifest::Map::is_empty);
        if marks.is_empty()
            && was_empty
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.shift_remove(field);
        }
    }
    object
}
