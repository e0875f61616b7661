//! `kustomization.yaml` as typed values.

use smol_str::SmolStr;

use super::decode::{Fields, Text};
use super::fieldspec::FieldSpec;
use super::generators::GeneratorArgs;
use super::helm_charts::Charts;
use super::images::Image;
use super::replacements::ReplacementEntry;
use super::selector::Selector;
use super::vars::Var;
use crate::manifest::suggest::nearest;
use crate::manifest::{Diagnostic, Node, Span};

/// The file names that kustomize takes for a kustomization.
pub(crate) const FILE_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const KUSTOMIZATION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT: &str = "kustomize.config.k8s.io/v1alpha1";

const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// A kustomization or component.
#[derive(Debug)]
pub(crate) struct Kustomization {
    pub(crate) is_component: bool,
    pub(crate) resources: Vec<Text>,
    pub(crate) components: Vec<Text>,
    pub(crate) crds: Vec<Text>,
    pub(crate) configurations: Vec<Text>,
    pub(crate) generators: Vec<Text>,
    pub(crate) transformers: Vec<Text>,
    pub(crate) validators: Vec<Text>,
    pub(crate) name_prefix: Option<Text>,
    pub(crate) name_suffix: Option<Text>,
    pub(crate) namespace: Option<Text>,
    pub(crate) common_labels: Vec<(SmolStr, Text)>,
    pub(crate) common_annotations: Vec<(SmolStr, Text)>,
    pub(crate) labels: Vec<Label>,
    pub(crate) images: Vec<Image>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) patches_strategic_merge: Vec<Text>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) config_maps: Vec<GeneratorArgs>,
    pub(crate) secrets: Vec<GeneratorArgs>,
    pub(crate) replacements: Vec<ReplacementEntry>,
    pub(crate) vars: Vec<Var>,
    pub(crate) openapi: Vec<(SmolStr, Text)>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) build_metadata: Vec<Text>,
    pub(crate) helm: Charts,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) span: Span,
}

/// An entry of `labels`.
#[derive(Debug)]
pub(crate) struct Label {
    pub(crate) pairs: Vec<(SmolStr, Text)>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
    pub(crate) span: Span,
}

/// An entry of `replicas`.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) name: SmolStr,
    pub(crate) count: i64,
    pub(crate) span: Span,
}

/// An entry of `patches` or `patchesJson6902`.
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) path: Option<Text>,
    pub(crate) inline: Option<Text>,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    /// Faults of options that only kustomize 5.5 takes.
    pub(crate) unknown_options: Vec<Diagnostic>,
    pub(crate) span: Span,
}

/// `sortOptions`.
#[derive(Debug)]
pub(crate) struct SortOptions {
    pub(crate) order: SmolStr,
    /// `orderFirst` and `orderLast`.
    pub(crate) legacy: Option<(Vec<SmolStr>, Vec<SmolStr>)>,
}

impl Kustomization {
    /// Reads a kustomization file's tree as far as it goes. Returns every unknown field, wrong
    /// type and missing value with it.
    pub(crate) fn read(root: &Node) -> (Self, Vec<Diagnostic>) {
        let mut faults = Vec::new();
        let kustomization = read(root, &mut faults);
        (kustomization, faults)
    }
}

fn read(root: &Node, faults: &mut Vec<Diagnostic>) -> Kustomization {
    let mut fields = Fields::new(root, "a kustomization", FIELDS, faults);
    let is_component = read_kind(&mut fields);
    let mut resources = fields.texts("resources");
    resources.extend(fields.texts("bases"));
    let mut images = super::images::read_all(&mut fields, "images");
    images.extend(super::images::read_all(&mut fields, "imageTags"));
    let options = super::generators::read_options(&mut fields, "generatorOptions");
    let mut warnings = deprecated(&fields);
    let kustomization = Kustomization {
        is_component,
        resources,
        components: fields.texts("components"),
        crds: fields.texts("crds"),
        configurations: fields.texts("configurations"),
        generators: fields.texts("generators"),
        transformers: fields.texts("transformers"),
        validators: fields.texts("validators"),
        name_prefix: fields.filled("namePrefix"),
        name_suffix: fields.filled("nameSuffix"),
        namespace: fields.filled("namespace"),
        common_labels: fields.pairs("commonLabels"),
        common_annotations: fields.pairs("commonAnnotations"),
        labels: read_labels(&mut fields),
        images,
        replicas: read_replicas(&mut fields),
        patches: read_patches(&mut fields, "patches"),
        patches_strategic_merge: fields.texts("patchesStrategicMerge"),
        patches_json6902: read_patches(&mut fields, "patchesJson6902"),
        config_maps: super::generators::read_all(
            &mut fields,
            "configMapGenerator",
            options.as_ref(),
        ),
        secrets: super::generators::read_all(&mut fields, "secretGenerator", options.as_ref()),
        replacements: super::replacements::read_entries(&mut fields),
        vars: super::vars::read_all(&mut fields),
        openapi: fields.pairs("openapi"),
        sort_options: read_sort_options(&mut fields),
        build_metadata: read_build_metadata(&mut fields),
        helm: super::helm_charts::read_all(&mut fields, &mut warnings),
        warnings,
        span: root.span,
    };
    let mut kustomization = kustomization;
    kustomization.warnings.extend(idle(&fields, &kustomization));
    if is_empty(root) {
        let span = fields.span();
        let fault = Diagnostic::error("empty-kustomization", "the kustomization is empty")
            .at(span, "")
            .hint("list something, for example `resources: [deployment.yaml]`");
        fields.faults().push(fault);
    }
    kustomization
}

/// Whether no field but `apiVersion` and `kind` says anything.
fn is_empty(root: &Node) -> bool {
    !root.as_map().into_iter().flatten().any(|entry| {
        let is_head = ["apiVersion", "kind"]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&entry.key));
        let says = !entry.value.is_null() && entry.value.as_str() != Some("");
        says && !is_head
    })
}

fn read_kind(fields: &mut Fields<'_, '_>) -> bool {
    let kind = fields.filled("kind");
    let is_component = kind.as_ref().is_some_and(|kind| kind.value == "Component");
    if let Some(kind) = &kind
        && !is_component
        && kind.value != "Kustomization"
    {
        let fault = Diagnostic::error(
            "kustomization-kind",
            format!(
                "`kind` is `Kustomization` or `Component`, not `{}`",
                kind.value
            ),
        );
        fields.faults().push(fault.at(kind.span, ""));
    }
    let wanted = if is_component {
        COMPONENT
    } else {
        KUSTOMIZATION
    };
    if let Some(version) = fields.filled("apiVersion")
        && version.value != wanted
    {
        let fault = Diagnostic::error(
            "kustomization-version",
            format!(
                "`apiVersion` of this kind is `{wanted}`, not `{}`",
                version.value
            ),
        );
        fields.faults().push(fault.at(version.span, ""));
    }
    is_component
}

fn read_labels(fields: &mut Fields<'_, '_>) -> Vec<Label> {
    const FIELDS: &[&str] = &["pairs", "includeSelectors", "includeTemplates", "fields"];
    let mut labels = Vec::new();
    for item in fields.items("labels") {
        let mut fields = Fields::new(item, "an entry of `labels`", FIELDS, fields.faults());
        labels.push(Label {
            pairs: fields.pairs("pairs"),
            include_selectors: fields.flag("includeSelectors"),
            include_templates: fields.flag("includeTemplates"),
            fields: super::config::read_fields(&mut fields, "fields"),
            span: item.span,
        });
    }
    labels
}

fn read_replicas(fields: &mut Fields<'_, '_>) -> Vec<Replica> {
    let mut replicas = Vec::new();
    for item in fields.items("replicas") {
        let what = "an entry of `replicas`";
        let mut fields = Fields::new(item, what, &["name", "count"], fields.faults());
        replicas.push(Replica {
            name: fields.plain("name"),
            count: fields.integer("count").map_or(0, |count| count.value),
            span: item.span,
        });
    }
    replicas
}

fn read_patches(fields: &mut Fields<'_, '_>, name: &str) -> Vec<Patch> {
    let mut patches = Vec::new();
    for item in fields.items(name) {
        patches.push(read_patch(item, fields));
    }
    patches
}

/// Reads an entry of `patches`.
fn read_patch(item: &Node, within: &mut Fields<'_, '_>) -> Patch {
    const FIELDS: &[&str] = &["path", "patch", "target", "options"];
    read_patch_fields(&mut within.inner(item, "a patch", FIELDS))
}

/// Reads a patch's fields out of a mapping that may have others.
pub(crate) fn read_patch_fields(fields: &mut Fields<'_, '_>) -> Patch {
    let target = fields.node("target");
    let target = target.map(|node| Selector::read(node, fields));
    let options = fields.node("options");
    let (mut allow_name_change, mut allow_kind_change) = (false, false);
    let mut unknown_options = Vec::new();
    if let Some(options) = options {
        const OPTIONS: &[&str] = &["allowNameChange", "allowKindChange"];
        let before = fields.faults().len();
        let mut inner = fields.inner(options, "options of a patch", OPTIONS);
        allow_name_change = inner.flag("allowNameChange");
        allow_kind_change = inner.flag("allowKindChange");
        let faults = fields.faults().split_off(before);
        let is_unknown = |fault: &Diagnostic| fault.rule == "unknown-field";
        let (unknown, faults): (Vec<_>, Vec<_>) = faults.into_iter().partition(is_unknown);
        unknown_options = unknown;
        fields.faults().extend(faults);
    }
    Patch {
        path: fields.filled("path"),
        inline: fields.filled("patch"),
        target,
        allow_name_change,
        allow_kind_change,
        unknown_options,
        span: fields.span(),
    }
}

fn read_sort_options(fields: &mut Fields<'_, '_>) -> Option<SortOptions> {
    let node = fields.node("sortOptions")?;
    let what = "`sortOptions`";
    let mut fields = Fields::new(node, what, &["order", "legacySortOptions"], fields.faults());
    let order = fields.plain("order");
    let legacy = fields.node("legacySortOptions").map(|node| {
        const FIELDS: &[&str] = &["orderFirst", "orderLast"];
        let mut fields = Fields::new(node, "`legacySortOptions`", FIELDS, fields.faults());
        let mut names = |name| -> Vec<SmolStr> {
            fields
                .texts(name)
                .into_iter()
                .map(|text| text.value)
                .collect()
        };
        (names("orderFirst"), names("orderLast"))
    });
    if order != "fifo" && order != "legacy" {
        let fault = Diagnostic::error(
            "sort-order",
            format!("`order` of `sortOptions` is `fifo` or `legacy`, not `{order}`"),
        );
        fields.faults().push(fault.at(node.span, ""));
    } else if order == "fifo" && legacy.is_some() {
        let fault = Diagnostic::error(
            "sort-order",
            "`legacySortOptions` needs `order: legacy`".to_owned(),
        );
        fields.faults().push(fault.at(node.span, ""));
    }
    Some(SortOptions { order, legacy })
}

fn read_build_metadata(fields: &mut Fields<'_, '_>) -> Vec<Text> {
    const KNOWN: &[&str] = &[
        "originAnnotations",
        "transformerAnnotations",
        "managedByLabel",
    ];
    let options = fields.texts("buildMetadata");
    for option in &options {
        if !KNOWN.contains(&option.value.as_str()) {
            let fault = Diagnostic::error(
                "build-metadata",
                format!("`{}` is no option of `buildMetadata`", option.value),
            );
            let known = format!("known are {}", super::decode::list(KNOWN));
            fields.faults().push(fault.at(option.span, known));
        }
    }
    options
}

/// What says something that has no effect.
fn idle(fields: &Fields<'_, '_>, kustomization: &Kustomization) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for image in kustomization.images.iter().filter(|image| image.is_idle()) {
        let message = format!("this entry changes nothing of `{}`", image.name.value);
        let warning = Diagnostic::warning("image-idle", message);
        warnings.push(
            warning
                .at(image.name.span, "")
                .hint("write `newTag`, `newName` or `digest`"),
        );
    }
    let has_generators = !kustomization.config_maps.is_empty() || !kustomization.secrets.is_empty();
    if let Some(span) = fields.key_span("generatorOptions")
        && fields.node("generatorOptions").is_some()
        && !has_generators
    {
        let message = "`generatorOptions` has no effect: there is no generator here";
        let warning = Diagnostic::warning("generator-options-idle", message);
        warnings.push(warning.at(span, "").note(
            "the options of a kustomization reach its own generators, not those of its bases",
        ));
    }
    const BEHAVIORS: [&str; 3] = ["create", "merge", "replace"];
    for list in ["configMapGenerator", "secretGenerator"] {
        let items = fields.node(list).and_then(Node::as_seq).unwrap_or_default();
        for behavior in items.iter().filter_map(|item| item.get("behavior")) {
            let text = behavior.as_str().unwrap_or_default();
            if text.is_empty() || BEHAVIORS.contains(&text) {
                continue;
            }
            let message =
                format!("`{text}` is no behavior of a generator; it is taken for `create`");
            let remark = match nearest(text, BEHAVIORS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`create`, `merge` or `replace`".to_owned(),
            };
            let warning = Diagnostic::warning("generator-behavior", message);
            warnings.push(warning.at(behavior.span, remark));
        }
    }
    warnings
}

fn deprecated(fields: &Fields<'_, '_>) -> Vec<Diagnostic> {
    [
        ("bases", "resources"),
        ("commonLabels", "labels"),
        ("imageTags", "images"),
        ("patchesJson6902", "patches"),
        ("patchesStrategicMerge", "patches"),
        ("vars", "replacements"),
    ]
    .into_iter()
    .filter(|(name, _)| fields.node(name).is_some())
    .filter_map(|(name, instead)| {
        let fault = Diagnostic::new(
            crate::manifest::Severity::Info,
            "deprecated-field",
            format!("`{name}` is deprecated; `{instead}` does the same"),
        );
        Some(fault.at(fields.key_span(name)?, ""))
    })
    .collect()
}
