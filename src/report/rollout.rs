//! A rollout as it goes, and how it failed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Role, Style};
use crate::cluster::State;
use crate::diff::compare::display_path;
use crate::diff::{FieldChange, ObjectDiff};
use crate::manifest::Sources;
use crate::manifest::json::to_json;
use crate::manifest::object::ObjectId;
use crate::rollout::evidence::FaultKind;
use crate::rollout::{Event, Failure, FailureCause, Reporter};

/// Writes a line for each event: for pipes and logs.
pub struct PlainReporter<'a> {
    /// Where the lines go.
    pub out: &'a mut dyn Write,
    /// Colour.
    pub style: Style,
}

impl Reporter for PlainReporter<'_> {
    fn event(&mut self, elapsed: Duration, event: &Event) {
        // A progress line that cannot be written is no reason to stop a rollout.
        let _ = writeln!(self.out, "{} {}", clock(elapsed), line(event, self.style));
    }
}

/// Shows one line for each workload that is not ready yet: for terminals.
pub struct TerminalReporter {
    bars: MultiProgress,
    open: HashMap<ObjectId, ProgressBar>,
    style: Style,
}

impl TerminalReporter {
    /// Creates a reporter on stderr.
    pub fn new(style: Style) -> Self {
        Self {
            bars: MultiProgress::new(),
            open: HashMap::new(),
            style,
        }
    }

    fn say(&self, elapsed: Duration, event: &Event) {
        let text = format!("{} {}", clock(elapsed), line(event, self.style));
        let _ = self.bars.println(text);
    }
}

impl Reporter for TerminalReporter {
    fn event(&mut self, elapsed: Duration, event: &Event) {
        let Event::Progress { id, health } = event else {
            self.say(elapsed, event);
            return;
        };
        if health.state == State::Progressing {
            let bar = self.open.entry(id.clone()).or_insert_with(|| {
                let bar = self.bars.add(ProgressBar::new_spinner());
                let style = ProgressStyle::with_template("  {spinner} {msg} {elapsed}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            });
            bar.set_message(format!("{id}: {}", health.reason));
            return;
        }
        if let Some(bar) = self.open.remove(id) {
            bar.finish_and_clear();
        }
        self.say(elapsed, event);
    }
}

impl Drop for TerminalReporter {
    fn drop(&mut self) {
        // What is drawn must not stay behind when the rollout ends in the middle.
        let _ = self.bars.clear();
    }
}

fn line(event: &Event, style: Style) -> String {
    match event {
        Event::Taken { revision } => format!("revision {revision} begins"),
        Event::Applied { wave, count } => format!("applied {}", super::count(*count, wave.noun())),
        Event::Progress { id, health } => {
            let word = match health.state {
                State::Ready => style.paint(Role::Good, "ready"),
                State::Progressing => "waits".to_owned(),
                State::Failed => style.paint(Role::Error, "failed"),
            };
            format!("{word} {id}: {}", health.reason)
        }
        Event::Failed { id, cause } => {
            format!(
                "{} {id}: {}",
                style.paint(Role::Error, "failed"),
                what(cause)
            )
        }
        Event::Pruned { id } => format!("pruned {id}"),
        Event::Deployed { revision } => format!("revision {revision} is live"),
    }
}

/// Minutes and seconds: `1:05`.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// How a rollout failed, with the evidence and what this release has changed.
pub fn failure<'a>(
    failure: &Failure,
    diffs: impl IntoIterator<Item = &'a ObjectDiff>,
    sources: &Sources,
    style: Style,
) -> String {
    let diffs: Vec<&ObjectDiff> = diffs.into_iter().collect();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} after {} s: {}: {}",
        style.paint(Role::Error, "failed"),
        failure.after.as_secs(),
        failure.id,
        what(&failure.cause),
    );
    out.push('\n');
    for line in evidence(&failure.cause) {
        let _ = writeln!(out, "  {line}");
    }
    if !failure.logs.is_empty() {
        let run = if failure.previous {
            " (previous run)"
        } else {
            ""
        };
        let _ = writeln!(out, "  last log lines{run}:");
        for line in &failure.logs {
            let _ = writeln!(out, "    {line}");
        }
    }
    for (id, reason) in failure.unready.iter().filter(|(id, _)| *id != failure.id) {
        let _ = writeln!(out, "  also not ready: {id}: {reason}");
    }
    changed(&mut out, failure, &diffs, sources);
    out
}

fn changed(out: &mut String, failure: &Failure, diffs: &[&ObjectDiff], sources: &Sources) {
    use crate::diff::Action;
    let own = diffs.iter().find(|diff| diff.id == failure.id);
    match own.map(|diff| (&diff.action, diff.changes.as_slice())) {
        Some((Action::Create, _)) => {
            let _ = writeln!(out, "  it is new in this release");
        }
        Some((_, [])) | None => {
            let _ = writeln!(out, "  not changed in this release: the object itself");
        }
        Some((_, changes)) => {
            for field in changes {
                let place = sources.locate(field.origin);
                let _ = writeln!(
                    out,
                    "  changed in this release: {}   {place}",
                    one_line(field)
                );
            }
        }
    }
    let configuration: Vec<String> = diffs
        .iter()
        .filter(|diff| diff.is_change())
        .filter(|diff| matches!(diff.id.kind.as_str(), "ConfigMap" | "Secret"))
        .map(|diff| diff.id.to_string())
        .collect();
    if configuration.is_empty() {
        let _ = writeln!(out, "  not changed in this release: ConfigMaps, Secrets");
    } else {
        let _ = writeln!(
            out,
            "  also changed in this release: {}",
            configuration.join(", ")
        );
    }
}

fn one_line(field: &FieldChange) -> String {
    let text = |node: Option<&crate::manifest::Node>| {
        let scalar = node.and_then(|node| node.scalar_text());
        match (node, scalar) {
            (None, _) => String::new(),
            (_, Some(text)) => text.lines().next().unwrap_or_default().to_owned(),
            (Some(node), None) => to_json(node).to_string().chars().take(60).collect(),
        }
    };
    let change = &field.change;
    format!(
        "{} [{} -> {}]",
        display_path(&change.path),
        text(change.before.as_ref()),
        text(change.after.as_ref())
    )
}

fn what(cause: &FailureCause) -> String {
    match cause {
        FailureCause::Fault(fault) => match &fault.kind {
            FaultKind::Crash { reason, .. } if reason == "OOMKilled" => {
                format!("container `{}` runs out of memory", fault.container)
            }
            FaultKind::Crash { .. } => format!("container `{}` crashes", fault.container),
            FaultKind::Image { image, .. } => {
                format!(
                    "container `{}`: image {image} cannot be pulled",
                    fault.container
                )
            }
            FaultKind::Config { .. } => {
                format!("container `{}` cannot be created", fault.container)
            }
        },
        FailureCause::Said(reason) => reason.clone(),
        FailureCause::Timeout { limit, .. } => {
            format!("not ready within {} s", limit.as_secs())
        }
    }
}

fn evidence(cause: &FailureCause) -> Vec<String> {
    match cause {
        FailureCause::Fault(fault) => match &fault.kind {
            FaultKind::Crash {
                exit_code,
                reason,
                times,
                pods,
            } => {
                let pods = super::count(*pods, "pod");
                vec![
                    format!(
                        "exit code {exit_code} ({reason}), {times} times, in {pods} of the new revision"
                    ),
                    format!("pod {}", fault.pod),
                ]
            }
            FaultKind::Image { message, .. } => {
                vec![message.clone(), format!("pod {}", fault.pod)]
            }
            FaultKind::Config { reason, message } => {
                vec![format!("{reason}: {message}"), format!("pod {}", fault.pod)]
            }
        },
        FailureCause::Said(_) => Vec::new(),
        FailureCause::Timeout { pods, .. } => pods.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Fault;

    #[test]
    fn a_crash_is_told_with_its_evidence() {
        let id = ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
        };
        let failed = Failure {
            id: id.clone(),
            cause: FailureCause::Fault(Fault {
                pod: "web-1".into(),
                container: "app".into(),
                kind: FaultKind::Crash {
                    exit_code: 1,
                    reason: "Error".into(),
                    times: 2,
                    pods: 2,
                },
            }),
            logs: vec!["Error: Cannot find module".into()],
            previous: true,
            unready: vec![(id, "0 of 1 pods ready".into())],
            after: Duration::from_secs(6),
        };
        let text = failure(&failed, [], &Sources::new(), Style::new(false));
        assert_eq!(
            text,
            "failed after 6 s: Deployment shop/web: container `app` crashes\n\
             \n\
             \x20 exit code 1 (Error), 2 times, in 2 pods of the new revision\n\
             \x20 pod web-1\n\
             \x20 last log lines (previous run):\n\
             \x20   Error: Cannot find module\n\
             \x20 not changed in this release: the object itself\n\
             \x20 not changed in this release: ConfigMaps, Secrets\n"
        );
    }

    #[test]
    fn lines_begin_with_a_clock() {
        let mut out = Vec::new();
        let mut reporter = PlainReporter {
            out: &mut out,
            style: Style::new(false),
        };
        reporter.event(Duration::from_secs(65), &Event::Taken { revision: 3 });
        assert_eq!(String::from_utf8(out).unwrap(), "1:05 revision 3 begins\n");
    }
}
