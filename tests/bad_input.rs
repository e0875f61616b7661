//! What people get wrong, through the real binary: each is a clear error with a position or an
//! object, exit 1 (64 for wrong usage), and nothing on stdout. What needs a cluster to go wrong
//! is in `e2e_cluster`.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

const SERVICE: &str = "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata:\n  name: web\nspec:\n  \
    image: shop/web:1\n  ports:\n    http: 8080\n";

struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs the binary in the project, without any cluster. Returns code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_deployx"))
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env_remove("KUBECONFIG")
            .env_remove("HELM_DRIVER")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// The render fails, says all of this on stderr, and prints no object.
    #[track_caller]
    fn refuses(&self, says: &[&str]) {
        self.fails(1, &["render", "."], says);
    }

    #[track_caller]
    fn fails(&self, code: i32, args: &[&str], says: &[&str]) {
        let (got, out, err) = self.run(args);
        assert_eq!(got, Some(code), "{out}{err}");
        assert_eq!(out, "", "{err}");
        for words in says {
            assert!(err.contains(words), "{words:?} is missing in\n{err}");
        }
    }
}

fn overlay(kustomization: &str, service: &str) -> Project {
    Project::new(&[("kustomization.yaml", kustomization), ("web.yaml", service)])
}

#[test]
fn a_missing_file_is_named_with_the_place_that_names_it() {
    overlay("resources:\n- web.yaml\n- wbe.yaml\n", SERVICE)
        .refuses(&["`wbe.yaml`", "kustomization.yaml:3:3"]);
    let empty = Project::new(&[]);
    empty.fails(
        1,
        &["render", "nowhere"],
        &["`nowhere`", "no such file or folder"],
    );
    empty.fails(
        1,
        &["render", "."],
        &["no kustomization, chart or manifest"],
    );
}

#[test]
fn a_folder_of_overlays_lists_them() {
    let project = Project::new(&[
        ("shop/prod/kustomization.yaml", "resources: []"),
        ("shop/test/kustomization.yaml", "resources: []"),
    ]);
    project.fails(
        1,
        &["render", "shop"],
        &["overlays: prod, test", "try: deployx render shop/prod"],
    );
}

#[test]
fn yaml_faults_have_a_position() {
    overlay("resources: [web.yaml]", "a: [1\nb: 2\n").refuses(&["not YAML", "web.yaml:"]);
    overlay("resources: [web.yaml]\nresources: [", SERVICE).refuses(&["kustomization.yaml:2"]);
    let twice = SERVICE.replace("spec:", "spec: {}\nspec:");
    overlay("resources: [web.yaml]", &twice).refuses(&["`spec` is already set", "web.yaml:6:1"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_that_exists() {
    overlay("resources: [web.yaml]", &format!("{SERVICE}  replica: 2\n")).refuses(&[
        "unknown field `replica`",
        "web.yaml:9:3",
        "did you mean `replicas`?",
    ]);
    overlay("resuorces: [web.yaml]", SERVICE).refuses(&[
        "resuorces",
        "kustomization.yaml:1:1",
        "`resources`",
    ]);
}

#[test]
fn several_faults_are_reported_at_once() {
    let text = format!("{SERVICE}  replica: 2\n  imagePullPolicy: Sometimes\n  shutdown: 5s\n");
    overlay("resources: [web.yaml]", &text).refuses(&[
        "web.yaml:9:3",
        "web.yaml:10:20",
        "web.yaml:11:13",
    ]);
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    overlay(
        "resources: [web.yaml]",
        &format!("{SERVICE}  replicas: many\n"),
    )
    .refuses(&["replicas", "web.yaml:9:13"]);
    overlay("namePrefix: [a]\nresources: [web.yaml]", SERVICE)
        .refuses(&["namePrefix", "kustomization.yaml:1:13"]);
}

#[test]
fn inputs_that_are_not_built_yet_are_refused_by_name() {
    overlay(
        "resources: [web.yaml]",
        &format!("{SERVICE}  sidecars:\n    log: {{}}\n"),
    )
    .refuses(&["sidecars", "not built yet", "web.yaml:9:3"]);
}

#[test]
fn a_template_fault_names_the_template_line() {
    let project = Project::new(&[
        (
            ".deployx.yaml",
            "templates: [templates]\nschemas: [schemas]\n",
        ),
        ("kustomization.yaml", "resources: [crawler.yaml]"),
        (
            "crawler.yaml",
            "apiVersion: deployx.dev/v1\nkind: Crawler\nmetadata: {name: c}\nspec: {site: x}\n",
        ),
        (
            "schemas/crawler.schema.json",
            r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Crawler",
             "description": "Reads a site", "type": "object", "additionalProperties": false,
             "required": ["site"], "properties": {"site": {"type": "string",
             "description": "Which", "examples": ["x"]}}}"#,
        ),
        (
            "templates/crawler.yaml.j2",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name | json }}}\ndata:\n  \
             site: {{ spec.sight | json }}\n",
        ),
    ]);
    project.refuses(&["spec.sight", "crawler.yaml.j2:5"]);
}

#[test]
fn an_unknown_typed_kind_is_refused_with_the_nearest() {
    let text = SERVICE.replace("WebService", "WebServise");
    overlay("resources: [web.yaml]", &text).refuses(&[
        "WebServise",
        "web.yaml:2:7",
        "`WebService`",
    ]);
}

#[test]
fn a_path_out_of_the_root_is_refused_unless_the_flag_lifts_it() {
    let project = Project::new(&[
        ("prod/kustomization.yaml", "resources:\n- ../web.yaml\n"),
        (
            "web.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
    ]);
    project.fails(
        1,
        &["render", "prod"],
        &[
            "../web.yaml",
            "prod/kustomization.yaml:2:3",
            "--load-restrictor",
        ],
    );
    let (code, out, _) = project.run(&[
        "render",
        "prod",
        "--load-restrictor",
        "LoadRestrictionsNone",
    ]);
    assert_eq!(code, Some(0));
    assert!(out.contains("kind: ConfigMap"));
    project.fails(
        64,
        &["render", "prod", "--load-restrictor", "maybe"],
        &["`maybe`"],
    );
}

#[test]
fn a_patch_of_a_generated_object_names_the_typed_resource() {
    let patch = "resources: [web.yaml]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    \
                 kind: Deployment\n    metadata: {name: web}\n    spec: {replicas: 3}\n";
    overlay(patch, SERVICE).refuses(&["WebService web", "overrides", "kustomization.yaml:"]);
    let target = "resources: [web.yaml]\npatches:\n- target: {kind: Deployment, name: web}\n  \
                  patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]'\n";
    overlay(target, SERVICE).refuses(&["WebService web", "kustomization.yaml:3"]);
}

#[test]
fn two_release_resources_are_refused() {
    let release = |name: &str| {
        format!("---\napiVersion: deployx.dev/v1\nkind: Release\nmetadata: {{name: {name}}}\n")
    };
    let text = format!("{SERVICE}{}{}", release("a"), release("b"));
    overlay("resources: [web.yaml]", &text).refuses(&["Release", "web.yaml:"]);
}

#[test]
fn without_a_cluster_the_commands_say_so() {
    let project = overlay("resources: [web.yaml]", SERVICE);
    for command in ["diff", "status"] {
        let args: &[&str] = if command == "diff" {
            &["diff", "."]
        } else {
            &["status", "web"]
        };
        project.fails(1, args, &["no cluster", "--kubeconfig"]);
    }
    project.fails(1, &["upgrade", ".", "--yes"], &["no cluster"]);
    fs::write(
        project.path().join("config"),
        "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n",
    )
    .unwrap();
    let context = ["diff", ".", "--kubeconfig", "config", "--context", "prod"];
    project.fails(1, &context, &["`prod`"]);
}

#[test]
fn without_a_terminal_an_upgrade_needs_yes() {
    overlay("resources: [web.yaml]", SERVICE).fails(
        1,
        &["upgrade", "."],
        &["no terminal", "--yes"],
    );
}

#[test]
fn wrong_usage_is_64_and_a_path_after_o_is_explained() {
    let project = overlay("resources: [web.yaml]", SERVICE);
    project.fails(64, &["rendr", "."], &["render"]);
    project.fails(64, &["render", ".", "--nonsense"], &["--nonsense"]);
    project.fails(64, &["upgrade"], &["SOURCE"]);
    project.fails(64, &["render", ".", "-o", "out/all.yaml"], &["--out"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let project = overlay("resources: [web.yaml]", SERVICE);
    let status = Command::new("bash")
        .args(["-c", "set -o pipefail; \"$0\" render . | true"])
        .arg(env!("CARGO_BIN_EXE_deployx"))
        .current_dir(project.path())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn an_upgrade_of_what_the_server_would_refuse_stops_before_the_cluster_is_asked() {
    let hpa = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  \
               scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 25\n  \
               behavior:\n    scaleDown:\n      policies:\n      - type: Pod\n        value: 1\n        \
               periodSeconds: 60\n";
    let project = Project::new(&[
        ("kustomization.yaml", "resources: [hpa.yaml]"),
        ("hpa.yaml", hpa),
    ]);
    let says = [
        "`Pods`",
        "hpa.yaml:10:15",
        "supported values: \"Percent\", \"Pods\"",
    ];
    project.fails(1, &["upgrade", ".", "--yes"], &says);
    let (code, out, _) = project.run(&["validate", "."]);
    assert_eq!(code, Some(1));
    for words in says {
        assert!(out.contains(words), "{out}");
    }
}

#[test]
fn warnings_are_errors_where_that_is_asked_for() {
    let project = Project::new(&[
        (
            "kustomization.yaml",
            "resources: [web.yaml]\nimages: [{name: shop/wbe, newTag: '2'}]\n",
        ),
        ("web.yaml", SERVICE),
    ]);
    let (code, out, err) = project.run(&["render", "."]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        out.contains("kind: Deployment") && err.contains("warning[image-unused]"),
        "{err}"
    );
    let says = ["error[image-unused]", "kustomization.yaml:2:17"];
    project.fails(1, &["render", ".", "--strict"], &says);
    project.fails(1, &["diff", ".", "--strict"], &says);
    project.fails(1, &["upgrade", ".", "--yes", "--strict"], &says);
    let (code, out, _) = project.run(&["validate", ".", "--strict"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("error[image-unused]"), "{out}");
}

#[test]
fn a_base_of_several_overlays_warns_once() {
    let overlay = "resources: [../base]\n";
    let project = Project::new(&[
        ("a/kustomization.yaml", overlay),
        ("b/kustomization.yaml", overlay),
        (
            "base/kustomization.yaml",
            "resources: [cm.yaml]\nimages: [{name: nginx, newTag: '2'}]\n",
        ),
        (
            "base/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
    ]);
    let (code, _, err) = project.run(&["validate", "."]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(err.matches("image-unused").count(), 1, "{err}");
}

/// Files that must be refused at once, whoever names them.
#[test]
fn what_is_no_file_is_refused_without_being_opened() {
    let base = |resources: &str, more: &str| {
        Project::new(&[
            (
                "kustomization.yaml",
                &format!("resources:\n- {resources}\n{more}"),
            ),
            ("web.yaml", SERVICE),
            ("folder/x", ""),
        ])
    };
    let fifo = |project: &Project, name: &str| {
        let done = Command::new("mkfifo")
            .arg(project.path().join(name))
            .status();
        assert!(done.unwrap().success());
    };
    let project = base("pipe.yaml", "");
    fifo(&project, "pipe.yaml");
    project.refuses(&[
        "`pipe.yaml`",
        "a pipe or a device",
        "kustomization.yaml:2:3",
    ]);
    let generated = "configMapGenerator:\n- name: a\n  files: [pipe]\n  envs: [folder]\n";
    let project = base("web.yaml", generated);
    fifo(&project, "pipe");
    project.refuses(&[
        "a pipe or a device",
        "it is a folder",
        "kustomization.yaml:5:11",
    ]);
    let project = base("web.yaml", "patches:\n- path: folder\n- path: pipe\n");
    fifo(&project, "pipe");
    project.refuses(&[
        "it is a folder",
        "a pipe or a device",
        "kustomization.yaml:4:9",
    ]);
    // A device is outside of the root, and refused as such or as no file.
    let project = base("zero.yaml", "");
    std::os::unix::fs::symlink("/dev/zero", project.path().join("zero.yaml")).unwrap();
    project.refuses(&["kustomization.yaml:2:3", "is not in or below"]);
    let none = ["render", ".", "--load-restrictor", "LoadRestrictionsNone"];
    project.fails(1, &none, &["kustomization.yaml:2:3", "a pipe or a device"]);
}

#[test]
fn links_that_go_in_a_circle_or_lead_out_are_refused() {
    let project = overlay("resources:\n- round.yaml\n", SERVICE);
    std::os::unix::fs::symlink("round.yaml", project.path().join("round.yaml")).unwrap();
    project.refuses(&["go in a circle", "kustomization.yaml:2:3"]);
    let project = Project::new(&[
        (
            "prod/kustomization.yaml",
            "resources:\n- web.yaml\n- ../base\n",
        ),
        ("web.yaml", SERVICE),
        ("base/kustomization.yaml", "resources:\n- again\n"),
    ]);
    std::os::unix::fs::symlink("../web.yaml", project.path().join("prod/web.yaml")).unwrap();
    std::os::unix::fs::symlink("../prod", project.path().join("base/again")).unwrap();
    project.fails(
        1,
        &["render", "prod"],
        &[
            "is not in or below",
            "prod/kustomization.yaml:2:3",
            "error[cycle]",
            "base/kustomization.yaml:2:3",
        ],
    );
}

#[test]
fn a_huge_file_is_refused_at_once() {
    let project = overlay(
        "resources: [huge.yaml]\nconfigMapGenerator: [{name: a, files: [huge.yaml]}]\n",
        SERVICE,
    );
    let huge = fs::File::create(project.path().join("huge.yaml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let started = std::time::Instant::now();
    project.refuses(&[
        "it has 1024 MiB; at most 64 MiB are read",
        "kustomization.yaml:1:13",
        "kustomization.yaml:2:40",
    ]);
    let (code, out, _) = project.run(&["validate", "huge.yaml"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("it has 1024 MiB"), "{out}");
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn documents_without_end_are_refused() {
    overlay("resources: [web.yaml]\n", &"---\n".repeat(300_000))
        .refuses(&["more than 250000 documents", "web.yaml:250001:"]);
}

#[test]
fn hostile_texts_are_refused_with_a_position() {
    let mut bomb =
        String::from("kind: A\nmetadata: {name: a}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let alias = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![alias; 10].join(", ")));
    }
    let deep = format!(
        "kind: A\nmetadata: {{name: a}}\nspec: {}",
        "[".repeat(100_000)
    );
    for (text, says) in [
        (bomb.as_str(), "web.yaml:"),
        (deep.as_str(), "web.yaml:3:"),
        ("kind: A\nmetadata:\n  name: \"a\u{0}b\"\n", "web.yaml:3:"),
        ("kind: A\nmetadata: {name: a}\nkind: B\n", "web.yaml:3:1"),
    ] {
        overlay("resources: [web.yaml]\n", text).refuses(&[says]);
        overlay(text, SERVICE).refuses(&["kustomization.yaml:"]);
    }
    let project = overlay("resources: [web.yaml, bad.yaml]\n", SERVICE);
    fs::write(
        project.path().join("bad.yaml"),
        b"kind: A\nmetadata: {name: \xff}\n",
    )
    .unwrap();
    project.refuses(&["not UTF-8", "bad.yaml:2:18"]);
}

#[test]
fn an_expression_that_explodes_is_refused() {
    let with = |target: &str| {
        format!(
            "resources: [web.yaml]\npatches:\n- target: {{{target}}}\n  patch: '[{{\"op\": \"remove\", \"path\": \"/x\"}}]'\n"
        )
    };
    for target in [
        "name: '((a{1000}){1000}){1000}'",
        "kind: '(((((x{50}){50}){50}){50}){50})'",
    ] {
        overlay(&with(target), SERVICE)
            .refuses(&["no regular expression", "kustomization.yaml:3:"]);
    }
    overlay(&with("labelSelector: 'a=('"), SERVICE)
        .refuses(&["no label selector", "kustomization.yaml:3:"]);
    // Backtracking would take for ever on this one; it matches nothing, which is told.
    let (code, _, err) = overlay(&with("name: '(a*)*b'"), SERVICE).run(&["render", "."]);
    assert_eq!(code, Some(0));
    assert!(err.contains("target-unmatched"), "{err}");
}

#[test]
fn patches_without_a_clear_object_are_refused() {
    for (patch, says) in [
        (
            "- target: {kind: WebService}\n  patch: |-\n    {kind: A, metadata: {name: a}}\n    ---\n    {kind: B, metadata: {name: b}}\n",
            ["holds one object", "kustomization.yaml:7:5"],
        ),
        (
            "- patch: |-\n    kind: WebService\n    spec: {image: x}\n",
            ["has no `metadata.name`", "kustomization.yaml:4:5"],
        ),
        (
            "- patch: '[{\"op\": \"remove\", \"path\": \"/spec\"}]'\n",
            ["needs a `target`", "kustomization.yaml:3:3"],
        ),
        (
            "- target: {kind: WebService}\n",
            ["needs `path` or `patch`", "kustomization.yaml:3:3"],
        ),
        (
            "- path: a\n  patch: b\n",
            ["not both", "kustomization.yaml:3:9"],
        ),
        ("- patch: text\n", ["a string", "kustomization.yaml:3:10"]),
    ] {
        overlay(
            &format!("resources: [web.yaml]\npatches:\n{patch}"),
            SERVICE,
        )
        .refuses(&says);
    }
}

#[test]
fn an_overlay_of_nothing_says_so() {
    for (text, says) in [
        ("", "the kustomization is empty"),
        ("# nothing\n", "the kustomization is empty"),
        ("[]\n", "must be a mapping"),
        ("resources: web.yaml\n", "must be a list"),
    ] {
        overlay(text, SERVICE).refuses(&[says, "kustomization.yaml:1:1"]);
    }
    let (code, out, err) = overlay("resources: []\n", SERVICE).run(&["render", "."]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(err.contains("builds no object"), "{err}");
}

#[test]
fn a_folder_without_a_kustomization_names_the_command_that_was_meant() {
    let project = Project::new(&[
        ("shop/base/kustomization.yaml", "resources: []"),
        ("shop/prod/kustomization.yaml", "resources: []"),
    ]);
    project.fails(
        1,
        &["render", "shop"],
        &["overlays: base, prod", "try: deployx render shop/prod"],
    );
    project.fails(
        1,
        &["diff", "shop"],
        &["overlays: base, prod", "try: deployx diff shop/prod"],
    );
    project.fails(
        1,
        &["upgrade", "shop", "--yes"],
        &["overlays: base, prod", "try: deployx upgrade shop/prod"],
    );
}
