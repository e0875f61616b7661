use super::*;
use clap::Parser as _;

/// Runs `deployx validate` in a folder of these files. Returns exit, stdout, stderr, with the
/// folder written as `DIR` and the time as `N ms`.
fn run(files: &[(&str, &str)], args: &[&str]) -> (Exit, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = folder.path().to_str().unwrap().to_owned();
    let words = args.iter().map(|arg| arg.replace("DIR", &root));
    let words = ["deployx".to_owned(), "validate".to_owned()]
        .into_iter()
        .chain(words);
    let (mut ui, captured) = Ui::capture();
    let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
    let tidy = |text: String| {
        let time = regex::Regex::new(r"\d+ ms").unwrap();
        let text = text.replace(&root, "DIR");
        time.replace_all(&text, "N ms").into_owned()
    };
    (exit, tidy(captured.stdout()), tidy(captured.stderr()))
}

const GOOD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
const BAD: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: b\n  namespace: shop\n\
    spec:\n  ports:\n  - prot: 80\n";
const CUSTOM: &str = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: c\n";

#[test]
fn when_nothing_is_wrong_one_line_says_so() {
    let (exit, out, err) = run(&[("a.yaml", GOOD), ("notes.yml", "a: 1\n")], &["DIR"]);
    assert_eq!(exit, Exit::Success);
    assert_eq!(
        out,
        "nothing wrong · 1 object, 1 other document skipped · Kubernetes 1.37 · N ms\n"
    );
    assert_eq!(err, "");
}

#[test]
fn faults_are_shown_where_they_stand() {
    let (exit, out, err) = run(&[("x/b.yaml", BAD), ("c.yaml", CUSTOM)], &["DIR"]);
    assert_eq!(exit, Exit::Failure);
    insta::assert_snapshot!(out, @r#"
    error[unknown-field]: unknown field `prot` in ServicePort
      --> DIR/x/b.yaml:8:5
       |
     7 |   ports:
     8 |   - prot: 80
       |     ^^^^ did you mean `port`?
       = in  Service shop/b
       = at  spec.ports[0].prot
       = the API server (1.37) would say: strict decoding error: unknown field "spec.ports[0].prot"

    unknown: no schema for Certificate of `cert-manager.io` (1 object)
    1 error, 1 unknown · 2 objects · Kubernetes 1.37 · N ms
    "#);
    assert_eq!(err, "");
}

#[test]
fn overlays_are_judged_by_what_they_print_and_their_parts_are_not() {
    let base = "resources: [deployment.yaml]\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
        selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    \
        spec:\n      containers:\n      - {name: web, image: 'nginx:1'}\n";
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\ncomponents: [../more]\n";
    let patch =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replica: 2\n";
    let component = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nlabels: [{pairs: {x: z}}]\n";
    let files = [
        ("base/kustomization.yaml", base),
        ("base/deployment.yaml", deployment),
        ("prod/kustomization.yaml", overlay),
        ("prod/patch.yaml", patch),
        ("more/kustomization.yaml", component),
        ("loose.yaml", GOOD),
    ];
    let (exit, out, err) = run(&files, &["DIR"]);
    assert_eq!((exit, err.as_str()), (Exit::Failure, ""));
    insta::assert_snapshot!(out, @r#"
    error[unknown-field]: unknown field `replica` in DeploymentSpec
      --> DIR/prod/patch.yaml:5:3
       |
     4 | spec:
     5 |   replica: 2
       |   ^^^^^^^ did you mean `replicas`?
       = in  Deployment web
       = at  spec.replica
       = the API server (1.37) would say: strict decoding error: unknown field "spec.replica"

    1 error · 3 objects, 3 overlays · Kubernetes 1.37 · N ms
    "#);
    let (exit, out, _) = run(&files[..2], &["DIR/base"]);
    assert_eq!(exit, Exit::Success, "{out}");
    let broken = [("kustomization.yaml", "resources: [none.yaml]\n")];
    let (exit, out, _) = run(&broken, &["DIR"]);
    assert_eq!(exit, Exit::Failure);
    assert!(out.contains("none.yaml"), "{out}");
}

#[test]
fn machines_read_one_document() {
    let files = [("b.yaml", BAD), ("c.yaml", CUSTOM)];
    let (exit, out, _) = run(&files, &["--format", "json", "DIR/b.yaml", "DIR/c.yaml"]);
    assert_eq!(exit, Exit::Failure);
    insta::assert_snapshot!(out, @r#"
    {
      "version": 1,
      "kubernetes": "1.37",
      "objects": [
        {
          "file": "DIR/b.yaml",
          "line": 4,
          "column": 9,
          "apiVersion": "v1",
          "kind": "Service",
          "namespace": "shop",
          "name": "b",
          "verdict": "rejected"
        },
        {
          "file": "DIR/c.yaml",
          "line": 4,
          "column": 9,
          "apiVersion": "cert-manager.io/v1",
          "kind": "Certificate",
          "name": "c",
          "verdict": "unknown",
          "reason": "no schema for Certificate of `cert-manager.io`"
        }
      ],
      "findings": [
        {
          "file": "DIR/b.yaml",
          "line": 8,
          "column": 5,
          "rule": "unknown-field",
          "severity": "error",
          "field": "spec.ports[0].prot",
          "object": "Service shop/b",
          "message": "unknown field `prot` in ServicePort",
          "remark": "did you mean `port`?",
          "endLine": 8,
          "endColumn": 9,
          "notes": [
            "the API server (1.37) would say: strict decoding error: unknown field \"spec.ports[0].prot\""
          ]
        }
      ],
      "summary": {
        "accepted": 0,
        "unknown": 1,
        "rejected": 1,
        "skipped": 0,
        "overlays": 0,
        "chartFiles": 0,
        "errors": 1,
        "warnings": 0,
        "infos": 0,
        "ignored": 0
      }
    }
    "#);
}

#[test]
fn every_format_tells_the_same_and_the_exit_code_is_the_users_choice() {
    for (format, part) in [
        ("sarif", "\"ruleId\": \"unknown-field\""),
        ("junit", "type=\"unknown-field\""),
        (
            "github",
            "title=deployx%3A unknown-field::unknown field `prot`",
        ),
    ] {
        let (exit, out, _) = run(&[("b.yaml", BAD)], &["DIR", "--format", format]);
        assert_eq!(exit, Exit::Failure);
        assert!(out.contains(part), "{out}");
    }
    let twice = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  \
        - {name: a, image: b, env: [{name: x}, {name: x}]}\n";
    for (flags, wanted) in [
        (&["DIR"][..], Exit::Success),
        (&["DIR", "--fail-on", "error"], Exit::Success),
        (&["DIR", "--fail-on", "warning"], Exit::Failure),
    ] {
        let (exit, out, _) = run(&[("twice.yaml", twice)], flags);
        assert_eq!(exit, wanted, "{out}");
        assert!(out.contains(" warnings"), "{out}");
    }
}

#[test]
fn definitions_come_from_flags_the_project_and_the_input() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata: {name: certificates.cert-manager.io}\nspec:\n  group: cert-manager.io\n  \
        scope: Namespaced\n  names: {kind: Certificate, plural: certificates}\n  versions:\n  - \
        {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, \
        required: [spec], properties: {spec: {type: object}}}}}\n";
    for (name, flags) in [
        ("crd/a.yaml", &["DIR/c.yaml", "--crds", "DIR/crd"][..]),
        ("crd/a.yaml", &["DIR/c.yaml", "--crds", "DIR/crd/a.yaml"]),
        ("crd/a.yaml", &["DIR"]),
        ("z.yaml", &["DIR"]),
    ] {
        let files = [("c.yaml", CUSTOM), (name, definition)];
        let (exit, out, err) = run(&files, flags);
        assert_eq!((exit, err.as_str()), (Exit::Failure, ""), "{flags:?} {out}");
        assert!(out.contains("required field `spec` is missing"), "{out}");
    }
    let files = [
        ("c.yaml", CUSTOM),
        ("crd/a.yaml", definition),
        (".deployx.yaml", "crds: [crd]\n"),
    ];
    let (exit, out, _) = run(&files, &["DIR/c.yaml"]);
    assert_eq!(exit, Exit::Failure, "{out}");
    let (exit, _, err) = run(&files[..1], &["DIR", "--crds", "DIR/c.yaml"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        err.contains("no CustomResourceDefinition in `DIR/c.yaml`"),
        "{err}"
    );
}

#[test]
fn only_what_differs_from_a_revision_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let git = std::process::Command::new("git")
            .current_dir(folder.path())
            .args(identity)
            .args(args)
            .status();
        assert!(git.unwrap().success());
    };
    write("base/kustomization.yaml", "resources: [b.yaml]\n");
    write("base/b.yaml", GOOD);
    write("prod/kustomization.yaml", "resources: [../base]\n");
    write("other/kustomization.yaml", "resources: [bad.yaml]\n");
    write("other/bad.yaml", BAD);
    write("bad.yaml", BAD);
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "all"]);
    let root = folder.path().to_str().unwrap();
    let judged = |flags: &[&str]| {
        let words = [&["deployx", "validate", root], flags].concat();
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        (exit, captured.stdout())
    };
    let (exit, out) = judged(&["--since", "HEAD"]);
    assert_eq!(exit, Exit::Success, "{out}");
    assert!(out.contains("0 objects"), "{out}");
    write(
        "base/b.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n",
    );
    let (exit, out) = judged(&["--since", "HEAD"]);
    assert_eq!(exit, Exit::Success, "{out}");
    assert!(out.contains("2 objects, 2 overlays"), "{out}");
    write("bad.yaml", &BAD.replace("name: b", "name: c"));
    let (exit, out) = judged(&["--since", "HEAD"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        out.contains("Service shop/c") && !out.contains("Service shop/b"),
        "{out}"
    );
    let (exit, _) = judged(&["--since", "none"]);
    assert_eq!(exit, Exit::Failure);
}

#[test]
fn templates_of_charts_are_left_out_and_counted() {
    let files = [
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("web/templates/a.yaml", "kind: {{ .Values.kind }}\n"),
        ("a.yaml", GOOD),
    ];
    let (exit, out, _) = run(&files, &["DIR"]);
    assert_eq!(exit, Exit::Success, "{out}");
    assert!(out.contains("2 chart files skipped"), "{out}");
    let (exit, out, _) = run(&files, &["DIR/web/templates/a.yaml"]);
    assert_eq!(exit, Exit::Success, "{out}");
}

#[test]
fn a_schema_can_be_demanded() {
    let files = [("c.yaml", CUSTOM)];
    let (exit, out, _) = run(&files, &["DIR"]);
    assert_eq!(exit, Exit::Success);
    assert!(out.contains("nothing wrong, 1 unknown · 1 object"), "{out}");
    let (exit, out, _) = run(&files, &["DIR", "--require-schema"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        out.starts_with("error[no-schema]: no schema for Certificate"),
        "{out}"
    );
}

#[test]
fn wrong_usage_and_missing_files_are_told_apart() {
    let (exit, _, err) = run(&[], &["--kubernetes-version", "1.5", "DIR"]);
    assert_eq!(exit, Exit::Usage);
    assert!(
        err.contains("`1.5` is not supported; supported are 1."),
        "{err}"
    );
    let (exit, _, err) = run(&[], &["DIR"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        err.contains("no kustomization and no manifest in `DIR`"),
        "{err}"
    );
    let (exit, out, _) = run(&[("a.yaml", GOOD)], &["DIR/none.yaml", "DIR/a.yaml"]);
    assert_eq!(exit, Exit::Failure);
    assert!(
        out.contains("cannot read `DIR/none.yaml`: no such file"),
        "{out}"
    );
    assert!(out.contains("1 error · 1 object"), "{out}");
}

#[test]
fn changed_files_stand_for_the_overlays_that_read_them() {
    let files = [
        ("base/kustomization.yaml", "resources: [cm.yaml]\n"),
        ("base/cm.yaml", GOOD),
        (
            "prod/kustomization.yaml",
            "resources: [../base]\nconfigMapGenerator:\n- {name: env, files: [app.conf]}\n",
        ),
        ("prod/app.conf", "a=1\n"),
        ("other/kustomization.yaml", "resources: [bad.yaml]\n"),
        ("other/bad.yaml", BAD),
        ("loose.yaml", GOOD),
        ("README.md", "# read me\n"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let git = std::process::Command::new("git")
        .args(["init", "-q"])
        .current_dir(folder.path())
        .status();
    assert!(git.unwrap().success());
    let judged = |names: &[&str]| {
        let paths = names.iter().map(|name| folder.path().join(name));
        let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
        let words = ["deployx", "validate", "--affected"].map(str::to_owned);
        let (mut ui, captured) = Ui::capture();
        let cli = crate::cli::Cli::parse_from(words.into_iter().chain(paths));
        let exit = crate::cli::run(cli, &mut ui);
        let out = captured.stdout();
        let last = out.lines().last().unwrap_or_default().to_owned();
        let parts: Vec<&str> = last.split(" · ").take(2).collect();
        (exit, parts.join(" · "))
    };
    let clean = |count: &str| (Exit::Success, format!("nothing wrong · {count}"));
    assert_eq!(judged(&["base/cm.yaml"]), clean("3 objects, 2 overlays"));
    assert_eq!(judged(&["prod/app.conf"]), clean("2 objects, 1 overlay"));
    assert_eq!(judged(&["loose.yaml", "README.md"]), clean("1 object"));
    assert_eq!(judged(&["README.md"]), clean("0 objects"));
    let (exit, said) = judged(&["other/kustomization.yaml"]);
    assert_eq!(
        (exit, said.as_str()),
        (Exit::Failure, "1 error · 1 object, 1 overlay")
    );
}

const STORE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\nimmutable: true\ndata:\n  \
    mode: \"1\"\n";

#[test]
fn changes_that_the_server_would_refuse_are_found_without_a_cluster() {
    let files = [
        ("old/base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("old/base/a.yaml", STORE),
        (
            "old/prod/kustomization.yaml",
            "resources: [../base]\nnamespace: prod\n",
        ),
        ("new/base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("new/base/a.yaml", &STORE.replace("\"1\"", "\"2\"")),
        (
            "new/prod/kustomization.yaml",
            "resources: [../base]\nnamespace: prod\n",
        ),
    ];
    let (exit, out, err) = run(&files, &["DIR/new/prod", "--against", "DIR/old/prod"]);
    assert_eq!((exit, err.as_str()), (Exit::Failure, ""), "{out}");
    insta::assert_snapshot!(out, @r#"
    error[immutable-field]: `data` cannot change once the object exists
      --> DIR/new/base/a.yaml:7:9
       |
     6 | data:
     7 |   mode: "2"
       |         ^^^ was `1`
       = in  ConfigMap prod/a
       = at  data
       = the API server (1.37) would say: Forbidden: field is immutable when `immutable` is set
       = give the ConfigMap a new name (a hash suffix does), and refer to that

    1 error · 1 object, 1 overlay · Kubernetes 1.37 · N ms
    "#);
    let (exit, out, _) = run(&files, &["DIR/new", "--against", "DIR/old"]);
    assert_eq!(exit, Exit::Failure);
    assert!(out.contains("2 errors · 2 objects, 2 overlays"), "{out}");
    let (exit, out, _) = run(
        &files,
        &["DIR/new/base/a.yaml", "--against", "DIR/old/base/a.yaml"],
    );
    assert_eq!(exit, Exit::Failure, "{out}");
    let (exit, _, _) = run(&files, &["DIR/old", "--against", "DIR/old"]);
    assert_eq!(exit, Exit::Success);
    let (exit, _, err) = run(&files, &["DIR/old", "--against", "DIR/none"]);
    assert_eq!(exit, Exit::Failure);
    assert!(err.contains("there is nothing at `DIR/none`"), "{err}");
}

#[test]
fn items_of_lists_are_judged_as_updates() {
    let list = |mode: &str| {
        let store = STORE.replace("\"1\"", mode);
        let item = store.trim_end().replace('\n', "\n  ");
        format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n")
    };
    let (old, new) = (list("\"1\""), list("\"2\""));
    let files = [("old/a.yaml", old.as_str()), ("new/a.yaml", new.as_str())];
    let (exit, out, err) = run(&files, &["DIR/new", "--against", "DIR/old"]);
    assert_eq!((exit, err.as_str()), (Exit::Failure, ""), "{out}");
    assert!(out.starts_with("error[immutable-field]"), "{out}");
}

#[test]
fn changes_are_judged_against_a_revision() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let git = std::process::Command::new("git")
            .current_dir(folder.path())
            .args(identity)
            .args(args)
            .status();
        assert!(git.unwrap().success());
    };
    write("base/kustomization.yaml", "resources: [a.yaml]\n");
    write("base/a.yaml", STORE);
    write("prod/kustomization.yaml", "resources: [../base]\n");
    write("plain.yaml", &STORE.replace("name: a", "name: plain"));
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "all"]);
    let root = folder.path().to_str().unwrap();
    let judged = |revision: &str| {
        let words = ["deployx", "validate", root, "--against", revision];
        let (mut ui, captured) = Ui::capture();
        let exit = crate::cli::run(crate::cli::Cli::parse_from(words), &mut ui);
        (exit, captured.stdout() + &captured.stderr())
    };
    let (exit, out) = judged("git:HEAD");
    assert_eq!(exit, Exit::Success, "{out}");
    write("base/a.yaml", &STORE.replace("\"1\"", "\"2\""));
    write(
        "plain.yaml",
        &STORE
            .replace("name: a", "name: plain")
            .replace("mode", "other"),
    );
    write("new.yaml", &STORE.replace("name: a", "name: new"));
    let (exit, out) = judged("git:HEAD");
    assert_eq!(exit, Exit::Failure);
    assert!(out.contains("3 errors · 4 objects, 2 overlays"), "{out}");
    assert!(out.contains("was `1`"), "{out}");
    let (exit, out) = judged("git:none");
    assert_eq!(exit, Exit::Failure);
    assert!(out.contains("there is no revision `none`"), "{out}");
}
