//! Helm charts and remote resources of overlays, against kustomize 5.8.1 with the real Helm 3 and 4,
//! the real git and a server on the loopback: the same bytes, or both refuse.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cluster;
mod outside;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use cluster::tools;
use outside::{Overlay, config_map, deployx, err, out, refusal};

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

/// Both print the same where what is remote is allowed.
#[track_caller]
fn same_remote(overlay: &Overlay) {
    overlay.compare(
        &overlay.kustomize(&[]),
        &overlay.deployx(&["--allow-remote"]),
    );
}

/// Both refuse though what is remote is allowed. Returns what deployx says.
#[track_caller]
fn both_refuse_remote(overlay: &Overlay, flags: &[&str]) -> String {
    let ours = overlay.deployx(&[flags, &["--allow-remote"]].concat());
    refusal(&overlay.kustomize(flags), &ours)
}

/// Runs git as somebody.
#[track_caller]
fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", err(&done));
}

/// A server of files on the loopback; a file `302 PATH` is a redirection. It ends with the process.
struct Server {
    port: u16,
}

impl Server {
    /// Serves files.
    fn start(files: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                // The header ends with an empty line.
                while lines
                    .next()
                    .and_then(Result::ok)
                    .is_some_and(|line| !line.is_empty())
                {}
                let path = first.split(' ').nth(1).unwrap_or_default();
                let found = files.iter().find(|(name, _)| *name == path);
                let (head, body) = match found {
                    None => ("404 Not Found".to_owned(), &b""[..]),
                    Some((_, body)) => match body.strip_prefix(b"302 ") {
                        Some(to) => {
                            let to = String::from_utf8_lossy(to);
                            (format!("302 Found\r\nLocation: {to}"), &b""[..])
                        }
                        None => ("200 OK".to_owned(), body.as_slice()),
                    },
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                // The other side may be gone.
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(body);
            }
        });
        Self { port }
    }

    /// The address of a file.
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

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
fn charts_are_rendered_as_kustomize_5_5_has_them_rendered() {
    let overlay = Overlay::new(&CHART);
    let kustomize = cluster::Tools::kustomize_5_5();
    // It cannot drive Helm 4.
    let helm = tools().helm3();
    let flags = ["--enable-helm", "--helm-command", helm.to_str().unwrap()];
    let compat = [&flags[..], &["--kustomize-compat", "5.5"]].concat();
    let write = |text: &str| overlay.write("over/kustomization.yaml", text);
    let chart = "helmCharts:\n- name: web\n  releaseName: r\n";
    for fields in [
        "",
        "  namespace: other\n",
        "  namespace: other\nnamespace: shop\n",
        "namespace: shop\nnamePrefix: p-\n",
        "  valuesFile: more.yaml\n  valuesInline: {list: [], o: 'yes'}\n",
        "  includeCRDs: true\n  skipTests: true\n  apiVersions: [example.com/v1]\n",
    ] {
        write(&format!("{chart}{fields}"));
        let theirs = overlay.kustomize_by(&kustomize, &flags);
        overlay.compare(&theirs, &overlay.deployx(&compat));
    }
    write(&format!("{chart}  devel: true\n"));
    let theirs = overlay.kustomize_by(&kustomize, &flags);
    let said = outside::refusal(&theirs, &overlay.deployx(&compat));
    assert!(said.contains("knows no `devel`"), "{said}");
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
    overlay.write("over/none.yaml", "\n");
    overlay.write(
        "over/kustomization.yaml",
        "helmCharts: [{name: web, valuesFile: none.yaml, valuesInline: {a: b}}]\n",
    );
    let said = overlay.both_refuse(&flags);
    assert!(said.contains("these values are empty"), "{said}");
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
        let server = Server::start(vec![("/index.yaml", index), ("/web-1.2.3.tgz", archive)]);
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
        same_remote(&overlay);
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
        let said = both_refuse_remote(&overlay, &["--load-restrictor", "LoadRestrictionsNone"]);
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
    let server = Server::start(vec![
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
        same_remote(&overlay);
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
        let said = both_refuse_remote(&overlay, &[]);
        assert!(said.contains(want), "{want}\n{said}");
    }
}
