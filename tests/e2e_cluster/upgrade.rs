//! From empty to healthy, again, changed, rolled back by Helm, pruned.

use crate::cluster::tools;
use crate::project::{App, Project, config_map};

/// An application as in production: configuration, a secret, storage, two workloads, a route.
fn shop(project: &Project<'_>, image: &str, level: &str) {
    let front = App {
        name: "front",
        replicas: Some(2),
        ..App::default()
    };
    let back = App {
        name: "back",
        image,
        annotations: &[("ready-after", "300ms")],
        ..App::default()
    };
    project
        .write("10-config.yaml", &config_map("settings", level))
        .write(
            "10-secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {API_KEY: hunter22}\n",
        )
        .write(
            "20-claim.yaml",
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  \
             accessModes: [ReadWriteMany]\n  storageClassName: standard\n  \
             resources: {requests: {storage: 1Gi}}\n",
        )
        .write("30-front.yaml", &front.yaml())
        .write("30-back.yaml", &back.yaml())
        .write(
            "40-routes.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec:\n  selector: {app: front}\n  \
             ports: [{port: 80}]\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n\
             metadata: {name: front}\nspec:\n  defaultBackend: {service: {name: front, port: {number: 80}}}\n",
        );
}

#[test]
fn from_empty_to_healthy_and_then_nothing() {
    let project = Project::new("empty");
    shop(&project, "shop/back:1", "info");
    project
        .diff(&[])
        .exits(2)
        .says("7 new")
        .says("+ Deployment back")
        .keeps_quiet_about("hunter22");
    assert!(project.revisions().is_empty(), "a diff changes nothing");

    project
        .upgrade(&[])
        .exits(0)
        .warns("revision 1 is live")
        .keeps_quiet_about("hunter22");
    let ready = |name: &str| project.namespace.get(name, "{.status.readyReplicas}");
    assert_eq!(ready("deployment/front"), "2");
    assert_eq!(ready("deployment/back"), "1");
    assert_eq!(
        project.namespace.get("pvc/data", "{.status.phase}"),
        "Bound"
    );
    assert_eq!(project.revisions(), ["1 deployed"]);

    project.diff(&[]).exits(0).says("no differences");
    let before = project
        .namespace
        .kubectl_ok(&["get", "all,cm,secret,ing,pvc", "-o", "yaml"]);
    project.upgrade(&[]).exits(0).warns("nothing to do");
    let after = project
        .namespace
        .kubectl_ok(&["get", "all,cm,secret,ing,pvc", "-o", "yaml"]);
    assert_eq!(before, after, "a second upgrade writes nothing");

    project
        .run(&["history", "shop"])
        .exits(0)
        .says("Install complete");
    project
        .run(&["history", "none"])
        .exits(1)
        .warns("there is no release none");
    let status = project.run(&["status", "shop"]).exits(0);
    status.says("shop r1 is deployed").says("2 of 2 pods ready");
}

#[test]
fn one_image_changed_restarts_that_deployment_and_helm_rolls_it_back() {
    let project = Project::new("image");
    shop(&project, "shop/back:1", "info");
    project.upgrade(&[]).exits(0);
    let (front, back) = (project.pods("app=front"), project.pods("app=back"));

    shop(&project, "shop/back:2", "debug");
    project
        .diff(&[])
        .exits(2)
        .says("2 changed, 5 unchanged · restarts: back (1 pod)")
        .says("shop/back:[1 -> 2]")
        .says("data.LEVEL   [info -> debug]")
        .says("app/30-back.yaml:");
    project.upgrade(&[]).exits(0);
    assert_eq!(
        project.pods("app=front"),
        front,
        "the other Deployment kept its pod"
    );
    assert_ne!(project.pods("app=back"), back);
    assert_eq!(project.revisions(), ["1 superseded", "2 deployed"]);

    let image = || {
        let path = "{.spec.template.spec.containers[0].image}";
        project.namespace.get("deployment/back", path)
    };
    let level = || project.namespace.get("cm/settings", "{.data.LEVEL}");
    for (helm, revision, deployed) in [(tools().helm3(), "1", 4), (tools().helm4(), "3", 6)] {
        let history = project.helm(&helm, &["history", "shop"]);
        assert!(history.contains("Upgrade complete"), "{history}");
        project.helm(&helm, &["rollback", "shop", revision]);
        assert_eq!(
            (image().as_str(), level().as_str()),
            ("shop/back:1", "info")
        );

        project
            .diff(&[])
            .exits(2)
            .says("shop/back:[1 -> 2]")
            .says("2 changed");
        project.upgrade(&[]).exits(0);
        assert_eq!(
            (image().as_str(), level().as_str()),
            ("shop/back:2", "debug")
        );
        project.diff(&[]).exits(0);
        let last = project.revisions().pop();
        assert_eq!(last, Some(format!("{deployed} deployed")));
    }
    project.helm(&tools().helm4(), &["get", "all", "shop"]);
    project.helm(&tools().helm3(), &["uninstall", "shop"]);
    assert_eq!(
        project
            .namespace
            .kubectl_ok(&["get", "deployments", "-o", "name"]),
        ""
    );
}

#[test]
fn what_a_helm_rollback_left_behind_is_removed_later() {
    let project = Project::new("fold");
    let two_keys =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {A: '1', B: '2'}\n";
    let one_key = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {A: '2'}\n";
    project.write("a.yaml", two_keys).upgrade(&[]).exits(0);
    project.write("a.yaml", one_key).upgrade(&[]).exits(0);
    // Helm 3 sets B again, by an update: a field that our next apply does not own.
    project.helm(&tools().helm3(), &["rollback", "shop", "1"]);
    assert_eq!(
        project.namespace.get("cm/settings", "{.data}"),
        r#"{"A":"1","B":"2"}"#
    );

    project
        .diff(&[])
        .exits(2)
        .says("data.A   [1 -> 2]")
        .says("data.B   [2 -> ]");
    project.upgrade(&[]).exits(0);
    assert_eq!(
        project.namespace.get("cm/settings", "{.data}"),
        r#"{"A":"2"}"#
    );
    project.diff(&[]).exits(0);
}

#[test]
fn what_left_the_input_is_pruned_and_data_is_kept() {
    let project = Project::new("prune");
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  \
                 accessModes: [ReadWriteOnce]\n  storageClassName: standard\n  \
                 resources: {requests: {storage: 1Gi}}\n";
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: precious\n  \
                annotations: {helm.sh/resource-policy: keep}\ndata: {A: '1'}\n";
    project
        .write("stays.yaml", &config_map("stays", "1"))
        .write("goes.yaml", &config_map("goes", "1"))
        .write("kept.yaml", kept)
        .write("claim.yaml", claim)
        .upgrade(&[])
        .exits(0);
    project
        .remove("goes.yaml")
        .remove("kept.yaml")
        .remove("claim.yaml");
    project
        .diff(&[])
        .exits(2)
        .says("- ConfigMap goes")
        .says("! PersistentVolumeClaim data")
        .says("--prune-protected")
        .says("! ConfigMap precious");
    project.upgrade(&[]).exits(0).warns("pruned ConfigMap");
    let names = || {
        project
            .namespace
            .kubectl_ok(&["get", "cm,pvc", "-o", "name"])
    };
    assert!(!names().contains("configmap/goes"));
    for name in [
        "configmap/stays",
        "configmap/precious",
        "persistentvolumeclaim/data",
    ] {
        assert!(names().contains(name), "{name} is gone");
    }
    project.diff(&[]).exits(0);
}

#[test]
fn an_overlay_may_bring_its_namespace_and_a_kind() {
    let project = Project::new("brings");
    let name = format!("{}-own", project.namespace.name());
    let kind = format!("Widget{}", name.replace('-', ""));
    let plural = format!("{}s", kind.to_lowercase());
    project
        .write(
            "a.yaml",
            &format!(
                "apiVersion: example.{name}.dev/v1\nkind: {kind}\nmetadata: {{name: one}}\nspec: {{size: 3}}\n---\n\
                 apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\n\
                 apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                 metadata: {{name: {plural}.example.{name}.dev}}\nspec:\n  group: example.{name}.dev\n  \
                 scope: Namespaced\n  names: {{kind: {kind}, plural: {plural}}}\n  versions:\n  \
                 - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
                 type: object\n        properties: {{spec: {{type: object, properties: {{size: {{type: integer}}}}}}}}\n"
            ),
        )
        .write("b.yaml", &App::default().yaml());
    let in_own = ["-n", name.as_str()];
    project.diff(&in_own).exits(2).says("4 new");
    project.upgrade(&in_own).exits(0);
    let size = project.namespace.kubectl_ok(&[
        "get",
        &plural,
        "one",
        "-n",
        &name,
        "-o",
        "jsonpath={.spec.size}",
    ]);
    assert_eq!(size, "3");
    project.diff(&in_own).exits(0);

    let missing = format!("{name}-missing");
    project.remove("a.yaml");
    project
        .upgrade(&["-n", &missing])
        .exits(1)
        .warns(&format!("namespace {missing} does not exist"));
    project
        .upgrade(&["-n", &missing, "--create-namespace"])
        .exits(0);
}

#[test]
fn the_server_warns_and_its_words_are_shown() {
    let project = Project::new("warns");
    project
        .write("a.yaml", &config_map("a", "1"))
        .upgrade(&[])
        .exits(0);
    project.write(
        "b.yaml",
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: old}\nsubsets: []\n",
    );
    project
        .upgrade(&[])
        .exits(0)
        .says("server warns")
        .says("Endpoints is deprecated");
}

#[test]
fn an_immutable_field_is_told_before_anything_changes() {
    let project = Project::new("immutable");
    let job = |image: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate}}\nspec:\n  template:\n    spec:\n      \
             restartPolicy: Never\n      containers: [{{name: app, image: '{image}'}}]\n"
        )
    };
    project
        .write("a.yaml", &job("shop/job:1"))
        .upgrade(&[])
        .exits(0);
    project
        .write("a.yaml", &job("shop/job:2"))
        .write("b.yaml", &config_map("new", "1"))
        .upgrade(&[])
        .exits(1)
        .warns("`template` cannot change once the object exists")
        .warns("app/a.yaml:8:")
        .warns("was `shop/job:1`")
        .warns("field is immutable")
        .warns("a Job runs once: give it a new name, or delete the old one first");
    project
        .diff(&[])
        .exits(2)
        .says("immutable, needs a replace")
        .says("spec.template cannot change")
        .says("[1 -> 2]");
    assert_eq!(project.revisions(), ["1 deployed"]);
    assert_ne!(
        project
            .namespace
            .kubectl(&["get", "cm", "new"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn what_helm_installed_goes_on_with_deployx_and_back() {
    for (prefix, helm) in [
        ("helm-three", tools().helm3()),
        ("helm-four", tools().helm4()),
    ] {
        let project = Project::new(prefix);
        let chart = project.path().join("chart");
        std::fs::create_dir_all(chart.join("templates")).unwrap();
        let write = |file: &str, text: &str| std::fs::write(chart.join(file), text).unwrap();
        write("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
        write(
            "templates/web.yaml",
            &App {
                replicas: Some(2),
                ..App::default()
            }
            .yaml(),
        );
        write("templates/goes.yaml", &config_map("goes", "1"));
        project.helm(
            &helm,
            &["install", "shop", "./chart", "--wait"].map(|arg| {
                if arg == "./chart" {
                    chart.to_str().unwrap()
                } else {
                    arg
                }
            }),
        );
        let pods = project.pods("app=web");

        project.write("web.yaml", &App::default().yaml());
        project
            .diff(&[])
            .exits(2)
            .says("- ConfigMap goes")
            .says("spec.replicas   [2 -> 1]")
            .keeps_quiet_about("conflict");
        project.upgrade(&[]).exits(0).warns("pruned ConfigMap");
        assert_eq!(project.revisions(), ["1 superseded", "2 deployed"]);
        project
            .namespace
            .wait_for("one pod", || project.pods("app=web").len() == 1);
        assert!(
            pods.contains(&project.pods("app=web")[0]),
            "nothing restarts"
        );
        project.diff(&[]).exits(0);

        write(
            "templates/web.yaml",
            &App {
                image: "shop/web:2",
                ..App::default()
            }
            .yaml(),
        );
        project.helm(
            &helm,
            &["upgrade", "shop", chart.to_str().unwrap(), "--wait"],
        );
        project
            .diff(&[])
            .exits(2)
            .says("shop/web:[2 -> 1]")
            .says("- ConfigMap goes");
        project.upgrade(&[]).exits(0);
        project.diff(&[]).exits(0);
    }
}

/// What the lint finds is told before anything is changed, errors too, and stops nothing.
#[test]
fn findings_of_the_lint_are_told_and_stop_nothing() {
    let project = Project::new("lint");
    let front = App {
        name: "front",
        ..App::default()
    };
    project.write("front.yaml", &front.yaml()).write(
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec:\n  selector: {app: front}\n  \
         ports: [{port: 80, targetPort: htpt}]\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\n\
         metadata: {name: front}\nspec: {minAvailable: 5, selector: {matchLabels: {app: front}}}\n",
    );
    project
        .upgrade(&[])
        .exits(0)
        .warns("[service-target-port]")
        .warns("[pdb-unreachable]")
        .warns("revision 1 is live");
}
