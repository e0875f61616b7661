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

fn git(at: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-C"])
        .arg(at)
        .args(args)
        .output()
        .unwrap();
    ok(&output);
}

/// A project in git whose overlay reads a patch and a file of settings from another folder. A
/// patch is no whole object, and settings are no manifest: neither is a fault.
fn project(folder: &Path) {
    overlay(&folder.join("overlays/shop"));
    write(&folder.join("settings.yaml"), "debug: true\n");
    patch(folder, "{replicas: 2}");
    write(
        &folder.join("overlays/shop/prod/kustomization.yaml"),
        "resources: [../base]\npatches: [{path: patch.yaml}]\n",
    );
    git(folder, &["init", "-q"]);
    git(folder, &["add", "-A"]);
}

fn patch(project: &Path, spec: &str) {
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}";
    write(
        &project.join("overlays/shop/prod/patch.yaml"),
        &format!("{head}\nspec: {spec}\n"),
    );
}

/// `pre-commit try-repo` of a repository of hooks, in a project.
fn try_hook(hooks: &Path, hook: &str, project: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(tools().pre_commit());
    command
        .args(["try-repo", hooks.to_str().unwrap(), hook])
        .args(["--verbose", "--color", "never"])
        .args(args)
        .current_dir(project)
        .env(
            "PRE_COMMIT_HOME",
            hooks.parent().unwrap().join("pre-commit"),
        );
    command
}

#[test]
fn pre_commit_runs_the_system_hook() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = folder.path().join("hooks");
    write(
        &hooks.join(".pre-commit-hooks.yaml"),
        &fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap(),
    );
    git(&hooks, &["init", "-q"]);
    git(&hooks, &["add", "-A"]);
    git(&hooks, &["commit", "-qm", "hooks"]);
    let shop = folder.path().join("project");
    project(&shop);
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(DEPLOYX, bin.join("deployx")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |args: &[&str]| {
        try_hook(&hooks, "deployx-validate-system", &shop, args)
            .env("PATH", &path)
            .output()
            .unwrap()
    };
    let said = ok(&run(&["--all-files"]));
    assert!(said.contains("2 overlays"), "{said}");

    // Only the base is staged, and the overlay that reads it is judged with it.
    git(&shop, &["commit", "-qm", "all"]);
    let base = shop.join("overlays/shop/base/web.yaml");
    let text = fs::read_to_string(&base).unwrap();
    write(
        &base,
        &text.replace("name: web-env", "name: web-environment"),
    );
    git(&shop, &["add", "-A"]);
    let said = ok(&run(&[]));
    assert!(said.contains("2 overlays"), "{said}");

    patch(&shop, "{replicsa: 2}");
    git(&shop, &["add", "-A"]);
    let failed = run(&[]);
    let text = String::from_utf8_lossy(&failed.stdout);
    assert!(!failed.status.success(), "{text}");
    assert!(text.contains("`replicsa`"), "{text}");
    assert!(text.contains("overlays/shop/prod/patch.yaml:4:8"), "{text}");
    assert!(text.contains("replicas"), "{text}");
}

/// The form that builds deployx itself. pre-commit leaves the lock file aside, so this also shows
/// that the newest releases of what we depend on fit. Built without optimisation and into a
/// folder that is kept, or it would take many minutes each time.
#[test]
fn pre_commit_builds_and_runs_the_rust_hook() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("deployx");
    for name in ["Cargo.toml", ".pre-commit-hooks.yaml", "README.md"] {
        fs::create_dir_all(&source).unwrap();
        fs::copy(repository().join(name), source.join(name)).unwrap();
    }
    for name in ["src", "schemas", "templates", "docs", "benches", "tests"] {
        let copied = Command::new("cp")
            .arg("-r")
            .args([repository().join(name), source.join(name)])
            .output()
            .unwrap();
        ok(&copied);
    }
    git(&source, &["init", "-q"]);
    git(&source, &["add", "-A"]);
    git(&source, &["commit", "-qm", "deployx"]);
    let shop = folder.path().join("project");
    project(&shop);
    let output = try_hook(&source, "deployx-validate", &shop, &["--all-files"])
        .env(
            "CARGO_TARGET_DIR",
            tools().cache().join("pre-commit-target"),
        )
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .output()
        .unwrap();
    let said = ok(&output);
    assert!(said.contains("2 overlays"), "{said}");
}
