//! Strategies by what fits, their switches, and replicas that an autoscaler rules.

use crate::cluster::{Cluster, Nodes};
use crate::project::{App, Project};

fn strategy(project: &Project<'_>) -> String {
    project.namespace.get("deployment/web", "{.spec.strategy}")
}

#[test]
fn on_full_nodes_auto_recreates_and_rolling_is_refused() {
    let nodes = Nodes {
        count: 3,
        memory: "2Gi",
        cpu: "4",
        pods: 110,
    };
    let cluster = Cluster::start(nodes);
    let project = Project::on(&cluster, "full");
    let app = |image| App {
        image,
        memory: "300Mi",
        ..App::default()
    };
    project
        .write("a.yaml", &app("shop/web:1").yaml())
        .upgrade(&[])
        .exits(0);
    cluster.fill(80);

    project.write("a.yaml", &app("shop/web:2").yaml());
    project
        .diff(&[])
        .exits(2)
        .says("strategy  web: rolling, chosen by auto")
        .says("1 surge pod fits");

    // Once the one node that had room for it is full too.
    let larger = |image| App {
        image,
        memory: "500Mi",
        ..App::default()
    };
    project.write("a.yaml", &larger("shop/web:2").yaml());
    project
        .diff(&[])
        .exits(2)
        .says("strategy  web: recreate, chosen by auto")
        .says("a surge pod needs 500Mi; the freest node has 409.6Mi")
        .says("2Gi allocatable");
    project
        .upgrade(&["--strategy", "rolling"])
        .exits(1)
        .warns("Deployment full-0/web cannot be updated rolling: a surge pod needs 500Mi")
        .warns("--ignore-capacity");
    assert_eq!(project.revisions(), ["1 deployed"]);
}

#[test]
fn auto_recreates_a_single_replica_on_full_nodes_and_ends_healthy() {
    let cluster = Cluster::start(Nodes {
        count: 3,
        memory: "2Gi",
        cpu: "4",
        pods: 110,
    });
    let project = Project::on(&cluster, "tight");
    let app = |image| App {
        image,
        memory: "512Mi",
        ..App::default()
    };
    project
        .write("a.yaml", &app("shop/web:1").yaml())
        .upgrade(&[])
        .exits(0);
    // Every node has 410Mi left, the pod's own requests counted.
    cluster.fill(80);
    project.write("a.yaml", &app("shop/web:2").yaml());
    project
        .upgrade(&["--strategy", "rolling"])
        .exits(1)
        .warns("cannot be updated rolling");
    project
        .upgrade(&[])
        .exits(0)
        .says("strategy  web: recreate, chosen by auto")
        .says("a surge pod needs 512Mi; the freest node has");
    assert_eq!(strategy(&project), r#"{"type":"Recreate"}"#);
    assert_eq!(
        project
            .namespace
            .get("deployment/web", "{.status.readyReplicas}"),
        "1"
    );
    project.diff(&[]).exits(0);

    // With room again the same input rolls: what was chosen is no decision for ever.
    cluster.kubectl_ok(&["delete", "namespace", "filler"]);
    project.write("a.yaml", &app("shop/web:3").yaml());
    project
        .upgrade(&[])
        .exits(0)
        .says("strategy  web: rolling, chosen by auto");
    assert!(strategy(&project).contains(r#""maxSurge":"25%""#));
}

#[test]
fn from_default_to_recreate_to_rolling_and_back() {
    let project = Project::new("switch");
    project
        .write("a.yaml", &App::default().yaml())
        .upgrade(&[])
        .exits(0);
    let pods = project.pods("app=web");
    assert!(strategy(&project).contains("RollingUpdate"));

    let recreate = App {
        spec: "  strategy: {type: Recreate}\n",
        ..App::default()
    };
    let rolling = App {
        spec: "  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n",
        ..App::default()
    };
    for _ in 0..2 {
        project.write("a.yaml", &recreate.yaml());
        project
            .diff(&[])
            .exits(2)
            .says("spec.strategy.type   [RollingUpdate -> Recreate]");
        project.upgrade(&[]).exits(0);
        assert_eq!(strategy(&project), r#"{"type":"Recreate"}"#);
        project.diff(&[]).exits(0);

        project.write("a.yaml", &rolling.yaml());
        project
            .diff(&[])
            .exits(2)
            .says("spec.strategy.type   [Recreate -> RollingUpdate]");
        project.upgrade(&[]).exits(0);
        assert!(strategy(&project).contains(r#""maxUnavailable":0"#));
        project.diff(&[]).exits(0);
    }
    // What no manifest says any more stays as it is live.
    project.write("a.yaml", &App::default().yaml());
    project.diff(&[]).exits(0);
    project.upgrade(&["--strategy", "recreate"]).exits(0);
    assert_eq!(strategy(&project), r#"{"type":"Recreate"}"#);
    assert_eq!(
        project.pods("app=web"),
        pods,
        "a strategy alone restarts nothing"
    );
}

#[test]
fn a_strategy_that_nobody_owns_is_switched_too() {
    let project = Project::new("unowned");
    let name = project.namespace.name().to_owned();
    project
        .write("a.yaml", &App::default().yaml())
        .upgrade(&[])
        .exits(0);
    // As Helm 4 does it: applied by the same manager, without a strategy.
    let mut plain = App::default().yaml();
    plain = plain.replace(
        "metadata: {name: web}",
        &format!(
            "metadata:\n  name: web\n  labels: {{app.kubernetes.io/managed-by: Helm}}\n  annotations: \
             {{meta.helm.sh/release-name: shop, meta.helm.sh/release-namespace: {name}}}"
        ),
    );
    std::fs::write(project.path().join("plain.yaml"), plain).unwrap();
    let file = project.path().join("plain.yaml");
    let file = file.to_str().unwrap();
    project
        .namespace
        .kubectl_ok(&["apply", "--server-side", "--field-manager=helm", "-f", file]);

    project
        .diff(&["--strategy", "recreate"])
        .exits(2)
        .says("[RollingUpdate -> Recreate]")
        .says("nobody owns the live strategy");
    project.upgrade(&["--strategy", "recreate"]).exits(0);
    assert_eq!(strategy(&project), r#"{"type":"Recreate"}"#);
    let managers = project.namespace.kubectl_ok(&[
        "get",
        "deployment",
        "web",
        "--show-managed-fields",
        "-o",
        "jsonpath={.metadata.managedFields[*].manager}",
    ]);
    assert!(!managers.contains("deployx-strategy"), "{managers}");
    project.upgrade(&["--strategy", "rolling"]).exits(0);
    assert!(strategy(&project).contains("RollingUpdate"));
}

#[test]
fn an_autoscaler_that_is_switched_on_keeps_the_live_count() {
    let project = Project::new("scaler");
    let three = App {
        replicas: Some(3),
        ..App::default()
    };
    let replicas = || project.namespace.get("deployment/web", "{.spec.replicas}");
    project.write("a.yaml", &three.yaml()).upgrade(&[]).exits(0);
    let pods = project.pods("app=web");

    let two = App {
        replicas: Some(2),
        ..App::default()
    };
    project.write("a.yaml", &two.yaml()).write(
        "b.yaml",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  \
         scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 1\n  maxReplicas: 9\n",
    );
    project
        .diff(&[])
        .exits(2)
        .says("1 new, 1 unchanged")
        .keeps_quiet_about("spec.replicas   [");
    project.upgrade(&[]).exits(0);
    assert_eq!(replicas(), "3");

    // The next change of the Deployment leaves the field out, and the count still stays.
    let changed = App {
        image: "shop/web:2",
        ..two
    };
    project.write("a.yaml", &changed.yaml());
    project
        .diff(&[])
        .exits(2)
        .says("2 in the overlay, 3 live: left to the autoscaler web")
        .says("restarts 3 pods");
    project.upgrade(&[]).exits(0);
    assert_eq!(replicas(), "3");
    assert_ne!(project.pods("app=web"), pods);
    project
        .namespace
        .kubectl_ok(&["scale", "deployment/web", "--replicas=5"]);
    project.upgrade(&[]).exits(0);
    assert_eq!(replicas(), "5", "what the autoscaler sets stands");
    project.diff(&[]).exits(0);
}

#[test]
fn an_autoscaler_that_is_switched_off_leaves_the_count_to_the_input() {
    let project = Project::new("off");
    let two = App {
        replicas: Some(2),
        ..App::default()
    };
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  \
                  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  \
                  minReplicas: 4\n  maxReplicas: 9\n";
    let replicas = || project.namespace.get("deployment/web", "{.spec.replicas}");
    project.write("a.yaml", &two.yaml()).upgrade(&[]).exits(0);
    project.write("b.yaml", scaler);
    // A change of the Deployment too, so that `replicas` is handed over.
    project.write(
        "a.yaml",
        &App {
            image: "shop/web:2",
            ..two
        }
        .yaml(),
    );
    project.upgrade(&[]).exits(0);
    // The real autoscaler raises it to its minimum, without any metrics.
    project
        .namespace
        .wait_for("four pods", || replicas() == "4");

    project.remove("b.yaml");
    project
        .diff(&[])
        .exits(2)
        .says("spec.replicas   [4 -> 2]")
        .says("- HorizontalPodAutoscaler web")
        .keeps_quiet_about("conflict");
    project.upgrade(&[]).exits(0);
    project.diff(&[]).exits(0);
}
