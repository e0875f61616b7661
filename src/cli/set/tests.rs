use clap::Parser as _;

use super::*;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
    selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    \
    spec:\n      containers:\n      - name: main\n        image: shop/web # ours\n      - name: proxy\n        \
    image: envoy:v1\n";

const PROD: &str = "# Production\nresources:\n- ../base\nimages:\n- name: shop/web # ours\n  \
    newName: reg.example.com/web\n  newTag: v1\n";

/// A folder with files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// A base and three overlays of it; `plain` mentions nothing.
    fn shop() -> Self {
        Self::new(&[
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("base/web.yaml", DEPLOYMENT),
            ("prod/kustomization.yaml", PROD),
            ("test/kustomization.yaml", &PROD.replace("v1", "v1-test")),
            ("plain/kustomization.yaml", "resources: [../base]\n"),
        ])
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// Runs `deployx set`. Returns exit, stdout and stderr, with the folder written as `DIR`.
    fn set(&self, args: &[&str]) -> (Exit, String, String) {
        let root = self.0.path().to_str().unwrap();
        let words = args.iter().map(|word| word.replace("DIR", root));
        let words = ["deployx".to_owned(), "set".to_owned()]
            .into_iter()
            .chain(words);
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        let tidy = |text: String| text.replace(root, "DIR");
        (exit, tidy(captured.stdout()), tidy(captured.stderr()))
    }
}

#[test]
fn a_tag_is_changed_where_it_stands_and_a_second_time_nothing_is() {
    let shop = Folder::shop();
    let (exit, out, err) = shop.set(&["image", "DIR/prod", "web=*:v2"]);
    assert_eq!((exit, err.as_str()), (Exit::Success, "1 file changed\n"));
    assert_eq!(
        out,
        "DIR/prod/kustomization.yaml:7: shop/web: newTag v1 -> v2\n"
    );
    assert_eq!(
        shop.read("prod/kustomization.yaml"),
        PROD.replace("v1", "v2")
    );
    let path = shop.0.path().join("prod/kustomization.yaml");
    let time = path.metadata().unwrap().modified().unwrap();
    let again = shop.set(&["image", "DIR/prod", "web=*:v2", "--exit-code"]);
    assert_eq!(
        again,
        (Exit::Success, String::new(), "1 source unchanged\n".into())
    );
    assert_eq!(path.metadata().unwrap().modified().unwrap(), time);
}

#[test]
fn every_overlay_of_a_folder_is_changed_that_mentions_the_image() {
    let shop = Folder::shop();
    let (exit, out, err) = shop.set(&["tag", "DIR", "web=v3", "--exit-code"]);
    assert_eq!(exit, Exit::Differences);
    insta::assert_snapshot!(out, @r"
    DIR/prod/kustomization.yaml:7: shop/web: newTag v1 -> v3
    DIR/test/kustomization.yaml:7: shop/web: newTag v1-test -> v3
    ");
    insta::assert_snapshot!(err, @r"
    skipped   DIR/base: does not mention it
    skipped   DIR/plain: does not mention it
    2 files changed, 2 skipped
    ");
    assert_eq!(shop.read("base/web.yaml"), DEPLOYMENT);
    // What no kustomization has an entry for is changed in the file that sets it.
    let (exit, out, _) = shop.set(&["tag", "DIR", "proxy=v2"]);
    assert_eq!(exit, Exit::Success);
    assert_eq!(out, "DIR/base/web.yaml:16: image envoy:v1 -> envoy:v2\n");
    let (exit, _, err) = shop.set(&["tag", "DIR", "cache=v2"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        err.contains("nothing in `DIR` mentions this image"),
        "{err}"
    );
}

#[test]
fn an_overlay_without_an_entry_gets_one() {
    let shop = Folder::shop();
    let (exit, out, _) = shop.set(&["image", "DIR/plain", "shop/web=reg.example.com/web:1.10"]);
    assert_eq!(exit, Exit::Success);
    assert_eq!(
        out,
        "DIR/plain/kustomization.yaml:2: shop/web: newName reg.example.com/web newTag 1.10 added\n"
    );
    assert_eq!(
        shop.read("plain/kustomization.yaml"),
        "resources: [../base]\nimages:\n- name: shop/web\n  newName: reg.example.com/web\n  \
         newTag: \"1.10\"\n"
    );
}

#[test]
fn a_name_that_nothing_uses_is_an_error() {
    let shop = Folder::shop();
    let (exit, out, err) = shop.set(&["image", "DIR/prod", "wev=x:1"]);
    assert_eq!((exit, out.as_str()), (Exit::Failure, ""));
    insta::assert_snapshot!(err, @r"
    error[image-unknown]: `DIR/prod` uses no image `wev`
      = its images are envoy, shop/web
      = did you mean `web`?
    ");
    // An entry that is there and does nothing is no better.
    shop.write(
        "dead/kustomization.yaml",
        "resources: [../base]\nimages:\n- name: wbe\n  newTag: v1\n",
    );
    let (exit, _, err) = shop.set(&["tag", "DIR/dead", "wbe=v2"]);
    assert_eq!(exit, Exit::Failure);
    assert!(err.contains("no container uses the image `wbe`"), "{err}");
    assert!(shop.read("dead/kustomization.yaml").contains("v1"));
    let (exit, _, _) = shop.set(&["tag", "DIR/dead", "wbe=v2", "--no-build"]);
    assert_eq!(exit, Exit::Success);
    let (exit, _, err) = shop.set(&["tag", "DIR/none", "web=v2"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        err.contains("there is no file or folder `DIR/none`"),
        "{err}"
    );
    let (exit, _, err) = shop.set(&["image", "DIR/none", "web=x:v2"]);
    assert_eq!(exit, Exit::Usage, "{err}");
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let shop = Folder::shop();
    let digest = format!("web=*@sha256:{}", "a".repeat(64));
    let (exit, out, err) = shop.set(&["image", "DIR/prod", &digest, "--dry-run", "--exit-code"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::Differences, "1 file would change\n")
    );
    insta::assert_snapshot!(out, @r"
    --- DIR/prod/kustomization.yaml
    +++ DIR/prod/kustomization.yaml
    @@ -4,4 +4,4 @@
     images:
     - name: shop/web # ours
       newName: reg.example.com/web
    -  newTag: v1
    +  digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ");
    assert_eq!(shop.read("prod/kustomization.yaml"), PROD);
}

#[test]
fn a_tag_for_all_is_for_the_entries_that_have_one() {
    let shop = Folder::shop();
    let two = format!("{PROD}- name: envoy\n  newName: mirror/envoy\n");
    shop.write("prod/kustomization.yaml", &two);
    let (_, out, _) = shop.set(&["tag", "DIR/prod", "v9"]);
    assert_eq!(
        out,
        "DIR/prod/kustomization.yaml:7: shop/web: newTag v1 -> v9\n"
    );
    shop.write("pyproject.toml", "[project]\nversion = \"1.2.3\"\n");
    let from = ["--version-from", "DIR/pyproject.toml", "--prefix", "prod-v"];
    let (_, out, _) = shop.set(&[&["tag", "DIR/prod"], &from[..]].concat());
    assert_eq!(
        out,
        "DIR/prod/kustomization.yaml:7: shop/web: newTag v9 -> prod-v1.2.3\n"
    );
    let (_, out, _) = shop.set(&[&["image", "DIR/prod", "envoy"], &from[..2]].concat());
    assert!(out.ends_with(":10: envoy: newTag 1.2.3 added\n"), "{out}");
    let (exit, _, err) = shop.set(&["tag", "DIR/plain", "v9"]);
    assert_eq!(exit, Exit::Failure);
    assert!(err.contains("has a `newTag`"), "{err}");
}

#[test]
fn a_lost_new_name_is_told() {
    let shop = Folder::shop();
    let (exit, out, err) = shop.set(&["image", "DIR/prod", "shop/web:v2"]);
    assert_eq!(exit, Exit::Success);
    insta::assert_snapshot!(out, @r"
    DIR/prod/kustomization.yaml:6: shop/web: newName reg.example.com/web removed
    DIR/prod/kustomization.yaml:6: shop/web: newTag v1 -> v2
    ");
    assert!(err.contains("deployx set tag SOURCE shop/web=TAG"), "{err}");
}

#[test]
fn replicas_are_set_where_they_are_set() {
    let shop = Folder::shop();
    let (_, out, _) = shop.set(&["replicas", "DIR/plain", "web=3"]);
    assert_eq!(
        out,
        "DIR/plain/kustomization.yaml:2: web: replicas 3 added\n"
    );
    let (_, out, _) = shop.set(&["replicas", "DIR/plain", "web=4"]);
    assert_eq!(
        out,
        "DIR/plain/kustomization.yaml:4: web: replicas 3 -> 4\n"
    );
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2 # two\n";
    shop.write("prod/patch.yaml", patch);
    shop.write(
        "prod/kustomization.yaml",
        &format!("{PROD}patches: [path: patch.yaml]\nnamePrefix: a-\n"),
    );
    let (exit, out, err) = shop.set(&["replicas", "DIR/prod", "web=5"]);
    assert_eq!(
        (exit, out.as_str()),
        (
            Exit::Success,
            "DIR/prod/patch.yaml:5: web: replicas 2 -> 5\n"
        ),
        "{err}"
    );
    assert_eq!(shop.read("prod/patch.yaml"), patch.replace("2 #", "5 #"));
    let (exit, _, err) = shop.set(&["replicas", "DIR/prod", "wbe=5"]);
    assert_eq!(exit, Exit::Failure);
    insta::assert_snapshot!(err, @r"
    error[workload-unknown]: `DIR/prod` has no workload `wbe`
      = did you mean `web`?
    ");
}

#[test]
fn namespaces_labels_and_annotations_are_set_and_removed() {
    let shop = Folder::shop();
    let prod = "DIR/prod";
    for args in [
        &["namespace", prod, "shop-prod"][..],
        &["label", prod, "team=blue", "tier=front"],
        &["label", prod, "team=red", "tier-"],
        &["annotation", prod, "example.com/owner=a b", "note=1"],
        &["annotation", prod, "note-"],
    ] {
        let (exit, _, err) = shop.set(args);
        assert_eq!(exit, Exit::Success, "{args:?} {err}");
    }
    let made = shop.read("prod/kustomization.yaml");
    let added = made.strip_prefix(PROD).unwrap();
    assert_eq!(
        added,
        "namespace: shop-prod\nlabels:\n- pairs:\n    team: red\ncommonAnnotations:\n  \
         example.com/owner: a b\n"
    );
    let (_, out, _) = shop.set(&["label", prod, "team-"]);
    assert_eq!(out, "DIR/prod/kustomization.yaml:9: label team removed\n");
    let (exit, _, err) = shop.set(&["label", prod, "team-"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::Success, "1 source unchanged\n")
    );
    let (exit, _, err) = shop.set(&["namespace", prod, "Not A Name"]);
    assert_eq!(exit, Exit::Usage, "{err}");
}

#[test]
fn typed_inputs_and_manifests_are_changed_in_place() {
    let typed = "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata:\n  name: api\nspec:\n  \
        image: shop/api:v1 # ours\n  ports: {http: 8000}\n";
    let files = [
        ("typed/kustomization.yaml", "resources: [api.yaml]\n"),
        ("typed/api.yaml", typed),
    ];
    let folder = Folder::new(&files);
    let (exit, out, err) = folder.set(&["image", "DIR/typed", "api=*:v2"]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert_eq!(
        out,
        "DIR/typed/api.yaml:6: image shop/api:v1 -> shop/api:v2\n"
    );
    let (exit, out, err) = folder.set(&["replicas", "DIR/typed/api.yaml", "api=2"]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert_eq!(out, "DIR/typed/api.yaml:8: api: replicas 2 added\n");
    let wanted = format!("{}  replicas: 2\n", typed.replace("v1 #", "v2 #"));
    assert_eq!(folder.read("typed/api.yaml"), wanted);
    folder.write("plain.yaml", DEPLOYMENT);
    for args in [
        &["image", "DIR/plain.yaml", "main=reg/web:1", "proxy=:v2"][..],
        &["namespace", "DIR/plain.yaml", "shop"],
        &["label", "DIR/plain.yaml", "a=b"],
    ] {
        let (exit, _, err) = folder.set(args);
        assert_eq!(exit, Exit::Success, "{args:?} {err}");
    }
    let made = folder.read("plain.yaml");
    let wanted = DEPLOYMENT
        .replace("shop/web #", "reg/web:1 #")
        .replace("envoy:v1", "envoy:v2")
        .replace(
            "  name: web\n",
            "  name: web\n  namespace: shop\n  labels:\n    a: b\n",
        );
    assert_eq!(made, wanted);
}

#[test]
fn values_of_a_chart_are_changed_in_the_forms_that_charts_use() {
    let values = "# Values\nbackend:\n  replicaCount: 1 # one\n  image:\n    registry: docker.io\n    \
        repository: shop/api\n    tag: \"1.0\" # quoted\nfrontend:\n  image: shop/front:v1\n";
    let folder = Folder::new(&[("values.yaml", values)]);
    let (exit, out, err) = folder.set(&[
        "image",
        "DIR/values.yaml",
        "backend=ghcr.io/x/api:1.10",
        "front=:v2",
    ]);
    assert_eq!(exit, Exit::Success, "{err}");
    insta::assert_snapshot!(out, @r"
    DIR/values.yaml:5: registry docker.io -> ghcr.io
    DIR/values.yaml:6: repository shop/api -> x/api
    DIR/values.yaml:7: tag 1.0 -> 1.10
    DIR/values.yaml:9: image shop/front:v1 -> shop/front:v2
    ");
    let (exit, _, err) = folder.set(&["replicas", "DIR/values.yaml", "backend=3"]);
    assert_eq!(exit, Exit::Success, "{err}");
    let wanted = values
        .replace("Count: 1 #", "Count: 3 #")
        .replace("docker.io", "ghcr.io")
        .replace("shop/api", "x/api")
        .replace("\"1.0\"", "\"1.10\"")
        .replace("front:v1", "front:v2");
    assert_eq!(folder.read("values.yaml"), wanted);
}

#[test]
fn an_overlay_that_does_not_build_is_changed_with_a_warning() {
    let broken = PROD.replace("../base", "../none");
    let folder = Folder::new(&[("prod/kustomization.yaml", &broken)]);
    let (exit, out, err) = folder.set(&["tag", "DIR/prod", "web=v2"]);
    assert_eq!(exit, Exit::Success, "{err}");
    assert!(out.contains("newTag v1 -> v2"), "{out}");
    assert!(err.contains("is not checked"), "{err}");
}
