//! Objects of others: refused, taken over without a restart, and fields in dispute.

use crate::cluster::Cluster;
use crate::project::{App, Project, config_map, finish};

#[test]
fn what_kubectl_applied_is_taken_over_without_a_restart() {
    let project = Project::new("takeover");
    project
        .write(
            "web.yaml",
            &App {
                replicas: Some(2),
                ..App::default()
            }
            .yaml(),
        )
        .write(
            "settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {A: '1', B: '2'}\n",
        )
        .write(
            "kustomization.yaml",
            "resources: [web.yaml, settings.yaml]\n",
        );
    let app = project.path().join("app");
    project
        .namespace
        .kubectl_ok(&["apply", "-k", app.to_str().unwrap()]);
    project
        .namespace
        .wait("deployment/web", "condition=Available");
    project.remove("kustomization.yaml");
    let pods = project.pods("app=web");

    project
        .upgrade(&[])
        .exits(1)
        .warns("exist and are not part of release shop")
        .warns("/web (set by kubectl-client-side-apply)")
        .warns("--take-ownership");
    assert!(project.revisions().is_empty());

    // B leaves with the take-over itself: it was kubectl's, and is nobody's any more.
    project.write(
        "settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {A: '1'}\n",
    );
    project
        .diff(&["--take-ownership"])
        .exits(2)
        .says("taken over from kubectl-client-side-apply")
        .says("data.B   [2 -> ]");
    project.upgrade(&["--take-ownership"]).exits(0);
    assert_eq!(project.pods("app=web"), pods, "nothing restarts");
    assert_eq!(
        project.namespace.get("cm/settings", "{.data}"),
        r#"{"A":"1"}"#
    );
    project.diff(&[]).exits(0);
}

#[test]
fn an_object_of_another_release_is_refused() {
    let project = Project::new("other");
    project.write("a.yaml", &config_map("a", "1"));
    project.run(&["upgrade", "blog", "app", "--yes"]).exits(0);
    project
        .upgrade(&[])
        .exits(1)
        .warns("ConfigMap")
        .warns("part of release blog in namespace other-");
    project
        .diff(&[])
        .exits(2)
        .warns("an upgrade would be refused");
}

#[test]
fn fields_that_others_set_are_refused_unless_forced() {
    let project = Project::new("conflict");
    project
        .write("a.yaml", &config_map("a", "info"))
        .upgrade(&[])
        .exits(0);
    project
        .namespace
        .kubectl_ok(&["patch", "cm", "a", "-p", r#"{"data":{"LEVEL":"trace"}}"#]);
    project
        .diff(&[])
        .exits(2)
        .says("data.LEVEL   [trace -> info]")
        .says("drift: not from this change")
        .says("set by kubectl-patch")
        .says("conflict");
    project
        .upgrade(&[])
        .exits(1)
        .warns("data.LEVEL")
        .warns("kubectl-patch")
        .warns("--force-conflicts");
    let level = || project.namespace.get("cm/a", "{.data.LEVEL}");
    assert_eq!((level().as_str(), project.revisions().len()), ("trace", 1));
    project.upgrade(&["--force-conflicts"]).exits(0);
    assert_eq!(level(), "info");
}

#[test]
fn names_and_namespaces_of_releases() {
    let project = Project::new("names");
    project.write("a.yaml", &config_map("a", "1"));
    project
        .run(&["upgrade", "app", "--yes"])
        .exits(1)
        .warns("the release has no name");
    project
        .run(&["upgrade", "Shop", "app", "--yes"])
        .exits(1)
        .warns("no name for a release");
    project.write(
        "release.yaml",
        "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: shop}\nspec: {name: shop}\n",
    );
    project
        .run(&["upgrade", "app", "--yes"])
        .exits(0)
        .warns("shop r1 is live");
    project
        .run(&["upgrade", "blog", "app", "--yes"])
        .exits(1)
        .warns("called `shop` in the overlay, and `blog`");
    // Helm always names a namespace; that of the context goes after the overlay's own.
    let other = Cluster::shared().namespace("names-other");
    project.write(
        "release.yaml",
        &format!(
            "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {{name: shop}}\nspec:\n  \
             cluster: {{namespace: {}}}\n",
            other.name()
        ),
    );
    let mut command = project.command(&["upgrade", "app"]);
    command.env("HELM_PLUGIN_NAME", "deployx");
    finish(command.env("HELM_NAMESPACE", project.namespace.name())).exits(0);
    other.kubectl_ok(&["get", "secret", "sh.helm.release.v1.shop.v1"]);
    project.write(
        "second.yaml",
        "apiVersion: deployx.dev/v1\nkind: Release\nmetadata: {name: two}\n",
    );
    project
        .run(&["upgrade", "app", "--yes"])
        .exits(1)
        .warns("a build has at most one Release");
    project
        .run(&["upgrade", "shop", "app", "--release", "blog", "--yes"])
        .exits(64);
}

#[test]
fn helm_driver_and_missing_terminals_are_refused() {
    let project = Project::new("refused");
    project.write("a.yaml", &config_map("a", "1"));
    let mut command = project.command(&["upgrade", "shop", "app", "--yes"]);
    finish(command.env("HELM_DRIVER", "configmap"))
        .exits(1)
        .warns("HELM_DRIVER is `configmap`");
    project
        .run(&["upgrade", "shop", "app"])
        .exits(1)
        .warns("--yes");
    assert!(project.revisions().is_empty());
    // Helm never asks, so its plugin does not either.
    let mut command = project.command(&["upgrade", "shop", "app", "--install"]);
    finish(command.env("HELM_PLUGIN_NAME", "deployx")).exits(0);
    assert_eq!(project.revisions(), ["1 deployed"]);
}
