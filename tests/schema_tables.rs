//! The committed tables of Kubernetes are what their generator writes.

use std::process::Command;

/// Needs Go and the modules of k8s.io that the control plane of the tests is built from.
#[test]
fn the_generator_writes_the_committed_tables() {
    let generate = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/kubernetes/generate");
    let output = Command::new(generate).arg("-check").output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
