//! `deployx render` beside the real kustomize, in one run, each from start to exit.
//!
//! `cargo bench --bench render [-- OBJECTS...]`; `KUSTOMIZE_BIN` names the real one, without it
//! only ours is timed. Ours is the least of ten runs; kustomize runs once, and not at all where it
//! would take many minutes. With `DEPLOYX_CORPUS`, also all overlays of the corpus in one process.
#![expect(clippy::print_stdout, reason = "it is run to be read")]

mod measure;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use measure::{least, megabytes, run, write_overlay};

/// kustomize's time grows faster than the square of the objects.
const KUSTOMIZE_UP_TO: usize = 2_000;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![100, 1_000, 2_000, 10_000]
    } else {
        sizes
    };
    let kustomize = std::env::var_os("KUSTOMIZE_BIN").map(PathBuf::from);
    println!("objects  output MB  wall ms  user ms  peak MB  allowed MB  kustomize s  times");
    for size in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_overlay(folder.path(), size);
        one_size(folder.path(), size, kustomize.as_deref());
    }
    if let Some(corpus) = std::env::var_os("DEPLOYX_CORPUS") {
        whole_corpus(Path::new(&corpus));
    }
}

fn one_size(folder: &Path, size: usize, kustomize: Option<&Path>) {
    let overlay = folder.join("overlay");
    let (output, wanted) = (folder.join("ours.yaml"), folder.join("wanted.yaml"));
    let ours = least(10, || {
        let mut command = measure::deployx();
        let cost = run(command.arg("render").arg(&overlay), Some(&output));
        assert!(cost.status.success(), "the overlay builds");
        cost
    });
    let bytes = fs::metadata(&output).map_or(0, |metadata| metadata.len());
    let real = kustomize.filter(|_| size <= KUSTOMIZE_UP_TO).map(|bin| {
        let cost = run(Command::new(bin).arg("build").arg(&overlay), Some(&wanted));
        let same = fs::read(&output).ok() == fs::read(&wanted).ok();
        assert!(cost.status.success() && same, "outputs differ");
        cost
    });
    let (seconds, times) = real.map_or((String::from("-"), String::from("-")), |real| {
        let times = real.wall.as_secs_f64() / ours.wall.as_secs_f64();
        (
            format!("{:.2}", real.wall.as_secs_f64()),
            format!("{times:.0}"),
        )
    });
    println!(
        "{size:>7} {:>10.2} {:>8.1} {:>8.1} {:>8.1} {:>11.1} {seconds:>12} {times:>6}",
        megabytes(bytes),
        ours.wall.as_secs_f64() * 1e3,
        ours.user.as_secs_f64() * 1e3,
        megabytes(ours.peak_bytes),
        20.0 + 8.0 * megabytes(bytes),
    );
}

/// All overlays of the corpus that kustomize can build, in one process.
fn whole_corpus(corpus: &Path) {
    let index = fs::read_to_string(corpus.join("kustomize-index.jsonl")).expect("an index");
    let rows = index
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON"));
    let roots: Vec<String> = rows
        .filter(|row| row["result"] == "ok")
        .filter_map(|row| row["root"].as_str().map(str::to_owned))
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("all.yaml");
    let cost = least(3, || {
        let mut command = measure::deployx();
        command.args(["render", "--load-restrictor", "LoadRestrictionsNone"]);
        command.args(&roots).current_dir(corpus.join("repos"));
        run(&mut command, Some(&output))
    });
    let bytes = fs::metadata(&output).map_or(0, |metadata| metadata.len());
    println!(
        "corpus: {} overlays, {:.1} MB: wall {:.2} s, user {:.2} s, peak {:.0} MB",
        roots.len(),
        megabytes(bytes),
        cost.wall.as_secs_f64(),
        cost.user.as_secs_f64(),
        megabytes(cost.peak_bytes),
    );
}
