//! The transformers of a kustomization, in kustomize's order.

use super::accumulate::{Accumulator, Chain};
use super::config::Config;
use super::decode::Text;
use super::kustomization::Kustomization;
use super::load::Loaded;
use super::names::{self, Side};
use super::namespace::{self, NamespaceRule, Subjects};
use super::origin::{self, Origin};
use super::record::{Step, StepKind};
use super::resmap::ResMap;
use super::run::{Run, conflict};
use super::{images, labels, patch, plugins, replacements};
use crate::manifest::{Diagnostics, Span};

/// What the transformers of one kustomization work with.
struct Transformer<'t> {
    run: &'t Run<'t>,
    chain: &'t Chain<'t>,
    loaded: &'t Loaded,
}

/// Runs the transformers of a kustomization. Returns what is wrong with them; one that fails keeps
/// none from being tried but the plugins, which may do anything. `sound` is whether all went well
/// so far.
pub(super) fn transform(
    run: &Run<'_>,
    chain: &Chain<'_>,
    loaded: &Loaded,
    into: &mut Accumulator,
    sound: bool,
) -> Diagnostics {
    let config = match run.config(&into.customs) {
        Ok(config) => config,
        Err(path) => return conflict(&path).into(),
    };
    let this = Transformer { run, chain, loaded };
    let mut faults = Diagnostics::default();
    this.patches(&mut into.map, &mut faults);
    this.names(&mut into.map, &config, &mut faults);
    this.labels(&mut into.map, &config, &mut faults);
    this.values(&mut into.map, &config, &mut faults);
    if sound && faults.is_empty() {
        let entries = &loaded.kustomization.transformers;
        faults.take(plugins::transform(run, chain, entries, into));
    }
    faults
}

impl Transformer<'_> {
    fn kustomization(&self) -> &Kustomization {
        &self.loaded.kustomization
    }

    /// kustomize notes each transformer as often as it is configured.
    fn note(&self, map: &mut ResMap, kind: &str, times: usize) {
        if self.run.tracks_origins() {
            let file = self.chain.path_from_root(self.loaded.file_name);
            let origin = Origin::builtin(&file, kind);
            (0..times).for_each(|_| origin::transformed(map, &origin));
        }
    }

    fn patches(&self, map: &mut ResMap, faults: &mut Diagnostics) {
        let (run, dir) = (self.run, self.chain.dir());
        let merges = &self.kustomization().patches_strategic_merge;
        faults.take(patch::apply_strategic_merge(run, dir, map, merges));
        let times = usize::from(!merges.is_empty());
        self.note(map, "PatchStrategicMergeTransformer", times);
        for entry in &self.kustomization().patches {
            faults.take(patch::apply(run, dir, map, entry));
            // A patch may take off what was noted of those before it.
            self.note(map, "PatchTransformer", 1);
        }
        map.compact();
    }

    fn names(&self, map: &mut ResMap, config: &Config, faults: &mut Diagnostics) {
        let kustomization = self.kustomization();
        if let Some(text) = &kustomization.namespace {
            let rule = NamespaceRule {
                namespace: text,
                specs: &config.raw.namespace,
                subjects: Subjects::DefaultOnly,
                unset_only: false,
            };
            faults.take(namespace::transform(map, &rule));
            self.note(map, "NamespaceTransformer", 1);
            self.record(map, StepKind::Namespace, text.span);
        }
        if let Some(text) = &kustomization.name_prefix {
            self.affix(map, text, Side::Prefix, config, faults);
            self.note(map, "PrefixTransformer", 1);
        }
        if let Some(text) = &kustomization.name_suffix {
            self.affix(map, text, Side::Suffix, config, faults);
            self.note(map, "SuffixTransformer", 1);
        }
    }

    fn affix(
        &self,
        map: &mut ResMap,
        text: &Text,
        side: Side,
        config: &Config,
        faults: &mut Diagnostics,
    ) {
        let (specs, kind) = match side {
            Side::Prefix => (&config.name_prefix, StepKind::NamePrefix),
            Side::Suffix => (&config.name_suffix, StepKind::NameSuffix),
        };
        faults.take(names::affix(map, text, side, specs));
        self.record(map, kind, text.span);
    }

    fn labels(&self, map: &mut ResMap, config: &Config, faults: &mut Diagnostics) {
        let kustomization = self.kustomization();
        for label in &kustomization.labels {
            if let Some(specs) = faults.take(labels::specs_of(label, config)) {
                faults.take(labels::transform(map, &label.pairs, &specs));
            }
            self.record(map, StepKind::Labels, label.span);
        }
        let common = &kustomization.common_labels;
        faults.take(labels::transform(map, common, &config.common_labels));
        self.record(map, StepKind::CommonLabels, first(common));
        let (labels, common) = (kustomization.labels.len(), common.len());
        if labels + common > 0 {
            self.note(map, "LabelTransformer", labels + 1);
        }
        let annotations = &kustomization.common_annotations;
        faults.take(labels::transform(
            map,
            annotations,
            &config.common_annotations,
        ));
        self.record(map, StepKind::CommonAnnotations, first(annotations));
        let times = usize::from(!annotations.is_empty());
        self.note(map, "AnnotationsTransformer", times);
    }

    /// What comes after the labels: the older JSON patches, replicas, images, replacements.
    fn values(&self, map: &mut ResMap, config: &Config, faults: &mut Diagnostics) {
        let (run, dir, kustomization) = (self.run, self.chain.dir(), self.kustomization());
        for entry in &kustomization.patches_json6902 {
            faults.take(patch::apply_json6902(run, dir, map, entry));
            self.note(map, "PatchJson6902Transformer", 1);
        }
        for entry in &kustomization.replicas {
            faults.take(names::replicas(map, entry, &config.replicas));
            self.record(map, StepKind::Replicas, entry.span);
        }
        let times = kustomization.replicas.len();
        self.note(map, "ReplicaCountTransformer", times);
        if let Some(first) = kustomization.images.first() {
            let mut warnings = Vec::new();
            faults.take(images::transform(
                map,
                &kustomization.images,
                &config.images,
                &mut warnings,
            ));
            run.warn_all(warnings);
            self.note(map, "ImageTagTransformer", kustomization.images.len());
            self.record(map, StepKind::Images, first.name.span);
        }
        let replacements = &kustomization.replacements;
        faults.take(replacements::transform(run, dir, map, replacements));
        let times = usize::from(!replacements.is_empty());
        self.note(map, "ReplacementTransformer", times);
    }

    fn record(&self, map: &mut ResMap, kind: StepKind, at: Span) {
        self.run.record(map, || Step::new(kind, at));
    }
}

/// Where the first of some pairs stands.
fn first(pairs: &[(smol_str::SmolStr, Text)]) -> Span {
    pairs.first().map_or(Span::NONE, |(_, text)| text.span)
}
