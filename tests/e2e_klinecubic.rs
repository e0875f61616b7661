//! The klinecubic runbook as one command, on a control plane of its own: the overlay brings its
//! namespace, typed and plain objects mix, and real Helm reads and rolls back what was deployed.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cluster::{Cluster, Namespace, Nodes, tools};

const NAMESPACE: &str = "klinematrix-prod";
const BACKEND: &str = "financialagent-gxftdbbre4gtegea.azurecr.io/klinecubic/backend";

/// A copy of the example that a test may edit.
fn example(folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("overlays/klinecubic");
    for entry in walkdir::WalkDir::new(&from) {
        let entry = entry.unwrap();
        let to = folder.join(entry.path().strip_prefix(&from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&to).unwrap();
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
    folder.join("prod")
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

struct Shop<'c> {
    namespace: Namespace<'c>,
    prod: PathBuf,
}

impl Shop<'_> {
    #[track_caller]
    fn deployx(&self, code: i32, args: &[&str]) -> String {
        let mut command = self.namespace.command(env!("CARGO_BIN_EXE_deployx"));
        let output = command.args(args).arg(&self.prod).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "deployx {args:?}\n{}",
            text(&output)
        );
        text(&output)
    }

    #[track_caller]
    fn helm(&self, helm: &Path, args: &[&str]) -> String {
        let output = self.namespace.command(helm).args(args).output().unwrap();
        assert!(output.status.success(), "helm {args:?}\n{}", text(&output));
        text(&output)
    }

    fn revisions(&self) -> usize {
        let json = self.helm(&tools().helm4(), &["history", "klinecubic", "-o", "json"]);
        json.matches("\"revision\"").count()
    }

    /// Names of all pods, without those that are on their way out.
    fn pods(&self, app: &str) -> Vec<String> {
        let selector = format!("-lapp={app}");
        let names = self
            .namespace
            .kubectl_ok(&["get", "pods", &selector, "-o", "name"]);
        names.lines().map(str::to_owned).collect()
    }

    fn image(&self) -> String {
        self.namespace.get(
            "deployment/backend",
            "{.spec.template.spec.containers[0].image}",
        )
    }

    fn set_backend_tag(&self, from: &str, to: &str) {
        let file = self.prod.join("kustomization.yaml");
        let before = fs::read_to_string(&file).unwrap();
        let after = before.replace(from, to);
        assert_ne!(before, after);
        fs::write(file, after).unwrap();
    }
}

#[test]
fn production_from_empty_to_healthy_and_back() {
    let cluster = Cluster::start(Nodes {
        count: 3,
        memory: "4Gi",
        cpu: "4",
        pods: 110,
    });
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop {
        namespace: cluster.foreign_namespace(NAMESPACE),
        prod: example(folder.path()),
    };

    // Empty to healthy, with nothing but the overlay.
    let shown = shop.deployx(0, &["upgrade", "--yes"]);
    assert!(shown.contains("klinecubic r1 is live"), "{shown}");
    for workload in [
        "backend",
        "frontend",
        "redis",
        "langfuse-server",
        "langfuse-worker",
    ] {
        let path = "{.status.readyReplicas}";
        assert_eq!(
            shop.namespace.get(&format!("deployment/{workload}"), path),
            "1",
            "{workload}"
        );
    }
    let suspended = |name: &str| {
        shop.namespace
            .get(&format!("cronjob/{name}"), "{.spec.suspend}")
    };
    assert_eq!(suspended("portfolio-analysis-trigger"), "true");
    assert_ne!(suspended("insights-snapshot-trigger"), "true");

    // Nothing to do: nothing is shown, nothing is written.
    shop.deployx(0, &["diff", "--exit-code"]);
    shop.deployx(0, &["upgrade", "--yes"]);
    assert_eq!(shop.revisions(), 1);

    // One image: the diff shows that and nothing else, and only that workload restarts.
    let untouched = shop.pods("langfuse-server");
    let replaced = shop.pods("backend");
    shop.set_backend_tag("prod-v0.8.8", "prod-v0.8.9");
    let diff = shop.deployx(2, &["diff", "--exit-code"]);
    assert!(
        diff.contains("1 changed") && diff.contains("prod-v0.8.[8 -> 9]"),
        "{diff}"
    );
    // The value comes from `images:` in the overlay, through the typed input.
    assert!(diff.contains("prod/kustomization.yaml:11:11"), "{diff}");
    assert_eq!(diff.matches("~ ").count(), 1, "{diff}");
    shop.deployx(0, &["upgrade", "--yes"]);
    assert_eq!(shop.revisions(), 2);
    assert_eq!(shop.pods("langfuse-server"), untouched);
    assert_ne!(shop.pods("backend"), replaced);

    // Real Helm goes back, both majors, and what deployx says next is right.
    for helm in [tools().helm3(), tools().helm4()] {
        shop.helm(&helm, &["rollback", "klinecubic", "1", "--wait"]);
        assert_eq!(shop.image(), format!("{BACKEND}:prod-v0.8.8"));
        let diff = shop.deployx(2, &["diff", "--exit-code"]);
        assert!(
            diff.contains("1 changed") && diff.contains("prod-v0.8.[8 -> 9]"),
            "{diff}"
        );
        shop.deployx(0, &["upgrade", "--yes"]);
        assert_eq!(shop.image(), format!("{BACKEND}:prod-v0.8.9"));
        shop.deployx(0, &["diff", "--exit-code"]);
    }
    assert_eq!(shop.revisions(), 6);
}

/// Three 2 GB nodes, nearly full: what the runbook decides by hand.
#[test]
fn a_full_cluster_gets_recreate_with_the_numbers() {
    let cluster = Cluster::start(Nodes {
        count: 3,
        memory: "2Gi",
        cpu: "4",
        pods: 110,
    });
    let folder = tempfile::tempdir().unwrap();
    let prod = example(folder.path());
    // The observability stack lives elsewhere; the backend alone shows the point.
    let file = prod.join("kustomization.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("components:\n- ../components/langfuse\n", ""),
    )
    .unwrap();
    let shop = Shop {
        namespace: cluster.foreign_namespace(NAMESPACE),
        prod,
    };
    shop.deployx(0, &["upgrade", "--yes"]);
    // What the pods above request counts, so every node has 410Mi left.
    cluster.fill(80);

    shop.set_backend_tag("prod-v0.8.8", "prod-v0.8.9");
    let refused = shop.deployx(1, &["upgrade", "--yes", "--strategy", "rolling"]);
    assert!(refused.contains("backend"), "{refused}");
    assert_eq!(shop.image(), format!("{BACKEND}:prod-v0.8.8"));

    let shown = shop.deployx(0, &["upgrade", "--yes"]);
    assert!(
        shown.contains("backend: recreate, chosen by auto"),
        "{shown}"
    );
    assert!(shown.contains("512Mi"), "{shown}");
    assert_eq!(shop.image(), format!("{BACKEND}:prod-v0.8.9"));
    assert_eq!(
        shop.namespace
            .get("deployment/backend", "{.spec.strategy.type}"),
        "Recreate"
    );
    shop.deployx(0, &["diff", "--exit-code"]);
}
