//! How each Deployment moves to its new pods, and why.

use serde_json::{Value, json};

use super::capacity::{Cause, Room, Short};
use crate::cluster::value::Read;
use crate::manifest::object::ObjectId;

/// A strategy as people ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Decide by what fits.
    #[default]
    Auto,
    /// New pods before, or beside, the old ones.
    Rolling,
    /// Old pods first, then new ones.
    Recreate,
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `--strategy`.
    pub flag: Option<Strategy>,
    /// The Release resource's.
    pub release: Option<Strategy>,
    /// `--ignore-capacity`.
    pub ignore_capacity: bool,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `--strategy`.
    Flag,
    /// The object itself has one.
    Object,
    /// The Release resource.
    Release,
    /// The table of `auto`.
    Auto,
    /// No pod restarts: it stays as it is.
    Live,
}

/// One Deployment that needs a strategy.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Which.
    pub id: ObjectId,
    /// `spec.strategy` of the input.
    pub written: Option<Value>,
    /// `spec.strategy` that is live; `None` for a new object.
    pub live: Option<Value>,
    /// Whether its pods restart.
    pub restarts: bool,
    /// How many pods it has (the live count where an autoscaler rules).
    pub replicas: i64,
    /// The new pod template.
    pub template: Value,
    /// The claim that only one node can mount, if it uses one.
    pub single_node_volume: Option<String>,
}

/// The strategy of one Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Which.
    pub id: ObjectId,
    /// `spec.strategy`, in full.
    pub strategy: Value,
    /// Who decided.
    pub by: By,
    /// Why, with the numbers; empty where nothing restarts.
    pub reasons: Vec<String>,
    /// What is wrong with a strategy that was asked for.
    pub warning: Option<String>,
}

impl Choice {
    /// `rolling` or `recreate`.
    pub fn name(&self) -> &'static str {
        match self.strategy.text(&["type"]) {
            "Recreate" => "recreate",
            _ => "rolling",
        }
    }
}

/// `--strategy rolling` where the new pods cannot fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id} cannot be updated rolling: {reason}")]
pub struct CannotRoll {
    /// Which.
    pub id: ObjectId,
    /// Why, with the numbers.
    pub reason: String,
}

/// Whether the surge pods of a workload fit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fit {
    Fits,
    Short(Short),
    Unknown(String),
}

/// Decides for all Deployments of one plan. `room` is an error where nodes or pods cannot be read.
///
/// # Errors
/// `--strategy rolling` was asked for and cannot work for these.
pub fn decide(
    workloads: &[Workload],
    policy: Policy,
    room: Result<Room, String>,
) -> Result<Vec<Choice>, Vec<CannotRoll>> {
    let mut room = room;
    let mut choices = Vec::new();
    let mut refused = Vec::new();
    for workload in workloads {
        match choose(workload, policy, &mut room) {
            Ok(choice) => choices.push(choice),
            Err(refusal) => refused.push(refusal),
        }
    }
    if refused.is_empty() {
        Ok(choices)
    } else {
        Err(refused)
    }
}

fn choose(
    workload: &Workload,
    policy: Policy,
    room: &mut Result<Room, String>,
) -> Result<Choice, CannotRoll> {
    let (asked, by) = asked_for(workload, policy);
    let choice = |strategy: Value, by: By, reasons: Vec<String>| Choice {
        id: workload.id.clone(),
        strategy,
        by,
        reasons,
        warning: None,
    };
    match asked {
        Strategy::Recreate => Ok(choice(recreate(), by, Vec::new())),
        Strategy::Rolling => {
            let strategy = rolling_of(workload);
            if !workload.restarts {
                return Ok(choice(strategy, by, Vec::new()));
            }
            match (fit(workload, &strategy, room), by) {
                (Fit::Short(short), By::Object) => Ok(Choice {
                    warning: Some(format!("its strategy cannot fit: {}", short.reason)),
                    ..choice(strategy, by, Vec::new())
                }),
                (Fit::Short(short), _) if policy.ignore_capacity => Ok(Choice {
                    warning: Some(format!("capacity ignored: {}", short.reason)),
                    ..choice(strategy, by, Vec::new())
                }),
                (Fit::Short(short), _) => match one_by_one(workload, &short) {
                    Some(strategy) => Ok(choice(strategy, by, vec![short.reason])),
                    None => Err(CannotRoll {
                        id: workload.id.clone(),
                        reason: short.reason,
                    }),
                },
                _ => Ok(choice(strategy, by, Vec::new())),
            }
        }
        Strategy::Auto if workload.live.is_none() => Ok(choice(
            rolling_default(),
            By::Auto,
            vec!["it is new".to_owned()],
        )),
        Strategy::Auto if !workload.restarts => {
            Ok(choice(full(workload.live.as_ref()), By::Live, Vec::new()))
        }
        Strategy::Auto => {
            let rolling = rolling_of(workload);
            let (strategy, reason) = match fit(workload, &rolling, room) {
                Fit::Fits => {
                    let count = surge(&rolling, workload.replicas);
                    (rolling, format!("{} at once", surge_words(count)))
                }
                Fit::Short(short) => match one_by_one(workload, &short) {
                    Some(strategy) => (strategy, short.reason),
                    None => (recreate(), short.reason),
                },
                Fit::Unknown(why) => (
                    full(workload.live.as_ref()),
                    format!("as it is live, because it is not known what fits: {why}"),
                ),
            };
            Ok(choice(strategy, By::Auto, vec![reason]))
        }
    }
}

fn asked_for(workload: &Workload, policy: Policy) -> (Strategy, By) {
    let flag = policy.flag.filter(|flag| *flag != Strategy::Auto);
    if let Some(flag) = flag {
        return (flag, By::Flag);
    }
    let written = workload.written.as_ref().filter(|s| s.is_object());
    if let Some(written) = written {
        let strategy = match written.text(&["type"]) {
            "Recreate" => Strategy::Recreate,
            _ => Strategy::Rolling,
        };
        return (strategy, By::Object);
    }
    match policy.release {
        Some(release) if release != Strategy::Auto => (release, By::Release),
        _ => (Strategy::Auto, By::Auto),
    }
}

/// A rolling strategy with the numbers that the object has, else those that are live where they
/// surge at all, else Kubernetes' defaults.
fn rolling_of(workload: &Workload) -> Value {
    let numbers = |strategy: &Option<Value>| {
        let strategy = strategy.as_ref()?;
        strategy
            .at(&["rollingUpdate"])
            .filter(|n| n.is_object())
            .cloned()
    };
    let live = numbers(&workload.live).filter(|n| !is_zero(n.get("maxSurge")));
    let found = numbers(&workload.written).or(live);
    let of = |name: &str| {
        let value = found.as_ref().and_then(|numbers| numbers.get(name));
        value
            .filter(|v| !v.is_null())
            .cloned()
            .unwrap_or(json!("25%"))
    };
    json!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": of("maxSurge"), "maxUnavailable": of("maxUnavailable")},
    })
}

fn rolling_default() -> Value {
    json!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    })
}

fn recreate() -> Value {
    json!({"type": "Recreate"})
}

/// The strategy in full, so that we own every field of it.
fn full(strategy: Option<&Value>) -> Value {
    match strategy {
        Some(strategy) if strategy.text(&["type"]) == "Recreate" => recreate(),
        Some(strategy) => {
            let numbers = strategy.get("rollingUpdate").cloned();
            let of = |name: &str| {
                let value = numbers.as_ref().and_then(|numbers| numbers.get(name));
                value.cloned().unwrap_or(json!("25%"))
            };
            json!({
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": of("maxSurge"), "maxUnavailable": of("maxUnavailable")},
            })
        }
        None => rolling_default(),
    }
}

/// What to do when the surge pods do not fit: one pod after the other, where there is another.
fn one_by_one(workload: &Workload, short: &Short) -> Option<Value> {
    (short.cause == Cause::Resources && workload.replicas >= 2).then(|| {
        json!({
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
        })
    })
}

fn fit(workload: &Workload, strategy: &Value, room: &mut Result<Room, String>) -> Fit {
    let count = surge(strategy, workload.replicas);
    if count == 0 {
        return Fit::Fits;
    }
    if let Some(claim) = &workload.single_node_volume {
        return Fit::Short(Short {
            cause: Cause::Volume,
            reason: format!("only one node at a time can mount its volume (claim {claim})"),
        });
    }
    match room {
        Err(why) => Fit::Unknown(why.clone()),
        Ok(room) => match room.place(&workload.id.namespace, &workload.template, count) {
            Ok(()) => Fit::Fits,
            Err(short) => Fit::Short(short),
        },
    }
}

/// How many pods a rolling update adds: a share is rounded up, as the controller does. With
/// neither surge nor unavailability nothing could move, so the controller makes one unavailable.
fn surge(strategy: &Value, replicas: i64) -> i64 {
    match strategy.at(&["rollingUpdate", "maxSurge"]) {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(1).min(replicas),
        Some(Value::String(share)) => {
            let percent: i64 = share.trim_end_matches('%').parse().unwrap_or(25);
            (replicas * percent + 99) / 100
        }
        _ => 0,
    }
}

fn is_zero(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::String(share)) => share == "0%" || share == "0",
        _ => false,
    }
}

fn surge_words(count: i64) -> String {
    match count {
        0 => "no pods are added".to_owned(),
        1 => "1 surge pod fits, added".to_owned(),
        n => format!("{n} surge pods fit, added"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as `decide` takes it")]
    fn room(memory: &str) -> Result<Room, String> {
        let node = json!({"metadata": {"name": "node-1"},
            "status": {"allocatable": {"memory": memory, "pods": "110"}}});
        Ok(Room::new(&[node], &[], &[]))
    }

    fn workload(replicas: i64) -> Workload {
        Workload {
            id: ObjectId {
                group: "apps".into(),
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: "web".into(),
            },
            written: None,
            live: Some(rolling_default()),
            restarts: true,
            replicas,
            template: json!({"spec": {"containers": [
                {"resources": {"requests": {"memory": "512Mi"}}}]}}),
            single_node_volume: None,
        }
    }

    fn pick(workload: Workload, policy: Policy, room: Result<Room, String>) -> Choice {
        decide(&[workload], policy, room).unwrap().remove(0)
    }

    fn auto(workload: Workload, room: Result<Room, String>) -> Choice {
        pick(workload, Policy::default(), room)
    }

    #[test]
    fn the_table_of_auto() {
        let fits = auto(workload(1), room("1Gi"));
        assert_eq!(fits.strategy, rolling_default());
        let single = auto(workload(1), room("100Mi"));
        assert_eq!(single.strategy, recreate());
        assert_eq!(
            single.reasons,
            ["a surge pod needs 512Mi; the freest node has 100Mi \
              (node-1: 100Mi allocatable, 0 requested)"]
        );
        let several = auto(workload(2), room("100Mi"));
        assert_eq!(
            several.strategy["rollingUpdate"],
            json!({"maxSurge": 0, "maxUnavailable": 1})
        );

        let mut with_volume = workload(2);
        with_volume.single_node_volume = Some("data".into());
        assert_eq!(auto(with_volume, room("8Gi")).strategy, recreate());

        let mut with_port = workload(2);
        with_port.template["spec"]["containers"][0]["ports"] = json!([{"hostPort": 80}]);
        let mut full_room = room("8Gi").unwrap();
        full_room.place("shop", &with_port.template, 1).unwrap();
        assert_eq!(auto(with_port, Ok(full_room)).strategy, recreate());
    }

    #[test]
    fn what_cannot_be_known_stays_as_it_is() {
        let mut live = workload(1);
        live.live = Some(recreate());
        let choice = auto(live, Err("no permission to list nodes".into()));
        assert_eq!(choice.strategy, recreate());
        assert!(choice.reasons[0].contains("no permission to list nodes"));
    }

    #[test]
    fn what_does_not_restart_keeps_its_live_strategy_in_full() {
        let mut quiet = workload(1);
        quiet.restarts = false;
        quiet.live = Some(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}}));
        let choice = auto(quiet, room("1Mi"));
        assert_eq!(choice.by, By::Live);
        assert_eq!(
            choice.strategy["rollingUpdate"],
            json!({"maxSurge": 2, "maxUnavailable": "25%"})
        );
    }

    #[test]
    fn a_written_strategy_stands_with_a_warning() {
        let mut written = workload(1);
        written.written = Some(json!({"type": "RollingUpdate"}));
        let choice = pick(written.clone(), Policy::default(), room("1Mi"));
        assert_eq!((choice.by, choice.name()), (By::Object, "rolling"));
        assert!(
            choice
                .warning
                .unwrap()
                .starts_with("its strategy cannot fit")
        );
        let release = Policy {
            release: Some(Strategy::Recreate),
            ..Policy::default()
        };
        assert_eq!(pick(written, release, room("1Gi")).by, By::Object);
        assert_eq!(pick(workload(1), release, room("1Gi")).name(), "recreate");
    }

    #[test]
    fn rolling_on_the_command_line_is_refused_where_it_cannot_fit() {
        let rolling = Policy {
            flag: Some(Strategy::Rolling),
            ..Policy::default()
        };
        let refused = decide(&[workload(1)], rolling, room("100Mi")).unwrap_err();
        assert!(
            refused[0].to_string().starts_with(
                "Deployment shop/web cannot be updated rolling: a surge pod needs 512Mi"
            )
        );
        let ignoring = Policy {
            ignore_capacity: true,
            ..rolling
        };
        let choice = pick(workload(1), ignoring, room("100Mi"));
        assert_eq!(choice.name(), "rolling");
        assert!(choice.warning.is_some());
        let several = pick(workload(2), rolling, room("100Mi"));
        assert_eq!(several.strategy["rollingUpdate"]["maxSurge"], 0);
    }

    #[test]
    fn surge_pods_of_one_plan_share_the_room() {
        let two = [workload(1), workload(1)];
        let choices = decide(&two, Policy::default(), room("600Mi")).unwrap();
        assert_eq!(choices[0].name(), "rolling");
        assert_eq!(choices[1].name(), "recreate");
    }

    #[test]
    fn shares_are_rounded_up() {
        assert_eq!(surge(&rolling_default(), 1), 1);
        assert_eq!(surge(&rolling_default(), 5), 2);
        assert_eq!(surge(&rolling_default(), 0), 0);
        assert_eq!(surge(&recreate(), 3), 0);
    }
}
