//! The doors through which other tools come in: a Helm 3 and 4 plugin, a pre-commit hook.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cluster::{Cluster, tools};

const DEPLOYX: &str = env!("CARGO_BIN_EXE_deployx");

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[track_caller]
fn ok(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{:?}\n{out}\n{err}", output.status);
    format!("{out}{err}")
}

/// A plugin folder as a user's checkout has it: plugin.yaml and bin/deployx.
fn plugin(folder: &Path) {
    write(
        &folder.join("plugin.yaml"),
        &fs::read_to_string(repository().join("plugin.yaml")).unwrap(),
    );
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::copy(DEPLOYX, folder.join("bin/deployx")).unwrap();
}

/// An overlay over a base of plain objects with a generated configuration.
fn overlay(folder: &Path) {
    write(
        &folder.join("base/web.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
         selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
         spec:\n      containers:\n      - name: web\n        image: shop/web\n        \
         envFrom: [{configMapRef: {name: web-env}}]\n",
    );
    write(
        &folder.join("base/kustomization.yaml"),
        "resources: [web.yaml]\nconfigMapGenerator:\n- {name: web-env, literals: [A=1]}\n",
    );
    write(
        &folder.join("prod/kustomization.yaml"),
        "resources: [../base]\nimages: [{name: shop/web, newTag: '1.2'}]\n",
    );
}

fn upgrade_through(helm: &Path, major: &str) {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("helm");
    let folder = tempfile::tempdir().unwrap();
    plugin(&folder.path().join("plugin"));
    overlay(folder.path());
    let home = folder.path().join("home");
    let helm = |args: &[&str]| {
        let mut command = namespace.command(helm);
        command
            .env("HELM_DATA_HOME", &home)
            .env("HELM_PLUGINS", home.join("plugins"));
        command
            .current_dir(folder.path())
            .args(args)
            .output()
            .unwrap()
    };
    ok(&helm(&[
        "plugin",
        "install",
        folder.path().join("plugin").to_str().unwrap(),
    ]));
    let listed = ok(&helm(&["plugin", "list"]));
    assert!(listed.contains("deployx"), "{listed}");

    let name = namespace.name();
    let args = [
        "deployx",
        "upgrade",
        "shop",
        "prod",
        "--install",
        "-n",
        name,
    ];
    ok(&helm(&args));
    assert_eq!(
        namespace.get("deployment/web", "{.status.readyReplicas}"),
        "1",
        "helm {major}"
    );
    let listed = ok(&helm(&["list", "-n", name]));
    assert!(
        listed.contains("shop") && listed.contains("deployed"),
        "{listed}"
    );

    // A second run has nothing to do and writes no revision.
    ok(&helm(&args));
    let history = ok(&helm(&["history", "shop", "-n", name, "-o", "json"]));
    assert_eq!(history.matches("\"revision\"").count(), 1, "{history}");
    ok(&helm(&["uninstall", "shop", "-n", name]));
}

#[test]
fn helm_3_installs_the_plugin_and_upgrades_through_it() {
    upgrade_through(&tools().helm3(), "3");
}

#[test]
fn helm_4_installs_the_plugin_and_upgrades_through_it() {
    upgrade_through(&tools().helm4(), "4");
}

#[test]
fn pre_commit_runs_the_system_hook() {
    let folder = tempfile::tempdir().unwrap();
    let git = |at: &Path, args: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-C"])
            .arg(at)
            .args(args)
            .output()
            .unwrap();
        ok(&output)
    };
    let hooks = folder.path().join("hooks");
    write(
        &hooks.join(".pre-commit-hooks.yaml"),
        &fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap(),
    );
    git(&hooks, &["init", "-q"]);
    git(&hooks, &["add", "-A"]);
    git(&hooks, &["commit", "-qm", "hooks"]);

    let project = folder.path().join("project");
    overlay(&project.join("overlays/shop"));
    // A patch is no whole object, and a file of settings is no manifest: neither is a fault.
    write(&project.join("settings.yaml"), "debug: true\n");
    write(
        &project.join("overlays/shop/prod/patch.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n",
    );
    write(
        &project.join("overlays/shop/prod/kustomization.yaml"),
        "resources: [../base]\npatches: [{path: patch.yaml}]\n",
    );
    git(&project, &["init", "-q"]);
    git(&project, &["add", "-A"]);

    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(DEPLOYX, bin.join("deployx")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = || {
        Command::new(tools().pre_commit())
            .args([
                "try-repo",
                hooks.to_str().unwrap(),
                "deployx-validate-system",
            ])
            .args(["--all-files", "--verbose", "--color", "never"])
            .current_dir(&project)
            .env("PATH", &path)
            .env("PRE_COMMIT_HOME", folder.path().join("pre-commit"))
            .output()
            .unwrap()
    };
    ok(&run());

    write(
        &project.join("overlays/shop/prod/patch.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicsa: 2}\n",
    );
    git(&project, &["add", "-A"]);
    let failed = run();
    let text = String::from_utf8_lossy(&failed.stdout);
    assert!(!failed.status.success(), "{text}");
    assert!(text.contains("`replicsa`"), "{text}");
    assert!(text.contains("overlays/shop/prod/patch.yaml:4:8"), "{text}");
    assert!(text.contains("replicas"), "{text}");
}
