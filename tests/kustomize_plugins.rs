//! Plugins that are programs, and the flags of `kustomize build`, against kustomize 5.8.1: the same
//! bytes, or both refuse.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;
mod outside;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use outside::{Overlay, config_map, deployx, err, out};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: \"yes\"}}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: a
        image: x
        args: [a, \"1\", 1e3, aaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccc ddd]
        envFrom: [{configMapRef: {name: cm}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {a: \"1\"}}
";
const BASE: &str = "resources: [all.yaml]\nnamePrefix: b-\nconfigMapGenerator:\n- name: cm\n  \
                    literals: [a=b]\n";
const TRANSFORMER: &str =
    "resources: [../base]\nnamePrefix: o-\nnamespace: shop\ntransformers: [fn.yaml]\n";
const GENERATOR: &str = "resources: [../base]\nnamespace: shop\ngenerators: [fn.yaml]\n";
const VALIDATOR: &str = "resources: [../base]\nvalidators: [fn.yaml]\n";

const FUNCTION: &str = "\
apiVersion: example.com/v1
kind: Fn
metadata:
  name: fn
  annotations:
    config.kubernetes.io/function: |
      exec: {path: ./fn.sh, args: [x, y z], envs: [A=1, B=2]}
spec: {v: \"1\"}
";
const EXEC: [&str; 4] = ["--enable-alpha-plugins", "--enable-exec", "--env", "B=3"];

/// Writes a shell script.
fn script(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An overlay whose function is this shell script.
fn function(kustomization: &str, body: &str) -> Overlay {
    let overlay = Overlay::new(&[
        ("base/kustomization.yaml", BASE),
        ("base/all.yaml", DEPLOYMENT),
        ("over/kustomization.yaml", kustomization),
        ("over/fn.yaml", FUNCTION),
    ]);
    script(&overlay.path("over/fn.sh"), body);
    overlay
}

/// A function that prints one object.
fn prints(text: &str) -> String {
    format!("cat <<'END'\n{text}END\n")
}

#[test]
fn functions_do_what_they_do_in_kustomize() {
    let wish = |text: &str| format!("kustomize.config.k8s.io/needs-hash: \"{text}\"");
    let behavior = |text: &str| format!("kustomize.config.k8s.io/behavior: {text}, keep: x");
    let add = "sed 's/^functionConfig:/- apiVersion: v1\\n  kind: ConfigMap\\n  metadata: \
               {name: added}\\n  data: {x: \"'$A$B$1'\", y: \"'\"$2\"'\"}\\nfunctionConfig:/'";
    let origins =
        format!("{TRANSFORMER}buildMetadata: [originAnnotations, transformerAnnotations]\n");
    for (kustomization, body) in [
        (
            TRANSFORMER,
            "sed 's/replicas: 1/replicas: 5/; s/image: x/image: \"1.0\"/'",
        ),
        (TRANSFORMER, "grep -v needsHash"),
        (TRANSFORMER, "grep -v 'internal.config.kubernetes.io/p'"),
        (TRANSFORMER, "sed 's/name: o-b-web$/name: other/'"),
        (TRANSFORMER, "sed 's/namespace: shop/namespace: other/'"),
        (TRANSFORMER, add),
        (&origins, add),
        (TRANSFORMER, "cat >/dev/null"),
        (TRANSFORMER, "exec <&-; pwd >&2"),
        (TRANSFORMER, &prints("kind: ResourceList\nitems: []\n")),
        (
            TRANSFORMER,
            &prints(
                "apiVersion: v1\nkind: Service\nmetadata: {name: o-b-web, namespace: shop}\nspec: {x: 1}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n",
            ),
        ),
        (
            TRANSFORMER,
            "sed 's/^functionConfig:/results: [{message: bad, severity: error}]\\nfunctionConfig:/'",
        ),
        ("resources: []\ntransformers: [fn.yaml]\n", "cat"),
        (GENERATOR, "cat"),
        (GENERATOR, &prints(&config_map("g", &wish("true")))),
        (GENERATOR, &prints(&config_map("g", &wish("0")))),
        (GENERATOR, &prints(&config_map("cm", &behavior("merge")))),
        (
            GENERATOR,
            &prints(&config_map("b-cm", &behavior("replace"))),
        ),
        (VALIDATOR, "cat >/dev/null"),
    ] {
        function(kustomization, body).same(&EXEC);
    }
    for (kustomization, body, want) in [
        (
            TRANSFORMER,
            "cat; exit 3",
            "function `./fn.sh` failed: exit status: 3",
        ),
        (TRANSFORMER, "echo 'a: b: c'", "printed by this plugin"),
        (
            TRANSFORMER,
            "printf 'kind: ResourceList\\nitems: [{a: b}]\\n'",
            "no `kind`",
        ),
        (
            TRANSFORMER,
            &prints(&format!("{0}---\n{0}", config_map("a", ""))),
            "ConfigMap a is there twice",
        ),
        (
            TRANSFORMER,
            "sed 's/default,default/default/'",
            "a broken history",
        ),
        (
            GENERATOR,
            &prints(&config_map("g", &wish("yes"))),
            "is true or false, not `yes`",
        ),
        (
            GENERATOR,
            &prints(&config_map("b-cm", "")),
            "ConfigMap b-cm is there already",
        ),
        (
            VALIDATOR,
            "sed 's/replicas: 1/replicas: 5/'",
            "changes Deployment b-web",
        ),
        (
            VALIDATOR,
            "cat >/dev/null; echo no good >&2; exit 1",
            "no good",
        ),
    ] {
        if want == "a broken history" {
            // kustomize panics.
            let output = deployx(&EXEC, &function(kustomization, body).over());
            assert!(err(&output).contains("the history of"), "{}", err(&output));
            continue;
        }
        let said = function(kustomization, body).both_refuse(&EXEC);
        assert!(said.contains(want), "{want}\n{said}");
    }
}

#[test]
fn functions_are_handed_what_kustomize_hands_them() {
    for kustomization in [TRANSFORMER, GENERATOR, VALIDATOR] {
        let overlay = function(
            kustomization,
            "(pwd; echo \"$0 $# $1 $2 $A$B\") >../how; cat >../list",
        );
        let handed = |output: &Output| {
            assert!(output.status.success(), "{}", err(output));
            let list = fs::read_to_string(overlay.path("list")).unwrap();
            // The same in meaning; the order of annotations is another.
            let list: serde_yaml::Value = serde_yaml::from_str(&list).unwrap();
            (fs::read_to_string(overlay.path("how")).unwrap(), list)
        };
        let theirs = handed(&overlay.kustomize(&EXEC));
        let ours = handed(&deployx(&EXEC, &overlay.over()));
        assert_eq!(theirs, ours, "{kustomization}");
    }
}

#[test]
fn a_program_is_found_on_path_or_from_the_kustomization() {
    let inline = "resources: [../base]\ntransformers:\n- |\n  apiVersion: example.com/v1\n  \
                  kind: Fn\n  metadata:\n    name: fn\n    annotations:\n      \
                  config.kubernetes.io/function: 'exec: {path: only-here}'\n";
    let overlay = function(inline, "");
    let said = overlay.both_refuse(&EXEC);
    assert!(
        said.contains("a name without a slash is looked for on PATH"),
        "{said}"
    );
    script(
        &overlay.path("bin/only-here"),
        "sed 's/replicas: 1/replicas: 8/'",
    );
    overlay.same(&EXEC);
}

#[test]
fn a_function_in_a_folder_is_for_that_folder() {
    let at = |path: &str| format!("config.kubernetes.io/path: {path}");
    let overlay = function(
        "resources: [../base, more.yaml]\ntransformers: [fn.yaml]\n",
        "sed 's/c: d/c: e/; s/replicas: 1/replicas: 5/'",
    );
    overlay.write(
        "over/more.yaml",
        &config_map("more", &at("'apps/shop/cm.yaml'")),
    );
    for path in [
        "apps/fn.yaml",
        "apps/functions/fn.yaml",
        "fn.yaml",
        "other/fn.yaml",
    ] {
        let annotation = format!("  annotations:\n    {}\n", at(path));
        overlay.write(
            "over/fn.yaml",
            &FUNCTION.replace("  annotations:\n", &annotation),
        );
        overlay.same(&EXEC);
    }
}

const LEGACY: &str = "\
apiVersion: example.com/v1
kind: Leg
metadata: {name: leg}
argsOneLiner: one 'two three' # comment
argsFromFile: args.txt
spec: {b: \"1\", a: yes, c: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccc}
";

fn legacy(kustomization: &str, body: &str) -> Overlay {
    let overlay = function(kustomization, "");
    overlay.write("over/leg.yaml", LEGACY);
    overlay.write("over/args.txt", "l1\n  l2 x\n\nl3\n");
    script(&overlay.path("home/example.com/v1/leg/Leg"), body);
    overlay
}

#[test]
fn legacy_plugins_do_what_they_do_in_kustomize() {
    const FLAG: [&str; 1] = ["--enable-alpha-plugins"];
    let transformer = TRANSFORMER.replace("fn.yaml", "leg.yaml");
    let generator = GENERATOR.replace("fn.yaml", "leg.yaml");
    let validator = VALIDATOR.replace("fn.yaml", "leg.yaml");
    let dump = "(cat \"$1\"; shift; printf '[%s]\\n' \"$@\"; pwd; \
                echo \"$KUSTOMIZE_PLUGIN_CONFIG_ROOT $KUSTOMIZE_PLUGIN_CONFIG_STRING\") >../handed; \
                tee -a ../handed | sed 's/replicas: 1/replicas: 4/'";
    let overlay = legacy(&transformer, dump);
    let handed = |output: &Output| {
        assert!(output.status.success(), "{}", err(output));
        fs::read_to_string(overlay.path("handed")).unwrap()
    };
    let theirs = handed(&overlay.kustomize(&FLAG));
    let ours = handed(&overlay.deployx(&FLAG));
    assert_eq!(theirs, ours);
    overlay.same(&FLAG);
    let wish = "kustomize.config.k8s.io/needs-hash: \"true\"";
    legacy(&generator, &prints(&config_map("g", wish))).same(&FLAG);
    legacy(&validator, "cat >/dev/null").same(&FLAG);
    let said = legacy(&transformer, "echo oops >&2; exit 4").both_refuse(&FLAG);
    assert!(
        said.contains("failed: exit status: 4") && said.contains("it says: oops"),
        "{said}"
    );
    // A configuration that is too long for the environment.
    let overlay = legacy(
        &transformer,
        "test -z \"$KUSTOMIZE_PLUGIN_CONFIG_STRING\" && cat",
    );
    let long = format!("{LEGACY}long: {}\n", "a".repeat(140_000));
    overlay.write("over/leg.yaml", &long);
    overlay.same(&FLAG);
    // Forms that are none.
    let plugin = overlay.path("home/example.com/v1/leg/Leg");
    fs::rename(&plugin, plugin.with_extension("so")).unwrap();
    let said = err(&overlay.deployx(&FLAG));
    assert!(
        said.contains("is a Go plugin, which only kustomize can load"),
        "{said}"
    );
    fs::write(&plugin, "").unwrap();
    let said = overlay.both_refuse(&FLAG);
    assert!(said.contains("is not executable"), "{said}");
}

#[test]
fn a_legacy_plugin_leaves_no_configuration_behind() {
    let transformer = TRANSFORMER.replace("fn.yaml", "leg.yaml");
    let overlay = legacy(&transformer, "echo \"$1\" >../where; exit 1");
    let output = overlay.deployx(&["--enable-alpha-plugins"]);
    assert_eq!(output.status.code(), Some(1));
    let file = fs::read_to_string(overlay.path("where")).unwrap();
    assert!(!Path::new(file.trim()).exists(), "{file}");
}

#[test]
fn nothing_is_run_and_nothing_fetched_unasked() {
    let function = function(TRANSFORMER, "touch ../ran");
    for flags in [&[][..], &EXEC[..1], &EXEC[1..2]] {
        let output = deployx(flags, &function.over());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(out(&output), "");
        let said = err(&output);
        assert!(
            said.contains("--enable-alpha-plugins --enable-exec"),
            "{said}"
        );
    }
    let legacy = legacy(&TRANSFORMER.replace("fn.yaml", "leg.yaml"), "touch ../ran");
    let said = err(&legacy.deployx(&["--enable-exec", "--enable-helm"]));
    assert!(
        said.contains("allow it with --enable-alpha-plugins"),
        "{said}"
    );
    for overlay in [&function, &legacy] {
        assert!(!overlay.path("ran").exists());
    }
    let chart = Overlay::new(&[("over/kustomization.yaml", "helmCharts: [{name: web}]\n")]);
    let said = err(&chart.deployx(&["--enable-exec", "--allow-remote"]));
    assert!(said.contains("allow it with --enable-helm"), "{said}");
    for entry in ["https://example.com/a.yaml", "github.com/org/repo?ref=v1"] {
        let text = format!("resources: ['{entry}']\n");
        let overlay = Overlay::new(&[("over/kustomization.yaml", &text)]);
        let said = err(&overlay.deployx(&["--enable-alpha-plugins"]));
        assert!(said.contains("allow it with --allow-remote"), "{said}");
    }
}

#[test]
fn containers_and_starlark_are_refused_by_name() {
    for (function, want) in [
        (
            "container: {image: a/b, network: true}",
            "in the container `a/b`",
        ),
        ("starlark: {path: a.star}", "is written in Starlark"),
        ("exec: {pat: a}", "did you mean `path`?"),
    ] {
        let overlay = function_with(function);
        let said = err(&deployx(&EXEC, &overlay.over()));
        assert!(said.contains(want), "{want}\n{said}");
    }
}

fn function_with(description: &str) -> Overlay {
    let overlay = function(TRANSFORMER, "cat");
    let config = FUNCTION.replace(
        "exec: {path: ./fn.sh, args: [x, y z], envs: [A=1, B=2]}",
        description,
    );
    overlay.write("over/fn.yaml", &config);
    overlay
}

#[test]
fn the_other_flags_of_kustomize_build_have_its_effect() {
    let overlay = function("resources: [../base]\n", "");
    for flags in [
        &["--reorder", "none"][..],
        &["--reorder", "legacy"],
        &["--enable-managedby-label"],
        &[
            "--network",
            "--network-name",
            "x",
            "--as-current-user",
            "--mount",
            "type=bind,src=a",
        ],
    ] {
        overlay.same(flags);
    }
    let output = overlay.deployx(&["-o", "out.yaml"]);
    assert_eq!(output.status.code(), Some(64), "{}", err(&output));
    assert!(err(&output).contains("--out DIR"), "{}", err(&output));
}
