//! `deployx validate`: what the API server will say, before it is asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::project::Project;
use super::render::SourceArgs;
use super::{CommandError, Exit, Ui};
use crate::kustomize;
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Severity, Sources};
use crate::report;
use crate::source::{self, git, inputs};
use crate::validate::{self, Validator, Verdict, Verdicts};

/// Say what the API server would answer, offline
///
/// Every fault is reported with its place, the server's own words and what to write instead.
/// Exit code 1 when an object would be refused.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Kustomization directories, files, folders of both, or - for standard input
    #[arg(value_name = "SOURCE", default_value = ".")]
    sources: Vec<PathBuf>,
    #[command(flatten)]
    options: SourceArgs,
    /// Kubernetes version whose verdict is asked for, for example 1.37 [default: the project's, else the newest known]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// File or folder with custom resource definitions, besides those in the sources and those of the project
    #[arg(long = "crds", value_name = "PATH")]
    crds: Vec<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Judge only files that differ from this git revision, and overlays that read one of them
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// What makes the command fail (exit code 1)
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    fail_on: FailOn,
    /// Fail also where nothing is known, as for a custom resource without its schema
    #[arg(long)]
    require_schema: bool,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document (docs/output-json.md)
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, a case for each object
    Junit,
    /// Annotations of GitHub Actions
    Github,
}

/// What makes the command fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// An object that the server would refuse
    #[default]
    Error,
    /// A warning too
    Warning,
}

/// Runs `deployx validate`.
pub(super) fn cmd_validate(
    ui: &mut Ui,
    sources: &Sources,
    args: ValidateArgs,
) -> Result<Exit, CommandError> {
    let started = Instant::now();
    let first = args
        .sources
        .first()
        .map_or(Path::new("."), PathBuf::as_path);
    let project = Project::of(sources, first)?;
    let version = match &args.kubernetes_version {
        Some(text) => text
            .parse()
            .map_err(|error: crate::schema::UnknownVersion| {
                CommandError::usage(error.to_string())
            })?,
        None => project.version(),
    };
    let mut verdicts = judge(ui, sources, &project, &args, Validator::new(version))?;
    if args.require_schema {
        verdicts.objects.iter_mut().for_each(require_schema);
    }
    let (took, style) = (started.elapsed(), ui.out_style);
    let out = ui.stdout();
    match args.format {
        Format::Json => report::findings_json(out, sources, &verdicts, version)?,
        Format::Human => report::findings_human(out, sources, &verdicts, version, took, style)?,
        Format::Sarif => report::findings_sarif(out, sources, &verdicts, version)?,
        Format::Junit => report::findings_junit(out, sources, &verdicts, took)?,
        Format::Github => report::findings_github(out, sources, &verdicts)?,
    }
    Ok(if fails(&verdicts, args.fail_on) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn fails(verdicts: &Verdicts, on: FailOn) -> bool {
    verdicts.objects.iter().any(|judged| {
        let warns = |finding: &Diagnostic| finding.severity >= Severity::Warning;
        judged.judgement.verdict == Verdict::Rejected
            || on == FailOn::Warning && judged.judgement.findings.iter().any(warns)
    })
}

/// Judges everything that the sources yield.
fn judge(
    ui: &mut Ui,
    sources: &Sources,
    project: &Project,
    args: &ValidateArgs,
    validator: Validator,
) -> Result<Verdicts, CommandError> {
    let crds: Vec<PathBuf> = project.crds().iter().chain(&args.crds).cloned().collect();
    let definitions = validate::load_definitions(sources, &crds)?;
    let mut verdicts = Verdicts::default();
    let mut paths = args.sources.clone();
    if paths.iter().any(|path| path == Path::new("-")) {
        paths.retain(|path| path != Path::new("-"));
        let file = source::load_stdin(sources)?;
        verdicts.append(validate::judge_file(validator, sources, file));
    }
    let changed = match (&args.since, paths.first()) {
        (Some(revision), Some(path)) => {
            let folder = if path.is_dir() {
                path.as_path()
            } else {
                path.parent().unwrap_or(path)
            };
            let folder = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            let changed = git::changed_since(folder, revision);
            Some(changed.map_err(|error| CommandError::message(error.to_string()))?)
        }
        _ => None,
    };
    let mut inputs = inputs::select(&paths);
    verdicts.chart_files = inputs.chart_files;
    let found = inputs.files.len() + inputs.overlays.len() + inputs.chart_files;
    if found == 0 && !paths.is_empty() {
        let name = display_path(&paths[0]);
        return Err(
            CommandError::message(format!("no kustomization and no manifest in `{name}`"))
                .hint("manifests are files that end in .yaml, .yml or .json"),
        );
    }
    let builder = kustomize::Builder::new(sources, project.options(&args.options)?.kustomize());
    let judged = validate::on_all_cores(&inputs.overlays, |overlay| {
        judge_overlay(&builder, overlay, validator, changed.as_ref())
    });
    let mut read = BTreeSet::new();
    for overlay in judged {
        ui.diagnostics(sources, &overlay.warnings);
        verdicts.append(overlay.verdicts);
        read.extend(overlay.files);
    }
    inputs.leave_out(&read);
    if let Some(changed) = &changed {
        let is_changed = |file: &PathBuf| !file.canonicalize().is_ok_and(|f| !changed.contains(&f));
        inputs.files.retain(is_changed);
    }
    verdicts.append(validate::judge_files(validator, sources, &inputs.files));
    verdicts.settle(validator, sources, definitions);
    Ok(verdicts)
}

/// What came of one overlay.
#[derive(Default)]
struct JudgedOverlay {
    verdicts: Verdicts,
    warnings: Vec<Diagnostic>,
    /// The files that it read, by their true paths.
    files: Vec<PathBuf>,
}

/// Builds an overlay and judges what it prints; nothing, where it reads none of the changed files.
fn judge_overlay(
    builder: &kustomize::Builder<'_>,
    overlay: &Path,
    validator: Validator,
    changed: Option<&BTreeSet<PathBuf>>,
) -> JudgedOverlay {
    let mut judged = JudgedOverlay::default();
    match builder.build(overlay) {
        Ok(build) => {
            judged.files = build.files;
            if changed.is_some_and(|changed| !judged.files.iter().any(|f| changed.contains(f))) {
                return judged;
            }
            judged.verdicts.overlays += 1;
            judged.warnings = build.warnings;
            for object in &build.objects {
                judged.verdicts.judge(validator, object);
            }
        }
        // A Component may need what only the overlay that names it brings.
        Err(_) if inputs::is_component(overlay) => {
            judged.verdicts.skipped += 1;
            judged.files = inputs::files_below(overlay);
        }
        // What it would have read is not known, so it is told whatever was changed.
        Err(Diagnostics(findings)) => {
            judged.verdicts.overlays += 1;
            judged
                .verdicts
                .refuse(validate::primary_span(&findings), findings);
            judged.files = inputs::files_below(overlay);
        }
    }
    judged
}

/// Makes an unknown verdict an error.
fn require_schema(judged: &mut validate::Judged) {
    let Some(reason) = judged.judgement.unknown.take() else {
        return;
    };
    judged.judgement.verdict = Verdict::Rejected;
    judged.judgement.findings.push(
        Diagnostic::error("no-schema", reason)
            .at(judged.span, "this cannot be checked")
            .in_object(judged.id.to_string()),
    );
}

#[cfg(test)]
mod tests {
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
    const CUSTOM: &str =
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: c\n";

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
            spec:\n      containers:\n      - {name: web, image: nginx}\n";
        let overlay =
            "resources: [../base]\npatches: [{path: patch.yaml}]\ncomponents: [../more]\n";
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
            "warnings": 0
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
            assert!(out.contains("1 warning"), "{out}");
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
}
