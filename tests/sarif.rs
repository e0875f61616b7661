//! What `validate --format sarif` writes, held against the official schema of SARIF 2.1.0.

mod cluster;

use std::fs;
use std::process::Command;

use cluster::Tools;
use serde_json::Value;

/// Something of each sort: a fault with a place in an overlay's base, one that points at a second
/// place, warnings of the server and of the lint, an info, a file that cannot be read.
const FILES: &[(&str, &str)] = &[
    ("shop/base/kustomization.yaml", "resources: [web.yaml]\n"),
    (
        "shop/base/web.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, tragetPort: 8080}]}\n\
         ---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 3, selector: {matchLabels: {app: web}}}\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  \
         template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: a, resources: {limits: {memory: 100m}}}\n",
    ),
    (
        "shop/prod/kustomization.yaml",
        "resources: [../base]\nnamespace: \"sh\u{f6}p\"\n",
    ),
    ("broken.yaml", "a: [b\n"),
    (
        "twice.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\ndata: {c: d}\n",
    ),
];

#[test]
fn sarif_is_what_its_schema_describes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let schema = fs::read_to_string(Tools::sarif_schema()).unwrap();
    // Its one pattern with a bracket that is not escaped is a text to JavaScript alone.
    let schema = schema.replace("{2}]?$", "{2}\\\\]?$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (arguments, least) in [
        (&["."][..], 4),
        (&[".", "--lint", "info"], 5),
        (&["shop/base", "--lint", "off"], 1),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_deployx"))
            .args(["validate", "--format", "sarif"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let faults: Vec<String> = schema
            .iter_errors(&log)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{}\n{log:#}", faults.join("\n"));
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert!(results.len() >= least, "{log:#}");
    }
}
