//! `helmCharts`, `helmGlobals`, the older `helmChartInflationGenerator`, and the plugin of that
//! name: charts rendered with the user's Helm, as kustomize 5.8.1 has it rendered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use smol_str::SmolStr;
use tempfile::TempDir;

use super::accumulate::Chain;
use super::decode::{Fields, Text};
use super::load::{Mode, lock, normalize};
use super::outside::Helm;
use super::resource::Resource;
use super::run::Run;
use crate::helm::{HelmError, Program, Pull, Template};
use crate::manifest::read::{self, io_reason};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Node, Span, emit};
use crate::merge::strategic;
use crate::process;

/// Where charts lie if nothing else is said.
const CHARTS: &str = "charts";

const GLOBALS: &[&str] = &["chartHome", "configHome"];
const FIELDS: &[&str] = &[
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];
const OLD_FIELDS: &[&str] = &[
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];
/// Those of them that kustomize reads and does nothing with.
const UNHEEDED: &[&str] = &["chartRepoName", "helmBin", "releaseNamespace", "extraArgs"];

/// `helmGlobals`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Globals {
    chart_home: SmolStr,
    config_home: SmolStr,
}

/// A chart to render.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    name: SmolStr,
    version: SmolStr,
    repository: SmolStr,
    release: SmolStr,
    namespace: SmolStr,
    more_values: Vec<Text>,
    values_file: Option<Text>,
    values_inline: Option<Node>,
    values_merge: Option<Text>,
    include_crds: bool,
    skip_hooks: bool,
    api_versions: Vec<Text>,
    kube_version: SmolStr,
    name_template: SmolStr,
    skip_tests: bool,
    debug: bool,
    devel: bool,
    /// Where `devel` stands, which kustomize 5.5 does not know.
    devel_span: Option<Span>,
    span: Span,
}

/// How `valuesInline` goes with the values of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Merge {
    /// It is stronger.
    Override,
    /// It fills gaps.
    Fill,
    /// It is all there is.
    Replace,
}

/// What a kustomization says about charts.
#[derive(Debug, Default)]
pub(crate) struct Charts {
    pub(crate) globals: Globals,
    pub(crate) charts: Vec<Chart>,
}

impl Charts {
    /// Where the first chart is listed.
    pub(crate) fn span(&self) -> Option<Span> {
        self.charts.first().map(|chart| chart.span)
    }
}

/// Reads the fields of a kustomization.
pub(crate) fn read_all(fields: &mut Fields<'_, '_>, warnings: &mut Vec<Diagnostic>) -> Charts {
    let mut globals = fields.node("helmGlobals").map(|node| {
        let mut fields = Fields::new(node, "`helmGlobals`", GLOBALS, fields.faults());
        read_globals(&mut fields)
    });
    let mut charts = Vec::new();
    for item in fields.items("helmCharts") {
        let mut fields = Fields::new(item, "a chart", FIELDS, fields.faults());
        charts.push(read_chart(&mut fields));
    }
    let mut old_globals = Globals::default();
    for item in fields.items("helmChartInflationGenerator") {
        let mut fields = Fields::new(item, "a chart", OLD_FIELDS, fields.faults());
        charts.push(read_old(&mut fields, &mut old_globals, warnings));
    }
    if globals.is_none() {
        globals = Some(old_globals);
    }
    Charts {
        globals: globals.unwrap_or_default(),
        charts,
    }
}

fn read_globals(fields: &mut Fields<'_, '_>) -> Globals {
    Globals {
        chart_home: fields.plain("chartHome"),
        config_home: fields.plain("configHome"),
    }
}

fn read_chart(fields: &mut Fields<'_, '_>) -> Chart {
    Chart {
        name: fields.plain("name"),
        version: fields.plain("version"),
        repository: fields.plain("repo"),
        release: fields.plain("releaseName"),
        namespace: fields.plain("namespace"),
        more_values: fields.texts("additionalValuesFiles"),
        values_file: fields.filled("valuesFile"),
        values_inline: read_inline(fields, "valuesInline"),
        values_merge: fields.filled("valuesMerge"),
        include_crds: fields.flag("includeCRDs"),
        skip_hooks: fields.flag("skipHooks"),
        api_versions: fields.texts("apiVersions"),
        kube_version: fields.plain("kubeVersion"),
        name_template: fields.plain("nameTemplate"),
        skip_tests: fields.flag("skipTests"),
        debug: fields.flag("debug"),
        devel: fields.flag("devel"),
        devel_span: fields.key_span("devel"),
        span: fields.span(),
    }
}

fn read_old(
    fields: &mut Fields<'_, '_>,
    globals: &mut Globals,
    warnings: &mut Vec<Diagnostic>,
) -> Chart {
    for name in UNHEEDED.iter().filter(|name| fields.node(name).is_some()) {
        let message = format!("`{name}` of `helmChartInflationGenerator` has no effect");
        let warning = Diagnostic::warning("helm-unheeded", message)
            .note("kustomize has passed over it since it brought `helmCharts`")
            .hint("write the chart under `helmCharts`");
        warnings.push(match fields.key_span(name) {
            Some(span) => warning.at(span, ""),
            None => warning,
        });
    }
    for (name, into) in [
        ("helmHome", &mut globals.config_home),
        ("chartHome", &mut globals.chart_home),
    ] {
        if let Some(text) = fields.filled(name) {
            *into = text.value;
        }
    }
    Chart {
        name: fields.plain("chartName"),
        version: fields.plain("chartVersion"),
        repository: fields.plain("chartRepoUrl"),
        release: fields.plain("releaseName"),
        namespace: SmolStr::default(),
        more_values: Vec::new(),
        values_file: fields.filled("values"),
        values_inline: read_inline(fields, "valuesLocal"),
        values_merge: fields.filled("valuesMerge"),
        include_crds: false,
        skip_hooks: false,
        api_versions: Vec::new(),
        kube_version: SmolStr::default(),
        name_template: SmolStr::default(),
        skip_tests: false,
        debug: false,
        devel: false,
        devel_span: None,
        span: fields.span(),
    }
}

fn read_inline(fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Node> {
    let node = fields.node(name)?;
    let Some(map) = node.as_map() else {
        let message = format!("`{name}` must be a mapping, not {}", node.describe());
        let fault = Diagnostic::error("wrong-type", message);
        fields.faults().push(fault.at(node.span, ""));
        return None;
    };
    (!map.is_empty()).then(|| node.clone())
}

/// Renders the charts of a kustomization.
///
/// # Errors
/// Helm is not allowed, or a chart does not render.
pub(crate) fn generate(
    run: &Run<'_>,
    chain: &Chain<'_>,
    charts: &Charts,
    namespace: Option<&Text>,
) -> Result<Vec<Vec<Resource>>, Diagnostics> {
    let mut made = Vec::with_capacity(charts.charts.len());
    let mut faults = Vec::new();
    for chart in &charts.charts {
        if let Some(span) = chart.devel_span.filter(|_| run.options().compat.is_5_5()) {
            let fault = Diagnostic::error("unknown-field", "kustomize 5.5 knows no `devel`");
            faults.push(fault.at(span, ""));
            continue;
        }
        let mut chart = chart.clone();
        if chart.namespace.is_empty() && !run.options().compat.is_5_5() {
            chart.namespace = match namespace {
                Some(namespace) => namespace.value.clone(),
                None => inherited_namespace(run, chain),
            };
        }
        match render(run, chain, &chart, &charts.globals) {
            Ok(resources) => made.push(resources),
            Err(Diagnostics(more)) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        Ok(made)
    } else {
        Err(Diagnostics(faults))
    }
}

/// Renders the chart of a plugin's configuration.
///
/// # Errors
/// As [`generate`]; also wrong types in the configuration.
pub(crate) fn plugin(
    run: &Run<'_>,
    chain: &Chain<'_>,
    config: &Resource,
) -> Result<Vec<Resource>, Diagnostics> {
    let mut faults = Vec::new();
    let mut fields = Fields::of_plugin(&config.node, "a chart", &mut faults);
    let globals = read_globals(&mut fields);
    let chart = read_chart(&mut fields);
    if !faults.is_empty() {
        return Err(Diagnostics(faults));
    }
    render(run, chain, &chart, &globals)
}

/// The namespace of the nearest kustomization above that has one (kustomize 5.8.1).
fn inherited_namespace(run: &Run<'_>, chain: &Chain<'_>) -> SmolStr {
    run.depends_on_root();
    let namespace = |dir| {
        let loaded = run.files().kustomization(dir);
        let loaded = loaded.as_ref().as_ref().ok()?;
        let namespace = loaded.kustomization.namespace.as_ref()?;
        Some(namespace.value.clone())
    };
    let mut above = chain.ancestors().skip(1);
    above.find_map(namespace).unwrap_or_default()
}

/// A chart while it is rendered.
struct Rendering<'r, 'b> {
    run: &'r Run<'b>,
    chain: &'r Chain<'r>,
    chart: &'r Chart,
    helm: &'r Helm,
    charts: PathBuf,
    /// Where Helm may write, and where values go.
    folder: TempDir,
}

fn render(
    run: &Run<'_>,
    chain: &Chain<'_>,
    chart: &Chart,
    globals: &Globals,
) -> Result<Vec<Resource>, Diagnostics> {
    let fault = |message: String| Diagnostic::error("helm-chart", message).at(chart.span, "");
    let Some(helm) = run.options().outside.helm.as_ref() else {
        let name = &chart.name;
        return Err(Diagnostic::error(
            "helm-not-enabled",
            format!("the chart `{name}` needs Helm"),
        )
        .at(chart.span, "no program is run unasked")
        .hint("allow it with --enable-helm; $HELM_BIN or --helm-command names the program")
        .into());
    };
    if chart.name.is_empty() {
        return Err(fault("a chart needs a `name`".to_owned()).into());
    }
    let merge = merge_of(chart)?;
    for file in &chart.more_values {
        run.bytes(chain.dir(), file)?;
    }
    let folder = tempfile::Builder::new().prefix("deployx-helm-").tempdir();
    let folder = folder.map_err(|error| {
        let reason = io_reason(&error);
        fault(format!("cannot make a folder for Helm: {reason}"))
    })?;
    let own_home = folder.path().join("helm");
    let rendering = Rendering {
        run,
        chain,
        chart,
        helm,
        charts: charts_folder(chain, chart, globals),
        folder,
    };
    let program = Program {
        command: &helm.command,
        home: Some(if globals.config_home.is_empty() {
            &own_home
        } else {
            Path::new(globals.config_home.as_str())
        }),
        notify: run.options().outside.notify,
    };
    rendering.check_version(&program)?;
    rendering.pull(&program)?;
    rendering.note_files();
    let values = rendering.write_values(merge)?;
    rendering.template(&program, values)
}

fn merge_of(chart: &Chart) -> Result<Merge, Diagnostic> {
    let Some(text) = &chart.values_merge else {
        return Ok(Merge::Override);
    };
    match text.value.as_str() {
        "override" => Ok(Merge::Override),
        "merge" => Ok(Merge::Fill),
        "replace" => Ok(Merge::Replace),
        other => Err(Diagnostic::error(
            "helm-values-merge",
            format!("`valuesMerge` cannot be `{other}`"),
        )
        .at(text.span, "`override`, `merge` or `replace`")),
    }
}

/// The folder that the chart's own folder lies in. Charts of a repository have one for each
/// version.
fn charts_folder(chain: &Chain<'_>, chart: &Chart, globals: &Globals) -> PathBuf {
    let home = if globals.chart_home.is_empty() {
        CHARTS
    } else {
        &globals.chart_home
    };
    let home = normalize(&chain.dir().real.join(home));
    if chart.version.is_empty() || chart.repository.is_empty() {
        home
    } else {
        home.join(format!("{}-{}", chart.name, chart.version))
    }
}

impl Rendering<'_, '_> {
    fn fault(&self, error: &HelmError) -> Diagnostics {
        let fault = Diagnostic::error("helm", format!("the chart `{}`: {error}", self.chart.name))
            .at(self.chart.span, "rendered for this entry");
        let fault = match error {
            HelmError::Missing { .. } => {
                fault.hint("install Helm, or name it with $HELM_BIN or --helm-command")
            }
            _ => fault,
        };
        match error.words().filter(|words| !words.is_empty()) {
            Some(words) => fault.note(format!("Helm says: {}", process::indented(words))),
            None => fault,
        }
        .into()
    }

    /// Helm is asked for its version once in a run.
    fn check_version(&self, program: &Program<'_>) -> Result<(), Diagnostics> {
        let known = &self.run.files().helm_version;
        let version = known.get_or_init(|| program.major());
        match version {
            Ok(_) => Ok(()),
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Fetches a chart that is not there. One at a time: two overlays may want the same one.
    fn pull(&self, program: &Program<'_>) -> Result<(), Diagnostics> {
        let chart = self.chart;
        let _guard = lock(&self.run.files().pulls);
        let folder = self.charts.join(&*chart.name);
        if folder.is_dir() {
            return Ok(());
        }
        if chart.repository.is_empty() {
            let name = display_path(&folder);
            let message = format!("there is no chart in `{name}`");
            let fault = Diagnostic::error("helm-chart", message)
                .at(chart.span, "it has no `repo` to pull it from");
            return Err(fault.into());
        }
        let pull = Pull {
            name: chart.name.to_string(),
            repository: chart.repository.to_string(),
            version: chart.version.to_string(),
            into: self.charts.clone(),
            devel: chart.devel,
        };
        program.pull(&pull).map_err(|error| self.fault(&error))
    }

    /// Every file of the chart takes part in the build.
    fn note_files(&self) {
        let folder = self.charts.join(&*self.chart.name);
        let files = walkdir::WalkDir::new(&folder).into_iter();
        for entry in files.filter_map(Result::ok) {
            if entry.file_type().is_file()
                && let Ok(real) = entry.path().canonicalize()
            {
                self.run.was_read(&Arc::from(real));
            }
        }
    }

    /// Writes the values that Helm is given.
    fn write_values(&self, merge: Merge) -> Result<PathBuf, Diagnostics> {
        let chart = self.chart;
        let bytes = match &chart.values_inline {
            Some(inline) if merge == Merge::Replace => emit::emit(inline).into_bytes(),
            Some(inline) => self.merged(inline, merge)?.into_bytes(),
            None => {
                let file = self.values_file();
                self.run.bytes(self.chain.dir(), &file)?.to_vec()
            }
        };
        let name = format!("{}-kustomize-values.yaml", chart.name.replace('/', "_"));
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|error| {
            let message = format!("cannot write values for Helm: {}", io_reason(&error));
            Diagnostic::error("helm", message).at(chart.span, "")
        })?;
        Ok(path)
    }

    /// The file with the values: the chart's own, unless another is named.
    fn values_file(&self) -> Text {
        self.chart.values_file.clone().unwrap_or_else(|| {
            let path = self.charts.join(&*self.chart.name).join("values.yaml");
            Text {
                value: path.to_string_lossy().as_ref().into(),
                span: self.chart.span,
            }
        })
    }

    fn merged(&self, inline: &Node, merge: Merge) -> Result<String, Diagnostics> {
        let file = self.run.text(self.chain.dir(), &self.values_file())?;
        let options = crate::manifest::ReadOptions::kustomize_resource();
        let documents = read::read_all(self.run.files().sources, file, &options)?;
        let root = documents.into_iter().map(|document| document.root).next();
        if root.is_none() {
            let message = "these values are empty, and kustomize merges others only into some";
            let fault = Diagnostic::error("helm-values", message);
            return Err(fault.at(self.values_file().span, "").into());
        }
        let own = root
            .filter(|root| !root.is_null())
            .unwrap_or_else(|| Node::empty_map(inline.span));
        let (under, over) = match merge {
            Merge::Fill => (inline, &own),
            _ => (&own, inline),
        };
        let merged = strategic::merge(under, over, &self.run.schema()).map_err(|error| {
            let message = format!("the values do not go together: {error}");
            Diagnostic::error("helm-values", message).at(error.span, "")
        })?;
        let merged = merged.unwrap_or_else(|| Node::empty_map(inline.span));
        Ok(emit::emit(&merged))
    }

    fn template(
        &self,
        program: &Program<'_>,
        values: PathBuf,
    ) -> Result<Vec<Resource>, Diagnostics> {
        let chart = self.chart;
        let root = &self.chain.dir().real;
        let more = chart.more_values.iter();
        let more = more.map(|file| normalize(&root.join(file.value.trim_start_matches('/'))));
        let owned = |texts: &[Text]| texts.iter().map(|text| text.value.to_string()).collect();
        let template = Template {
            release: chart.release.to_string(),
            chart: self.charts.join(&*chart.name),
            namespace: chart.namespace.to_string(),
            name_template: chart.name_template.to_string(),
            values: std::iter::once(values).chain(more).collect(),
            // What a chart says is stronger than the command line.
            api_versions: if chart.api_versions.is_empty() {
                self.helm.api_versions.clone()
            } else {
                owned(&chart.api_versions)
            },
            kube_version: if chart.kube_version.is_empty() {
                self.helm.kube_version.clone()
            } else {
                chart.kube_version.to_string()
            },
            include_crds: chart.include_crds,
            skip_tests: chart.skip_tests,
            skip_hooks: chart.skip_hooks,
            debug: chart.debug || self.helm.debug,
            devel: chart.devel,
            more: Vec::new(),
        };
        let output = program
            .template(&template)
            .map_err(|error| self.fault(&error))?;
        self.objects(output)
    }

    fn objects(&self, output: Vec<u8>) -> Result<Vec<Resource>, Diagnostics> {
        let files = self.run.files();
        let name = format!("<helm template {}>", self.chart.name);
        let located = |Diagnostics(faults): Diagnostics| {
            let also = |fault: Diagnostic| fault.also(self.chart.span, "printed by this chart");
            Diagnostics(faults.into_iter().map(also).collect())
        };
        let file = read::load_bytes(files.sources, &name, output).map_err(located)?;
        let objects = files.objects(file, Mode::Resources);
        let objects = (*objects)
            .as_ref()
            .map_err(|faults| located(faults.clone()))?;
        let schema = self.run.schema();
        let made = objects.iter().map(|node| {
            let mut resource = Resource::new(node.clone(), &schema);
            resource.from_helm = !self.run.options().compat.is_5_5();
            resource
        });
        Ok(made.collect())
    }
}
