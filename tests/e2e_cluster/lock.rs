//! Two writers, dead writers, interrupted writers, and records that do not fit.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::project::{App, Project, config_map};

/// Starts an upgrade that waits for a pod which is never ready, and returns when it has begun.
fn waiting(project: &Project<'_>) -> std::process::Child {
    let never = App {
        annotations: &[("never-ready", "yes")],
        ..App::default()
    };
    project.write("web.yaml", &never.yaml());
    let mut command = project.command(&["upgrade", "shop", "app", "--yes"]);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("deployx can be run");
    project.namespace.wait_for("the pending record", || {
        project
            .revisions()
            .iter()
            .any(|line| line.contains("pending"))
    });
    project
        .namespace
        .wait_for("the pod", || !project.pods("app=web").is_empty());
    child
}

#[test]
fn a_killed_upgrade_is_taken_over() {
    let project = Project::new("killed");
    project.write("a.yaml", &config_map("a", "1"));
    let mut child = waiting(&project);
    project
        .upgrade(&[])
        .exits(1)
        .warns("shop is being changed: revision 1 is `pending-install`, begun ")
        .warns("(deployx upgrade by ")
        .warns("--take-over");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        project.revisions(),
        ["1 pending-install"],
        "nobody tidied up"
    );

    project.write("web.yaml", &App::default().yaml());
    project.upgrade(&[]).exits(1).warns("--take-over");
    project.upgrade(&["--take-over"]).exits(0);
    assert_eq!(project.revisions(), ["1 failed", "2 deployed"]);
    project.diff(&[]).exits(0);
}

#[test]
fn a_terminated_upgrade_marks_its_record() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let project = Project::new("signal");
        let mut child = waiting(&project);
        let kill = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(project.revisions(), ["1 failed"]);
        project.write("web.yaml", &App::default().yaml());
        project.upgrade(&[]).exits(0);
    }
}

#[test]
fn a_record_that_does_not_fit_is_refused_before_anything_changes() {
    let project = Project::new("large");
    // Two of these fit into ConfigMaps, their record fits into no Secret.
    for n in 0..2_u64 {
        let mut state = n + 1;
        let noise: String = (0..700_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
            })
            .collect();
        project.write(
            &format!("{n}.yaml"),
            &config_map(&format!("large-{n}"), &noise),
        );
    }
    project
        .upgrade(&[])
        .exits(1)
        .warns("the release record would have");
    assert!(project.revisions().is_empty());
    assert_eq!(
        project
            .namespace
            .kubectl_ok(&["get", "cm", "-o", "name"])
            .matches("large")
            .count(),
        0
    );
}

#[test]
fn the_history_has_an_end() {
    let project = Project::new("history");
    for n in 0..5 {
        project.write("a.yaml", &config_map("a", &n.to_string()));
        project.upgrade(&["--history-max", "3"]).exits(0);
        sleep(Duration::from_millis(10));
    }
    assert_eq!(
        project.revisions(),
        ["3 superseded", "4 superseded", "5 deployed"]
    );
}
