//! Everything that is known before anything changes: what is live, what would become of it, with
//! which strategy, and what stands in the way.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::error::ReleaseError;
use super::prune::{self, Left};
use super::store::History;
use crate::cluster::client::{Listing, for_each};
use crate::cluster::managers;
use crate::cluster::value::Read;
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::diff::predict::{self, Folding};
use crate::diff::wanted::Definition;
use crate::diff::{Action, Mask, ObjectDiff, Prediction, Release, Wanted};
use crate::manifest::json::from_json;
use crate::manifest::node::Node;
use crate::manifest::object::{Object, ObjectId};
use crate::manifest::source::Span;
use crate::plan::strategy::{self, Workload};
use crate::plan::{Choice, Policy, Room, Wave, autoscaler};

/// A kind with at most this many wanted objects is read object by object, not as a list.
const FEW: usize = 2;

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

    fn ids(&self) -> HashSet<ObjectId> {
        self.items
            .iter()
            .map(|item| item.wanted.id.clone())
            .collect()
    }

    fn recorded_ids(&self, manifest: &str) -> HashSet<ObjectId> {
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
    let ids: HashSet<ObjectId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    let mut left = prune::candidates(history.since_deployed(), &ids, &release, &cluster.kinds());
    let autoscalers = read_live(cluster, &mut wanted, &mut left).await?;
    let mut blockers = Vec::new();
    blockers.extend(busy(&history, &release, &options));
    blockers.extend(foreign(&wanted, &release, &options));
    let namespace_missing = namespace_missing(cluster, &release, &wanted, &history).await?;
    if namespace_missing && !options.create_namespace && !brings_namespace(&wanted, &release) {
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
    let (pruned, left) = split(left, &release, &options);
    leave_replicas(&mut wanted, &autoscalers, &pruned);

    let (items, choices, cannot) = differences(cluster, wanted, &options, &mask).await?;
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

/// Reads what is live of the wanted objects and of those that left; returns the autoscalers.
async fn read_live(
    cluster: &Cluster,
    wanted: &mut [Wanted],
    left: &mut [Left],
) -> Result<Vec<Value>, ReleaseError> {
    let mut names: HashMap<(Resource, String), Vec<String>> = HashMap::new();
    let mut want = |resource: &Resource, id: &ObjectId| {
        let key = (resource.clone(), id.namespace.to_string());
        names.entry(key).or_default().push(id.name.to_string());
    };
    for wanted in wanted.iter() {
        if let Some(resource) = &wanted.resource {
            want(resource, &wanted.id);
        }
    }
    for left in left.iter() {
        want(&left.resource, &left.id);
    }
    let scalers = Resource::namespaced(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    );
    let mut listings: Vec<Listing> = names
        .into_iter()
        .filter(|((resource, _), _)| *resource != scalers)
        .map(|((resource, namespace), names)| Listing {
            namespace: resource.namespaced.then_some(namespace),
            names: if names.len() <= FEW {
                names
            } else {
                Vec::new()
            },
            resource,
        })
        .collect();
    let scaled: HashSet<String> = wanted
        .iter()
        .filter(|w| is_scalable(&w.id) || w.is("autoscaling", "HorizontalPodAutoscaler"))
        .map(|w| w.id.namespace.to_string())
        .chain(
            left.iter()
                .filter(|l| l.resource == scalers)
                .map(|l| l.id.namespace.to_string()),
        )
        .collect();
    listings.extend(scaled.into_iter().map(|namespace| Listing {
        resource: scalers.clone(),
        namespace: Some(namespace),
        names: Vec::new(),
    }));
    let mut found: HashMap<ObjectId, Value> = HashMap::new();
    let mut autoscalers = Vec::new();
    for (listing, objects) in cluster.list_all(listings).await? {
        for object in objects {
            if listing.resource == scalers {
                autoscalers.push(object.clone());
            }
            found.insert(id_of(&object), object);
        }
    }
    for wanted in wanted.iter_mut().filter(|wanted| wanted.resource.is_some()) {
        wanted.live = found.remove(&wanted.id);
    }
    for left in left.iter_mut() {
        left.live = found.remove(&left.id);
    }
    Ok(autoscalers)
}

fn id_of(object: &Value) -> ObjectId {
    ObjectId {
        group: object.group().into(),
        kind: object.kind().into(),
        namespace: object.namespace().into(),
        name: object.name().into(),
    }
}

fn is_scalable(id: &ObjectId) -> bool {
    id.group == "apps" && matches!(id.kind.as_str(), "Deployment" | "StatefulSet")
}

fn busy(history: &History, release: &Release, options: &Options) -> Option<ReleaseError> {
    let last = history.last().filter(|last| last.status().is_pending())?;
    (!options.take_over).then(|| ReleaseError::Busy {
        release: release.name.clone(),
        revision: last.revision(),
        status: last.status().as_str(),
        age: super::store::age(last),
        description: last.description().to_owned(),
    })
}

fn foreign(wanted: &[Wanted], release: &Release, options: &Options) -> Option<ReleaseError> {
    if options.take_ownership {
        return None;
    }
    let objects: Vec<(ObjectId, String)> = wanted
        .iter()
        .filter_map(|wanted| {
            let live = wanted.live.as_ref()?;
            (!release.owns(live)).then(|| (wanted.id.clone(), owner(live)))
        })
        // A namespace that came before the release is no rival; every overlay may name it.
        .filter(|(id, _)| id.kind != "Namespace" || id.name != release.namespace.as_str())
        .collect();
    (!objects.is_empty()).then(|| ReleaseError::Foreign {
        release: release.name.clone(),
        objects,
    })
}

/// Who an object belongs to, in words.
fn owner(live: &Value) -> String {
    use crate::diff::wanted::{RELEASE_NAME, RELEASE_NAMESPACE};
    let (name, namespace) = (
        live.annotation(RELEASE_NAME),
        live.annotation(RELEASE_NAMESPACE),
    );
    if !name.is_empty() {
        return format!("part of release {name} in namespace {namespace}");
    }
    match managers::all_owners(live).first() {
        Some(owner) => format!("set by {}", owner.manager),
        None => "nobody's".to_owned(),
    }
}

fn brings_namespace(wanted: &[Wanted], release: &Release) -> bool {
    wanted
        .iter()
        .any(|w| w.is("", "Namespace") && w.id.name == release.namespace.as_str())
}

async fn namespace_missing(
    cluster: &Cluster,
    release: &Release,
    wanted: &[Wanted],
    history: &History,
) -> Result<bool, ReleaseError> {
    let lives_there = |wanted: &Wanted| {
        wanted.live.is_some() && wanted.id.namespace == release.namespace.as_str()
    };
    if history.last().is_some() || wanted.iter().any(lives_there) {
        return Ok(false);
    }
    let namespaces = Resource::cluster_wide("", "v1", "Namespace", "namespaces");
    match cluster.get(&namespaces, "", &release.namespace).await {
        Ok(found) => Ok(found.is_none()),
        // Who may not look at namespaces finds out when something is created there.
        Err(ClusterError::Forbidden { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn split(left: Vec<Left>, release: &Release, options: &Options) -> (Vec<Left>, Vec<ObjectDiff>) {
    let mut pruned = Vec::new();
    let mut diffs = Vec::new();
    for left in left.into_iter().filter(|left| left.live.is_some()) {
        match prune::spared(&left, release, options.prune_protected) {
            Some(why) => diffs.push(ObjectDiff::of(left.id, Action::Spare(why))),
            None => {
                diffs.push(ObjectDiff::of(left.id.clone(), Action::Prune));
                pruned.push(left);
            }
        }
    }
    (pruned, diffs)
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

type Differences = (Vec<Item>, Vec<Choice>, Vec<strategy::CannotRoll>);

/// Predicts all objects; decides the strategies of those that restart, and predicts these again
/// where the strategy changes.
async fn differences(
    cluster: &Cluster,
    mut wanted: Vec<Wanted>,
    options: &Options,
    mask: &Mask,
) -> Result<Differences, ReleaseError> {
    let quiet: Vec<Workload> = wanted
        .iter()
        .filter_map(|w| workload(w, false, None))
        .collect();
    let unknown = || Err("nothing restarts".to_owned());
    let settled = strategy::decide(&quiet, &options.strategy, unknown()).unwrap_or_default();
    set_strategies(&mut wanted, &settled);
    let mut items = predict_all(cluster, wanted, options, mask).await?;

    let mut claims = Vec::new();
    for item in items.iter().filter(|item| item.diff.restarts > 0) {
        claims.push((
            item.wanted.id.clone(),
            single_node_volume(cluster, item, &items).await?,
        ));
    }
    let claim = |id: &ObjectId| {
        let of = claims.iter().find(|(owner, _)| owner == id);
        of.and_then(|(_, claim)| claim.clone())
    };
    let workloads: Vec<Workload> = items
        .iter()
        .filter_map(|item| {
            let restarts = item.diff.restarts > 0;
            workload(&item.wanted, restarts, claim(&item.wanted.id))
        })
        .collect();
    let room = if workloads.iter().any(|workload| workload.restarts) {
        room(cluster, &workloads).await
    } else {
        unknown()
    };
    let (choices, cannot) = match strategy::decide(&workloads, &options.strategy, room) {
        Ok(choices) => (choices, Vec::new()),
        Err(cannot) => (settled.clone(), cannot),
    };
    for item in &mut items {
        let Some(choice) = choices.iter().find(|choice| choice.id == item.wanted.id) else {
            continue;
        };
        if item.wanted.applied["spec"]["strategy"] != choice.strategy {
            item.wanted.applied["spec"]["strategy"] = choice.strategy.clone();
            item.prediction = predict::predict(cluster, &item.wanted, options.folding()).await?;
            item.diff = ObjectDiff::new(&item.wanted, &item.prediction, mask);
        }
    }
    Ok((items, choices, cannot))
}

async fn predict_all(
    cluster: &Cluster,
    wanted: Vec<Wanted>,
    options: &Options,
    mask: &Mask,
) -> Result<Vec<Item>, ReleaseError> {
    let answers = for_each(&wanted, |wanted| async move {
        if wanted.live.is_none() && options.check_new {
            predict::check_new(cluster, wanted).await?;
        }
        predict::predict(cluster, wanted, options.folding()).await
    })
    .await;
    let mut refused = Vec::new();
    let mut items = Vec::new();
    for (wanted, answer) in wanted.into_iter().zip(answers) {
        match answer {
            Ok(prediction) => {
                let mut diff = ObjectDiff::new(&wanted, &prediction, mask);
                if let (Some(live), true) = (&wanted.live, options.take_ownership) {
                    diff.taken_from = taken_from(live);
                }
                items.push(Item {
                    wanted,
                    prediction,
                    diff,
                });
            }
            Err(error) => refused.push(error),
        }
    }
    match refused.len() {
        0 => Ok(items),
        1 => Err(refused.remove(0).into()),
        _ => Err(ReleaseError::Refused { list: refused }),
    }
}

fn taken_from(live: &Value) -> Vec<String> {
    let mut names: Vec<String> = managers::all_owners(live)
        .into_iter()
        .filter(|owner| owner.operation == "Update" && owner.subresource.is_empty())
        .map(|owner| owner.manager)
        .filter(|name| managers::TAKEN_OVER.contains(&name.as_str()))
        .filter(|name| name != crate::cluster::MANAGER)
        .collect();
    names.dedup();
    names
}

fn workload(wanted: &Wanted, restarts: bool, claim: Option<String>) -> Option<Workload> {
    if !wanted.is("apps", "Deployment") {
        return None;
    }
    let strategy = |object: &Value| object.at(&["spec", "strategy"]).cloned();
    let count = |object: &Value| object.at(&["spec", "replicas"]).and_then(Value::as_i64);
    let replicas = count(&wanted.applied)
        .or_else(|| {
            wanted
                .live
                .as_ref()
                .filter(|_| wanted.autoscaler.is_some())
                .and_then(count)
        })
        .unwrap_or(1);
    let written = wanted.object.root.at(&["spec", "strategy"]);
    Some(Workload {
        id: wanted.id.clone(),
        written: written.map(crate::manifest::json::to_json),
        live: wanted
            .live
            .as_ref()
            .map(|live| strategy(live).unwrap_or_default()),
        restarts,
        replicas,
        template: wanted.applied["spec"]["template"].clone(),
        single_node_volume: claim,
    })
}

fn set_strategies(wanted: &mut [Wanted], choices: &[Choice]) {
    for wanted in wanted {
        if let Some(choice) = choices.iter().find(|choice| choice.id == wanted.id) {
            wanted.applied["spec"]["strategy"] = choice.strategy.clone();
        }
    }
}

/// Returns the claim of a pod template that only one node at a time can mount.
async fn single_node_volume(
    cluster: &Cluster,
    item: &Item,
    items: &[Item],
) -> Result<Option<String>, ReleaseError> {
    let resource =
        Resource::namespaced("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims");
    let namespace = item.wanted.id.namespace.as_str();
    let volumes = item
        .wanted
        .applied
        .items(&["spec", "template", "spec", "volumes"]);
    for volume in volumes {
        let name = volume.text(&["persistentVolumeClaim", "claimName"]);
        if name.is_empty() {
            continue;
        }
        let of_input = items.iter().find(|other| {
            other.wanted.is("", "PersistentVolumeClaim")
                && other.wanted.id.name == name
                && other.wanted.id.namespace == namespace
        });
        let claim = match of_input {
            Some(claim) => Some(claim.wanted.applied.clone()),
            None => cluster.get(&resource, namespace, name).await?,
        };
        let modes = claim
            .as_ref()
            .map(|claim| claim.items(&["spec", "accessModes"]));
        let is_single =
            |mode: &Value| matches!(mode.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod"));
        if modes.is_some_and(|modes| !modes.is_empty() && modes.iter().all(is_single)) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// Reads nodes, pods and quotas; says in words what may not be read.
async fn room(cluster: &Cluster, workloads: &[Workload]) -> Result<Room, String> {
    let nodes = Resource::cluster_wide("", "v1", "Node", "nodes");
    let pods = Resource::namespaced("", "v1", "Pod", "pods");
    let quotas = Resource::namespaced("", "v1", "ResourceQuota", "resourcequotas");
    let words = |error: ClusterError| error.to_string();
    let nodes = cluster.list(&nodes, None).await.map_err(words)?;
    let pods = cluster.list(&pods, None).await.map_err(words)?;
    let namespaces: HashSet<&str> = workloads
        .iter()
        .filter(|workload| workload.restarts)
        .map(|workload| workload.id.namespace.as_str())
        .collect();
    let mut limits = Vec::new();
    for namespace in namespaces {
        limits.extend(
            cluster
                .list(&quotas, Some(namespace))
                .await
                .map_err(words)?,
        );
    }
    Ok(Room::new(&nodes, &pods, &limits))
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
        if marks.is_empty()
            && had_field
                .and_then(Node::as_map)
                .is_none_or(|map| map.is_empty())
        {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.shift_remove(field);
            }
        }
    }
    object
}
