//! What few overlays have, added to random ones: configurations of kinds (`crds`, `openapi`),
//! plugins in place, peculiar values and patches. Seeds below [`FROM`] go without, so that what
//! they once found stays what it was.

use std::collections::BTreeMap;

use super::objects::{self, NAMES};
use super::rng::Rng;
use super::tree::Tree;

/// The first seed with extras.
pub(crate) const FROM: u64 = 1_000_000;

const CRD: &str = r#"{"ex.io.v1.Widget": {"Schema": {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap", "properties": {"ref": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"}}}}}}}
"#;
const OPENAPI: &str = r#"{"definitions": {"v1.Widget": {"properties": {"spec": {"properties": {"items": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}, "x-kubernetes-group-version-kind": [{"group": "ex.io", "kind": "Widget", "version": "v1"}]}}}
"#;

/// Adds some to a tree, mostly to the root of the build.
pub(crate) fn add(seed: u64, tree: &mut Tree) {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let rng = &mut rng;
    for _ in 0..=rng.below(2) {
        let folder = if rng.chance(70) { "root" } else { "base" };
        one(rng, folder, &mut tree.files);
    }
}

fn one(rng: &mut Rng, folder: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    match rng.below(9) {
        0 => {
            file(files, folder, "crd.json", CRD);
            field(files, folder, "crds", "[crd.json]");
        }
        1 => {
            file(files, folder, "openapi.json", OPENAPI);
            field(files, folder, "openapi", "{path: openapi.json}");
        }
        2 => {
            let name = rng.word(NAMES);
            let text = format!(
                "- |\n  apiVersion: builtin\n  kind: {}\n  metadata: {{name: {name}}}\n  literals: [a=1, b.c=x]\n",
                rng.word(&["ConfigMapGenerator", "SecretGenerator"])
            );
            field(files, folder, "generators", &format!("\n{text}"));
        }
        3 => {
            let text =
                "- |\n  apiVersion: builtin\n  kind: HashTransformer\n  metadata: {name: h}\n";
            field(files, folder, "transformers", &format!("\n{text}"));
        }
        4 => {
            // JSON in place, and numbers that do not go through it unchanged.
            let value = rng.word(&[
                "1000000",
                "9007199254740993",
                "1.50",
                "true",
                "{\"a\": [1e3]}",
            ]);
            let patch = format!(
                "\n- target: {{kind: {}}}\n  patch: '[{{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {{\"n\": {value}}}}}]'\n",
                rng.word(&["Widget", "Deployment", "ConfigMap", ".*"])
            );
            field(files, folder, "patches", &patch);
        }
        5 => {
            let object = format!(
                "apiVersion: ex.io/v1\nkind: Widget\nmetadata: {{name: extra, labels: {{a: , b: \"\"}}}}\nspec: {{n: , m: ~, l: [{}, {}], \"\": x}}\n",
                objects::scalar(rng).text(),
                rng.word(&["1", "\"1\"", "null", "'~'", "0x10"])
            );
            file(files, folder, "extra.yaml", &object);
            field(files, folder, "resources", "[extra.yaml]");
        }
        6 => {
            let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: quoted\ndata:\n  a: \"one\ntwo\"\n  b: 'x\n\n y'\n...\n";
            file(files, folder, "quoted.yaml", object);
            field(files, folder, "resources", "[quoted.yaml]");
        }
        7 => {
            let text = format!(
                "\n- sourceValue: {}\n  targets:\n  - select: {{kind: {}}}\n    fieldPaths: [{}]\n    options: {{create: true}}\n",
                rng.word(&["one", "a-b"]),
                rng.word(&["Widget", "ConfigMap", "'.*'"]),
                rng.word(&[
                    "metadata.labels.x",
                    "spec.new",
                    "'data.a\\.b'",
                    "metadata.name"
                ])
            );
            field(files, folder, "replacements", &text);
        }
        _ => {
            let config = rng.word(&[
                "namePrefix: [{path: spec/none, create: true}]\n",
                "commonLabels: [{path: spec/deep/labels, create: true, kind: Widget}]\n",
                "nameReference: [{kind: Deployment, fieldSpecs: [{path: spec/ref, kind: Widget}]}]\n",
            ]);
            file(files, folder, "more.yaml", &config);
            field(files, folder, "configurations", "[more.yaml]");
        }
    }
}

fn file(files: &mut BTreeMap<String, Vec<u8>>, folder: &str, name: &str, text: &str) {
    files.insert(format!("{folder}/{name}"), text.into());
}

/// Adds a field to a kustomization that is written in block form and has it not.
fn field(files: &mut BTreeMap<String, Vec<u8>>, folder: &str, name: &str, value: &str) {
    for file in ["kustomization.yaml", "kustomization.yml", "Kustomization"] {
        let Some(bytes) = files.get_mut(&format!("{folder}/{file}")) else {
            continue;
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        let has = text
            .lines()
            .any(|line| line.starts_with(&format!("{name}:")));
        if has || text.starts_with('{') || text.contains("\r\n") {
            return;
        }
        *bytes = format!(
            "{}\n{name}: {}\n",
            text.trim_end_matches('\n'),
            value.trim_end()
        )
        .into();
    }
}
