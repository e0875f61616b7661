//! Reading with positions beside the parser's bare events, and writing.
//!
//! `cargo bench --bench manifest [-- FILE...]`; without files, on generated manifests. The events
//! are those that a reader needs at least; the goal is 0.9 of their rate for whole trees.
#![expect(clippy::print_stdout, reason = "it is run to be read")]
#![expect(clippy::cast_precision_loss, reason = "rates are shown with one digit")]

mod measure;

use std::hint::black_box;
use std::time::{Duration, Instant};

use deployx::manifest::emit::emit_to;
use deployx::manifest::read::read_documents;
use deployx::manifest::{Node, ReadOptions, Sources};

fn main() {
    let paths: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let texts: Vec<String> = if paths.is_empty() {
        let group = |n: usize| format!("{}---\n", measure::group(n));
        vec![(0..2_500).map(group).collect()]
    } else {
        let read = |path: &String| std::fs::read_to_string(path).ok();
        paths.iter().filter_map(read).collect()
    };
    let bytes: usize = texts.iter().map(String::len).sum();
    let sources = Sources::new();
    let files: Vec<_> = texts
        .iter()
        .map(|text| sources.add("in.yaml", text.as_str()))
        .collect();
    let options = ReadOptions::kustomize_resource();
    let read = || -> Vec<Node> {
        let documents = files
            .iter()
            .flat_map(|file| read_documents(&sources, *file, &options));
        documents
            .filter_map(|document| Some(document.ok()?.root))
            .collect()
    };
    let nodes = read();
    let mut out = String::new();
    let (mut bare, mut reading, mut writing) = (Duration::MAX, Duration::MAX, Duration::MAX);
    // In turn, so that what disturbs one disturbs all.
    for _ in 0..20 {
        bare = bare.min(time(|| {
            texts.iter().map(|text| events(text)).sum::<usize>()
        }));
        reading = reading.min(time(read));
        writing = writing.min(time(|| {
            out.clear();
            for node in &nodes {
                emit_to(node, &mut out);
            }
        }));
    }
    let rate = |bytes: usize, took: Duration| bytes as f64 / 1e6 / took.as_secs_f64();
    println!(
        "input {:.1} MB, output {:.1} MB",
        bytes as f64 / 1e6,
        out.len() as f64 / 1e6
    );
    println!("events alone  {:>7.1} MB/s", rate(bytes, bare));
    let ratio = bare.as_secs_f64() / reading.as_secs_f64();
    println!(
        "reading       {:>7.1} MB/s, {ratio:.2} of the bare event rate",
        rate(bytes, reading)
    );
    println!("writing       {:>7.1} MB/s", rate(out.len(), writing));
}

/// How long something takes, without the time to drop what it returns.
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(work());
    let took = start.elapsed();
    drop(result);
    took
}

/// Number of events of a text.
fn events(text: &str) -> usize {
    let mut settings = granit_parser::options! {};
    settings.set_emit_comments(false);
    let mut parser = granit_parser::Parser::new_from_str_with_options(text, settings);
    let mut count = 0;
    while let Some(Ok(event)) = parser.next_event() {
        black_box(&event);
        count += 1;
    }
    count
}
