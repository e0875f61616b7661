//! Rollouts that fail: told at once, with the evidence, and nothing pruned.

use crate::cluster::{Cluster, Logs};
use crate::project::{App, Project, config_map};

/// A healthy release with a ConfigMap that the next revision would prune.
fn healthy(prefix: &str) -> Project<'static> {
    let project = Project::new(prefix);
    project
        .write("web.yaml", &App::default().yaml())
        .write("goes.yaml", &config_map("goes", "1"))
        .upgrade(&[])
        .exits(0);
    project.remove("goes.yaml");
    project
}

fn not_pruned(project: &Project<'_>) {
    project.namespace.kubectl_ok(&["get", "cm", "goes"]);
    assert_eq!(project.revisions(), ["1 deployed", "2 failed"]);
}

#[test]
fn a_crash_is_told_with_exit_code_and_log() {
    let project = healthy("crash");
    project.namespace.set_logs(Logs {
        current: &["starting"],
        previous: &[
            "Error: Cannot find module '@nestjs/core'",
            "    at main.js:40",
        ],
    });
    let crashing = App {
        image: "shop/web:2",
        annotations: &[("crash", "3")],
        ..App::default()
    };
    project.write("web.yaml", &crashing.yaml());
    project
        .upgrade(&[])
        .exits(3)
        .warns("container `app` crashes")
        .warns("exit code 3 (Error), 2 times")
        .warns("last log lines (previous run):")
        .warns("Error: Cannot find module '@nestjs/core'")
        .warns("[shop/web:1 -> shop/web:2]")
        .warns("r2 is marked as failed; nothing was pruned");
    not_pruned(&project);
    assert_eq!(
        project
            .namespace
            .get("deployment/web", "{.status.readyReplicas}"),
        "1",
        "the old pod still serves"
    );

    // The same input again is no success, though the cluster is as it says.
    project.diff(&[]).exits(2).says("- ConfigMap goes");
    project.upgrade(&[]).exits(3);
    project.write(
        "web.yaml",
        &App {
            image: "shop/web:3",
            ..App::default()
        }
        .yaml(),
    );
    project.upgrade(&[]).exits(0).warns("pruned ConfigMap");
    assert_eq!(
        project.revisions(),
        ["1 superseded", "2 failed", "3 failed", "4 deployed"]
    );
}

#[test]
fn crashes_of_the_former_revision_do_not_count() {
    let project = healthy("former");
    let crashing = App {
        image: "shop/web:2",
        annotations: &[("crash", "3"), ("stop-after", "1s")],
        ..App::default()
    };
    for strategy in ["recreate", "rolling"] {
        project.write("web.yaml", &crashing.yaml());
        project.upgrade(&["--strategy", strategy]).exits(3);
        project.write("web.yaml", &App::default().yaml());
        project.upgrade(&["--strategy", strategy]).exits(0);
    }
}

#[test]
fn secrets_do_not_appear_in_log_lines() {
    let project = healthy("quiet");
    project.namespace.set_logs(Logs {
        current: &[],
        previous: &["cannot log in as admin:correct-horse"],
    });
    let crashing = App {
        annotations: &[("crash", "1")],
        ..App::default()
    };
    project.write("web.yaml", &crashing.yaml()).write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {PASSWORD: correct-horse}\n",
    );
    project
        .upgrade(&[])
        .exits(3)
        .warns("cannot log in as admin:<secret>")
        .warns("also changed in this release: Secret")
        .keeps_quiet_about("correct-horse");
}

#[test]
fn an_image_that_does_not_exist_ends_the_wait() {
    let project = healthy("image");
    let missing = App {
        image: "shop/web:none",
        annotations: &[("image-error", "yes")],
        ..App::default()
    };
    project.write("web.yaml", &missing.yaml());
    project
        .upgrade(&[])
        .exits(3)
        .warns("image shop/web:none cannot be pulled")
        .warns("not found");
    not_pruned(&project);
}

#[test]
fn a_bad_configuration_ends_the_wait() {
    let project = healthy("config");
    let broken = App {
        annotations: &[("config-error", "secret \"db\" not found")],
        ..App::default()
    };
    project.write("web.yaml", &broken.yaml());
    project
        .upgrade(&[])
        .exits(3)
        .warns("container `app` cannot be created")
        .warns("CreateContainerConfigError: secret \"db\" not found");
}

#[test]
fn one_crash_is_forgiven() {
    let project = healthy("once");
    let shaky = App {
        annotations: &[("crash", "1"), ("crash-times", "1")],
        ..App::default()
    };
    project.write("web.yaml", &shaky.yaml());
    project.upgrade(&[]).exits(0);
}

#[test]
fn what_is_not_ready_in_time_says_why() {
    let project = healthy("late");
    let huge = App {
        memory: "900Gi",
        ..App::default()
    };
    project.write("web.yaml", &huge.yaml());
    project
        .upgrade(&["--timeout", "3s", "--strategy", "recreate"])
        .exits(3)
        .warns("not ready within 3 s")
        .warns("Insufficient memory");
    not_pruned(&project);

    let never = App {
        annotations: &[("never-ready", "yes")],
        ..App::default()
    };
    project.write("web.yaml", &never.yaml());
    project
        .upgrade(&["--timeout", "2s"])
        .exits(3)
        .warns("not ready within 2 s")
        .warns("containers with unready status")
        .warns("started");
}

#[test]
fn a_failed_job_is_told_with_its_log() {
    let project = Project::new("job");
    project.namespace.set_logs(Logs {
        current: &["migration 7 failed"],
        previous: &[],
    });
    project.write(
        "job.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec:\n  backoffLimit: 0\n  template:\n    \
         metadata: {annotations: {test.deployx.dev/crash: '1'}}\n    spec:\n      restartPolicy: Never\n      \
         containers: [{name: app, image: 'shop/job:1'}]\n",
    );
    project
        .upgrade(&[])
        .exits(3)
        .warns("BackoffLimitExceeded")
        .warns("migration 7 failed");
    assert_eq!(project.revisions(), ["1 failed"]);
}

#[test]
fn no_cluster_and_no_context_are_told() {
    let project = Project::new("nowhere");
    project.write("a.yaml", &config_map("a", "1"));
    project
        .diff(&["--context", "prod"])
        .exits(1)
        .warns("there is no context `prod`")
        .warns("admin");
    project
        .diff(&["--server", "https://127.0.0.1:1"])
        .exits(1)
        .warns("https://127.0.0.1:1 cannot be reached");
    let mut command = project.command(&["diff", "shop", "app"]);
    command.env("KUBECONFIG", project.path().join("none"));
    crate::project::finish(&mut command)
        .exits(1)
        .warns("no cluster");
    let server = Cluster::shared().server();
    project
        .diff(&["--token", "wrong", "--server", server])
        .exits(1)
        .warns("does not accept these credentials");
}
