//! What an overlay needs from outside, against kustomize 5.8.1 with the real Helm 3 and 4, the
//! real git and a server on the loopback: the same bytes, or both refuse.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;
mod outside;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cluster::tools;
use outside::{Overlay, deployx, err, git, out, script};

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

fn config_map(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n\
         data: {{c: d}}\n"
    )
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
            "ConfigMap shop/b-cm is there already",
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

const CHART: [(&str, &str); 5] = [
    (
        "over/charts/web/Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.2.3\n",
    ),
    (
        "over/charts/web/values.yaml",
        "# defaults\nreplicas: 1\nbig: 1000000\nimage: {repo: nginx, tag: \"1.0\"}\nlist: [a, b]\n\
         yes: \"on\"\nnested: {keep: true, drop: me}\n",
    ),
    (
        "over/charts/web/templates/all.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}-web\n  \
         namespace: {{ .Release.Namespace }}\nspec:\n  replicas: {{ .Values.replicas }}\n  \
         template:\n    spec:\n      containers:\n      - name: web\n        \
         image: \"{{ .Values.image.repo }}:{{ .Values.image.tag }}\"\n        env:\n        \
         - {name: KUBE, value: {{ .Capabilities.KubeVersion.Version | quote }}}\n        \
         - {name: HAS, value: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}}\n        \
         - {name: VALUES, value: {{ .Values | toJson | quote }}}\n---\napiVersion: v1\n\
         kind: Service\nmetadata:\n  name: {{ .Release.Name }}-web\nspec: {selector: {app: web}}\n\
         ---\napiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n\
         ---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\n",
    ),
    (
        "over/charts/web/crds/crd.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: foos.example.com}\n",
    ),
    (
        "over/more.yaml",
        "replicas: 7\nimage: {repo: other, tag: 2}\n",
    ),
];

#[test]
fn charts_are_rendered_as_kustomize_has_them_rendered() {
    let overlay = Overlay::new(&CHART);
    let programs = [tools().helm3(), tools().helm4()];
    let programs = programs.map(|program| program.to_string_lossy().into_owned());
    let same = |kustomization: &str, flags: &[&str]| {
        overlay.write("over/kustomization.yaml", kustomization);
        for program in &programs {
            let helm = ["--enable-helm", "--helm-command", program];
            overlay.same(&[&helm, flags].concat());
        }
    };
    let chart = "helmCharts:\n- name: web\n  releaseName: r\n";
    for fields in [
        "",
        "  valuesInline: {replicas: 3, image: {tag: v2}, nested: {drop: null, add: 1e3}, list: [c], o: 'yes'}\n",
        "  valuesMerge: merge\n  valuesInline: {replicas: 3, image: {extra: 5}, list: [c]}\n",
        "  valuesMerge: replace\n  valuesInline: {replicas: 3, image: {repo: a, tag: v2}, big: 123456789}\n",
        "  valuesFile: more.yaml\n",
        "  valuesFile: more.yaml\n  valuesInline: {list: []}\n",
        "  includeCRDs: true\n  skipHooks: true\n  apiVersions: [example.com/v1]\n  kubeVersion: 1.29.0\n  \
         namespace: other\n  additionalValuesFiles: [more.yaml]\n",
        "  skipTests: true\n  debug: true\n  devel: true\n",
    ] {
        same(&format!("{chart}{fields}"), &[]);
    }
    let around = "namespace: shop\nnamePrefix: p-\nimages: [{name: nginx, newTag: '9'}]\n\
                  buildMetadata: [originAnnotations, transformerAnnotations]\n";
    same(&format!("{chart}{around}"), &[]);
    same(
        &format!("{chart}helmGlobals: {{chartHome: ./charts}}\n"),
        &[],
    );
    let given = [
        "--helm-kube-version",
        "1.28.3",
        "--helm-api-versions",
        "example.com/v1",
        "--helm-debug",
    ];
    same(chart, &given);
    same(&format!("{chart}  kubeVersion: 1.29.0\n"), &given);
    same(
        "helmChartInflationGenerator:\n- chartName: web\n  releaseName: r\n  releaseNamespace: x\n  \
         valuesLocal: {replicas: 9}\n",
        &[],
    );
    overlay.write(
        "over/gen.yaml",
        "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: web\n\
         releaseName: g\nchartHome: charts\nvaluesInline: {replicas: 2}\n",
    );
    same("namespace: shop\ngenerators: [gen.yaml]\n", &[]);
    // A chart has the namespace of the nearest kustomization above that has one.
    overlay.write(
        "inner/kustomization.yaml",
        &format!("{chart}helmGlobals: {{chartHome: ../over/charts}}\n"),
    );
    overlay.write("middle/kustomization.yaml", "resources: [../inner]\n");
    let lax = ["--load-restrictor", "LoadRestrictionsNone"];
    same("resources: [../middle]\nnamespace: up\n", &lax);
}

#[test]
fn a_chart_that_does_not_render_is_located() {
    let overlay = Overlay::new(&CHART);
    overlay.write(
        "over/charts/web/templates/bad.yaml",
        "{{ fail \"set foo\" }}\n",
    );
    let helm = tools().helm4();
    let flags = ["--enable-helm", "--helm-command", helm.to_str().unwrap()];
    for (chart, wants) in [
        (
            "name: web",
            &["bad.yaml:1:3", "set foo", "kustomization.yaml:2:3"][..],
        ),
        ("name: none", &["there is no chart in", "it has no `repo`"]),
        ("nam: web", &["did you mean `name`?"]),
        (
            "name: web\n  valuesMerge: mrge",
            &[
                "`override`, `merge` or `replace`",
                "kustomization.yaml:3:16",
            ],
        ),
    ] {
        overlay.write(
            "over/kustomization.yaml",
            &format!("helmCharts:\n- {chart}\n"),
        );
        let said = overlay.both_refuse(&flags);
        for want in wants {
            assert!(said.contains(want), "{want}\n{said}");
        }
    }
    overlay.write("over/kustomization.yaml", "helmCharts: [{name: web}]\n");
    let said = overlay.both_refuse(&["--enable-helm", "--helm-command", "/no/such/helm"]);
    assert!(
        said.contains("name it with $HELM_BIN or --helm-command"),
        "{said}"
    );
    let said = overlay.both_refuse(&["--enable-helm", "--helm-command", "/bin/echo"]);
    assert!(said.contains("is no Helm 3 or 4"), "{said}");
}

#[test]
fn a_chart_that_is_missing_is_pulled() {
    for program in [tools().helm3(), tools().helm4()] {
        let store = Overlay::new(&CHART);
        let helm = |args: &[&str]| {
            let done = Command::new(&program)
                .args(args)
                .current_dir(store.path(""))
                .output();
            let done = done.unwrap();
            assert!(done.status.success(), "{}", err(&done));
        };
        helm(&["package", "over/charts/web", "--destination", "store"]);
        helm(&["repo", "index", "store"]);
        let archive = fs::read(store.path("store/web-1.2.3.tgz")).unwrap();
        let index = fs::read(store.path("store/index.yaml")).unwrap();
        let server =
            outside::Server::start(vec![("/index.yaml", index), ("/web-1.2.3.tgz", archive)]);
        let text = format!(
            "helmCharts:\n- {{name: web, version: 1.2.3, repo: '{}', releaseName: r}}\n",
            server.url("")
        );
        let overlay = Overlay::new(&[("over/kustomization.yaml", &text)]);
        let flags = ["--enable-helm", "--helm-command", program.to_str().unwrap()];
        let ours = overlay.deployx(&flags);
        assert!(ours.status.success(), "{}", err(&ours));
        assert!(
            overlay
                .path("over/charts/web-1.2.3/web/Chart.yaml")
                .exists()
        );
        // Both use it as found now; kustomize alone pulls the same.
        overlay.same(&flags);
        fs::remove_dir_all(overlay.path("over/charts")).unwrap();
        assert_eq!(out(&overlay.kustomize(&flags)), out(&ours));
    }
}

#[test]
fn repositories_are_fetched_as_kustomize_fetches_them() {
    let map = config_map("a", "");
    let repo = Overlay::new(&[
        (
            "base/kustomization.yaml",
            "resources: [cm.yaml]\nconfigMapGenerator:\n- {name: g, literals: [a=b]}\n",
        ),
        ("base/cm.yaml", &map),
        (
            "over/kustomization.yaml",
            "resources: [../base]\nnamePrefix: x-\n",
        ),
        (
            "comp/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n",
        ),
        (
            "leak/kustomization.yaml",
            "configMapGenerator:\n- {name: g, files: [../base/cm.yaml]}\n",
        ),
        ("out/kustomization.yaml", "resources: [../..]\n"),
    ]);
    let folder = repo.path("");
    repo.write(
        "self/kustomization.yaml",
        &format!("resources: ['file://{}//self']\n", folder.display()),
    );
    std::os::unix::fs::symlink("/", repo.path("link")).unwrap();
    git(&folder, &["init", "-q"]);
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "one"]);
    git(&folder, &["tag", "1.0"]);
    repo.write(
        "over/kustomization.yaml",
        "resources: [../base]\nnamePrefix: y-\n",
    );
    git(&folder, &["commit", "-qam", "two"]);
    let at = |rest: &str| format!("'file://{}//{rest}'", folder.display());
    let overlay = Overlay::new(&[]);
    let origins = "buildMetadata: [originAnnotations, transformerAnnotations]\n";
    for text in [
        format!("resources: [{}]\n", at("base")),
        format!("resources: [{}]\n", at("over?ref=1.0")),
        format!(
            "resources: [{}]\n",
            at("over?version=1.0&submodules=false&timeout=20")
        ),
        format!(
            "resources: [{}]\nnamePrefix: q-\n{origins}",
            at("over?ref=1.0")
        ),
        format!(
            "resources: ['file://{}']\n{origins}",
            repo.path("none").display()
        ),
        format!("bases: [{}]\ncomponents: [{}]\n", at("base"), at("comp")),
        format!("resources: [{}, {}]\n", at("base"), at("over")),
    ] {
        overlay.write("over/kustomization.yaml", &text);
        if text.contains("none") {
            git(&folder, &["clone", "-q", ".", "none"]);
            let root = repo.path("none");
            fs::write(root.join("kustomization.yaml"), "resources: [base]\n").unwrap();
            git(&root, &["add", "-A"]);
            git(&root, &["commit", "-qm", "three"]);
        }
        overlay.same_remote();
    }
    for (rest, want) in [
        ("leak", "no flag lifts this for what was fetched"),
        ("out", "leads out of its repository"),
        ("self", "which comes from it"),
        ("link", "leads out of its repository"),
        ("nope", "there is no folder"),
        ("base/cm.yaml", "is a file, not a folder"),
        ("base?ref=nope", "couldn't find remote ref nope"),
        (
            "base?ref=--upload-pack=touch%20x",
            "is no branch, tag or commit",
        ),
    ] {
        overlay.write(
            "over/kustomization.yaml",
            &format!("resources: [{}]\n", at(rest)),
        );
        let said = overlay.both_refuse_remote(&["--load-restrictor", "LoadRestrictionsNone"]);
        assert!(said.contains(want), "{want}\n{said}");
    }
    // A repository as the source itself.
    let url = at("over?ref=1.0").replace('\'', "");
    let ours = deployx(&["--allow-remote"], Path::new(&url));
    let theirs = Command::new(tools().kustomize())
        .args(["build", &url])
        .output()
        .unwrap();
    assert_eq!(out(&ours), out(&theirs), "{}", err(&ours));
}

#[test]
fn files_are_downloaded_as_kustomize_downloads_them() {
    let map = config_map("web", "");
    let server = outside::Server::start(vec![
        ("/cm.yaml", map.into_bytes()),
        (
            "/patch.yaml",
            b"- {op: add, path: /data/z, value: \"1\"}\n".to_vec(),
        ),
        ("/e.env", b"K=v\n".to_vec()),
        ("/moved", b"302 /cm.yaml".to_vec()),
        ("/round", b"302 /round".to_vec()),
        ("/page", b"<html>: <a\n".to_vec()),
    ]);
    let overlay = Overlay::new(&[]);
    let url = |path: &str| server.url(path);
    for text in [
        format!(
            "resources: ['{}']\nbuildMetadata: [originAnnotations]\n",
            url("/cm.yaml")
        ),
        format!("resources: ['{}']\n", url("/moved")),
        format!(
            "resources: ['{}']\npatches:\n- {{target: {{kind: ConfigMap}}, path: '{}'}}\n",
            url("/cm.yaml"),
            url("/patch.yaml")
        ),
        format!(
            "configMapGenerator:\n- {{name: x, files: ['{0}', 'k={1}'], envs: ['{1}']}}\n",
            url("/cm.yaml"),
            url("/e.env")
        ),
    ] {
        overlay.write("over/kustomization.yaml", &text);
        overlay.same_remote();
    }
    for (path, want) in [
        (url("/none.yaml"), "HTTP status 404 Not Found"),
        (url("/round"), "more than 10 redirections"),
        (url("/page"), "this object has no `kind`"),
        ("http://127.0.0.1:1/x.yaml".to_owned(), "onnection refused"),
    ] {
        overlay.write(
            "over/kustomization.yaml",
            &format!("resources: ['{path}']\n"),
        );
        let said = overlay.both_refuse_remote(&[]);
        assert!(said.contains(want), "{want}\n{said}");
    }
}
