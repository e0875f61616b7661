//! Random overlays, built by the real kustomize and in process: equal bytes, or both refuse.
//!
//! A case is made from its seed alone. `DEPLOYX_RANDOM_CASES=5000` runs more than the usual
//! hundred, `DEPLOYX_RANDOM_SEED=77` starts at another seed (one case: together with
//! `DEPLOYX_RANDOM_CASES=1`).
#![expect(clippy::print_stdout, reason = "it is run to be read")]

#[path = "../cluster/mod.rs"]
mod cluster;

mod changes;
mod compare;
mod extras;
mod generator;
mod kinds;
mod objects;
mod overlay;
mod replaced;
mod rng;
mod settings;
mod shrink;
mod spoil;
mod tree;
mod yaml;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use compare::Oracle;
use deployx::kustomize::Compat;

/// Seeds that once differed.
const PAST: &str = include_str!("seeds.txt");

/// How many of the differences are made smaller, which takes a while.
const SHRINK: usize = 5;

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// Runs cases on two threads and returns what differs, made smaller.
fn run(oracle: &Oracle, seeds: &[u64]) -> Vec<String> {
    let next = AtomicU64::new(0);
    let wrong = Mutex::new(Vec::new());
    let built = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at =
                        usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                    let Some(seed) = seeds.get(at) else { return };
                    let tree = overlay::tree(*seed);
                    let Some(difference) = compare::compare(oracle, &tree) else {
                        built.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    let few = wrong.lock().expect("no panic").len() < SHRINK;
                    let (tree, difference) = if few {
                        shrink::shrink(oracle, &tree, difference)
                    } else {
                        (tree, difference)
                    };
                    let text = format!(
                        "seed {seed} (DEPLOYX_RANDOM_SEED={seed} DEPLOYX_RANDOM_CASES=1): {}\n{}",
                        difference.show(),
                        shrink::show(&tree)
                    );
                    println!("=== {text}");
                    wrong.lock().expect("no panic").push(text);
                }
            });
        }
    });
    println!("{} of {} cases agree", built.into_inner(), seeds.len());
    wrong.into_inner().expect("no panic")
}

fn newest() -> Oracle {
    Oracle {
        program: cluster::tools().kustomize(),
        compat: Compat::V5_8,
    }
}

fn older() -> Oracle {
    Oracle {
        program: cluster::Tools::kustomize_5_5(),
        compat: Compat::V5_5,
    }
}

fn some_seeds(share: u64) -> Vec<u64> {
    let first = number("DEPLOYX_RANDOM_SEED", extras::FROM);
    let cases = number("DEPLOYX_RANDOM_CASES", 100).div_ceil(share);
    (first..first + cases).collect()
}

#[test]
fn random_overlays_are_built_as_by_kustomize() {
    let wrong = run(&newest(), &some_seeds(1));
    assert!(wrong.is_empty(), "{} cases differ", wrong.len());
}

#[test]
fn random_overlays_are_built_as_by_kustomize_5_5() {
    let wrong = run(&older(), &some_seeds(2));
    assert!(wrong.is_empty(), "{} cases differ", wrong.len());
}

#[test]
fn what_once_differed_still_agrees() {
    let seeds = PAST
        .lines()
        .filter_map(|line| line.split('#').next()?.trim().parse().ok());
    let seeds: Vec<u64> = seeds.collect();
    for oracle in [newest(), older()] {
        let wrong = run(&oracle, &seeds);
        assert!(wrong.is_empty(), "{} cases differ", wrong.len());
    }
}
