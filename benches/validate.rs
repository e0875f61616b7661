//! `deployx validate` beside `kubeconform -strict` with local schemas, in one run, each from start
//! to exit.
//!
//! `cargo bench --bench validate`; `KUBECONFORM` names the folder that `benches/kubeconform`
//! prints, without it only ours is timed. `DEPLOYX_VERDICTS` names a folder with
//! `verdicts/mutants.jsonl.zst`: without it, only the single file is timed.
#![expect(clippy::print_stdout, reason = "it is run to be read")]

mod measure;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{Cost, least, megabytes, run};

fn main() {
    let kubeconform = std::env::var_os("KUBECONFORM").map(PathBuf::from);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = folder.path().join("one.yaml");
    fs::write(&one, measure::group(1)).expect("a file");
    let ours = least(10, || ours(&one));
    println!(
        "one file: wall {:.1} ms, user {:.1} ms, peak {:.1} MB",
        ours.wall.as_secs_f64() * 1e3,
        ours.user.as_secs_f64() * 1e3,
        megabytes(ours.peak_bytes),
    );
    if let Some(bin) = &kubeconform {
        let real = least(10, || theirs(bin, &one));
        println!(
            "  kubeconform: wall {:.1} ms",
            real.wall.as_secs_f64() * 1e3
        );
    }
    if let Some(given) = std::env::var_os("DEPLOYX_VERDICTS") {
        let mutants = folder.path().join("mutants");
        let (files, bytes) = unpack(Path::new(&given), &mutants);
        many(&mutants, files, bytes, kubeconform.as_deref());
    }
}

fn ours(input: &Path) -> Cost {
    run(measure::deployx().arg("validate").arg(input), None)
}

fn theirs(folder: &Path, input: &Path) -> Cost {
    let schemas = folder.join("schemas/{{.ResourceKind}}{{.KindSuffix}}.json");
    let mut command = Command::new(folder.join("bin/kubeconform"));
    command.args(["-strict", "-ignore-missing-schemas", "-schema-location"]);
    run(command.arg(schemas).arg(input), None)
}

/// Writes a file for each mutant. Returns their number and their bytes.
fn unpack(given: &Path, folder: &Path) -> (usize, u64) {
    let set = given.join("verdicts/mutants.jsonl.zst");
    let output = Command::new("zstd").arg("-dcq").arg(set).output();
    let text = String::from_utf8(output.expect("zstd runs").stdout).expect("UTF-8");
    fs::create_dir_all(folder).expect("a folder");
    let (mut files, mut bytes) = (0, 0);
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        let manifest = case["manifest"].as_str().unwrap_or_default();
        fs::write(folder.join(format!("{files:05}.yaml")), manifest).expect("a file");
        files += 1;
        bytes += manifest.len() as u64;
    }
    (files, bytes)
}

fn many(mutants: &Path, files: usize, bytes: u64, kubeconform: Option<&Path>) {
    let cost = least(5, || ours(mutants));
    println!(
        "{files} files, {:.1} MB: wall {:.2} s, user {:.2} s ({:.0} ms/MB), peak {:.0} MB (allowed {:.0})",
        megabytes(bytes),
        cost.wall.as_secs_f64(),
        cost.user.as_secs_f64(),
        cost.user.as_secs_f64() * 1e3 / megabytes(bytes),
        megabytes(cost.peak_bytes),
        40.0 + 3.0 * megabytes(bytes),
    );
    if let Some(bin) = kubeconform {
        let real = least(3, || theirs(bin, mutants));
        println!(
            "  kubeconform -strict: wall {:.2} s, user {:.2} s, {:.1} times ours",
            real.wall.as_secs_f64(),
            real.user.as_secs_f64(),
            real.wall.as_secs_f64() / cost.wall.as_secs_f64(),
        );
    }
}
