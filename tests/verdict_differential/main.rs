//! Our verdicts held against those of a real API server, on mutants of real objects: made from a
//! seed, asked of both, compared.
//!
//! `DEPLOYX_MUTANTS=N` asks for more than the usual 2,000, `DEPLOYX_SEED=N` for others,
//! `DEPLOYX_KINDS=Pod,Job` for those of some kinds, and `DEPLOYX_DIFFERENCES=FILE` writes every
//! difference down as a line of JSON. `DEPLOYX_JUDGE=URL` asks a server that runs already. With
//! `DEPLOYX_CORPUS` half of the mutants are made from its objects, the others from ours.
//! `DEPLOYX_CASES=FILE` names more objects, one a line: they are asked as they are, and those that
//! are accepted are mutated like the corpus'. `DEPLOYX_CONTROL_PLANE=DIR` names the binaries of
//! another version than the newest, which deployx is then asked for too. `DEPLOYX_RULES=N` makes
//! more rules in CEL.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stdout, reason = "the figures are for whoever runs it")]

#[path = "../cluster/mod.rs"]
mod cluster;

mod compare;
mod custom;
mod generate;
mod judge;
mod mutate;
#[path = "../support/plain_path.rs"]
mod plain_path;
mod random;
mod rules;
mod seeds;
mod values;

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use deployx::schema::{Tables, Verb, Version, tables};
use deployx::validate::{Definitions, Validator, Verdict};
use futures::StreamExt as _;
use serde_json::{Value, json};

use compare::{Comparison, Figures, ours};
use random::Random;
use seeds::Seed;

/// How many questions are in flight; more are no faster.
const CONNECTIONS: usize = 8;

/// What deployx knows of the version that is asked.
fn asked() -> (Tables, Validator) {
    let version = judge::version();
    (tables(version), Validator::new(version))
}

fn setting(name: &str, usual: usize) -> usize {
    let given = env::var(name).ok();
    given.map_or(usual, |text| text.parse().unwrap())
}

/// A question, and where to ask it.
struct Question {
    kind: String,
    path: String,
    manifest: String,
    /// What it is, for people.
    what: String,
}

impl Question {
    fn of(seed: &Seed, object: &Value, what: String) -> Self {
        Self {
            kind: format!("{}/{}", seed.kind.group(), seed.kind.kind()),
            path: judge::path_of(seed.kind, object),
            manifest: object.to_string(),
            what,
        }
    }
}

/// Asks all questions of both and compares; fails where a verdict is wrong.
async fn compare(questions: impl Iterator<Item = Question>, definitions: &Definitions) -> Figures {
    let (_, validator) = asked();
    let client = judge::client();
    let mut comparison = Comparison::new();
    let mut silent = 0;
    let asked = questions.map(|question| async {
        let answer = judge::ask(&client, &question.path, &question.manifest).await;
        (question, answer)
    });
    let mut answers = futures::stream::iter(asked).buffer_unordered(CONNECTIONS);
    while let Some((question, answer)) = answers.next().await {
        let Some(server) = answer else {
            silent += 1;
            continue;
        };
        let ours = ours(validator, &question.manifest, definitions);
        let whole = || json!({"path": question.path, "manifest": question.manifest});
        comparison.add((&question.kind, &question.what), whole, &server, &ours);
    }
    println!("the server had no answer to {silent}");
    let all = comparison.finish();
    assert!(silent <= 5 + all.asked / 100, "the server is not well");
    all
}

/// The seeds that the environment asks for, ours first, then the corpus'.
fn chosen_seeds() -> (Vec<Seed>, Vec<Seed>) {
    let (tables, validator) = asked();
    let kinds = env::var("DEPLOYX_KINDS").unwrap_or_default();
    let wanted = |seed: &Seed| kinds.is_empty() || kinds.split(',').any(|k| k == seed.kind.kind());
    let accepted = |seed: &Seed| {
        let ours = ours(validator, &seed.object.to_string(), &Definitions::default());
        ours.verdict == Verdict::Accepted
    };
    let own = seeds::own(tables).into_iter();
    // An older version does not know all fields of ours.
    let own = own.filter(wanted).filter(accepted).collect();
    let corpus = env::var_os("DEPLOYX_CORPUS").map(PathBuf::from);
    let mut corpus = corpus.map_or_else(Vec::new, |folder| seeds::corpus(tables, &folder));
    corpus.extend(seeds::given(tables));
    let corpus = corpus.into_iter().filter(wanted).filter(accepted).collect();
    (own, corpus)
}

/// Seeds by kind, so that each kind is chosen as often as another.
fn by_kind(seeds: Vec<Seed>) -> Vec<Vec<Seed>> {
    let mut kinds: BTreeMap<_, Vec<Seed>> = BTreeMap::new();
    for seed in seeds {
        let kind = (seed.kind.group(), seed.kind.kind());
        kinds.entry(kind).or_default().push(seed);
    }
    kinds.into_values().collect()
}

#[test]
fn our_objects_are_accepted_and_cover_every_kind() {
    let (tables, _) = asked();
    let seeds = seeds::own(tables);
    // A Binding needs its pod.
    let missing: Vec<_> = tables
        .kinds()
        .filter(|kind| kind.served_by_default() && kind.can(Verb::Get))
        .filter(|kind| {
            let same =
                |seed: &&Seed| (seed.kind.group(), seed.kind.kind()) == (kind.group(), kind.kind());
            !seeds.iter().any(|seed| same(&seed))
        })
        .collect();
    assert!(missing.is_empty(), "no object of {missing:?}");
    judge::runtime().block_on(async {
        let questions = seeds
            .iter()
            .map(|seed| Question::of(seed, &seed.object, "as it is".to_owned()));
        let all = compare(questions, &Definitions::default()).await;
        let newest = judge::version() == Version::newest();
        assert!(
            !newest || all.accepted == all.asked,
            "the server refuses some"
        );
    });
}

#[test]
fn former_differences_are_gone() {
    let (tables, _) = asked();
    let mut cases = seeds::lines(tables, include_str!("cases.txt"));
    let small = include_str!("../../src/validate/rules/tests/objects.txt");
    cases.extend(seeds::lines(tables, small));
    let version = judge::version().to_string();
    let of_versions = include_str!("../../src/validate/rules/tests/versions.txt").lines();
    let rows = of_versions.filter_map(|line| line.split_once('\t'));
    let of_ours = rows.filter(|(versions, _)| versions.split(',').any(|v| v == version));
    for (_, row) in of_ours {
        cases.extend(seeds::lines(tables, row));
    }
    cases.extend(seeds::given(tables));
    judge::runtime().block_on(async {
        let questions = cases
            .iter()
            .map(|seed| Question::of(seed, &seed.object, "case".to_owned()));
        compare(questions, &Definitions::default()).await;
    });
}

#[test]
fn mutants_get_the_servers_verdict() {
    let count = setting("DEPLOYX_MUTANTS", 2000);
    let seed = setting("DEPLOYX_SEED", 1);
    let (own, corpus) = chosen_seeds();
    println!(
        "{count} mutants from {} objects of ours and {} of the corpus",
        own.len(),
        corpus.len()
    );
    let others: Vec<Seed> = own.iter().chain(&corpus).cloned().collect();
    let (own, corpus) = (by_kind(own), by_kind(corpus));
    let questions = (0..count).map(|number| {
        let mut random = Random::new((seed as u64) << 32 | number as u64);
        let seeds = match corpus.is_empty() || !own.is_empty() && number % 2 == 0 {
            true => &own,
            false => &corpus,
        };
        let of_kind = random.pick(seeds);
        let seed = random.pick(of_kind);
        let mutant = mutate::mutate(seed, &others, &mut random);
        Question::of(seed, &mutant.object, mutant.steps.join(" + "))
    });
    let all = judge::runtime().block_on(compare(questions, &Definitions::default()));
    assert!(
        all.named * 100 >= all.nameable * 95,
        "the server's field is named in {} of {} refusals",
        all.named,
        all.nameable
    );
}

#[test]
fn custom_resources_get_the_servers_verdict() {
    let count = setting("DEPLOYX_CUSTOM_RESOURCES", 1000);
    let seed = setting("DEPLOYX_SEED", 1);
    let (own, corpus) = chosen_seeds();
    let is_crd = |seed: &&Seed| seed.kind.kind() == "CustomResourceDefinition";
    // A corpus has many definitions, and a server takes minutes until it serves them all.
    let by_hand = env::var_os("DEPLOYX_CUSTOM_RESOURCES").is_some();
    let corpus = corpus.iter().filter(|_| by_hand);
    let seeds = own.iter().chain(corpus).filter(is_crd);
    let crds: Vec<Value> = seeds.map(|seed| seed.object.clone()).collect();
    let figures = judge::runtime().block_on(async {
        let (kinds, definitions) = custom::create(&judge::client(), &crds).await;
        println!(
            "{} definitions, {} served versions",
            crds.len(),
            kinds.len()
        );
        if kinds.is_empty() {
            return None;
        }
        let questions = (0..count).map(|number| {
            let mut random = Random::new(((seed as u64) << 32 | number as u64) ^ 0x5eed);
            let kind = random.pick(&kinds);
            let object = kind.object(&mut random);
            let namespace = kind.namespaced.then_some("default");
            Question {
                kind: format!("{}/{}", kind.group, kind.kind),
                path: judge::path(&kind.group, &kind.version, &kind.plural, namespace),
                manifest: object.to_string(),
                what: "custom".to_owned(),
            }
        });
        Some(compare(questions, &definitions).await)
    });
    // A judge that runs already may have them from before.
    assert!(figures.is_some() || env::var_os("DEPLOYX_JUDGE").is_some());
}

/// Rules in CEL: whether they may be in a definition, and what they say of objects.
#[test]
fn rules_get_the_servers_verdict() {
    let count = setting("DEPLOYX_RULES", 300);
    let seed = setting("DEPLOYX_SEED", 1);
    let alone = rules::alone(count, seed as u64);
    let (_, validator) = asked();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let of_objects = judge::runtime().block_on(async {
        let questions = alone.iter().map(|(rule, definition)| Question {
            kind: "a rule".to_owned(),
            path: path.to_owned(),
            manifest: definition.to_string(),
            what: rule.clone(),
        });
        let none = Definitions::default();
        compare(questions, &none).await;
        let accepted = |(rule, definition): &(String, Value)| {
            let ours = ours(validator, &definition.to_string(), &none);
            (ours.verdict == Verdict::Accepted).then(|| rule.clone())
        };
        let rules: Vec<String> = alone.iter().filter_map(accepted).collect();
        let crds = rules::together(&rules);
        let (kinds, definitions) = custom::create(&judge::client(), &crds).await;
        println!("{} rules, {} definitions", rules.len(), kinds.len());
        // A judge that runs already may have them from before.
        if kinds.is_empty() && env::var_os("DEPLOYX_JUDGE").is_some() {
            return Figures::default();
        }
        let questions = (0..count * 5).map(|number| {
            let mut random = Random::new(((seed as u64) << 32 | number as u64) ^ 0xce1);
            let kind = random.pick(&kinds);
            Question {
                kind: "an object".to_owned(),
                path: judge::path(&kind.group, &kind.version, &kind.plural, None),
                manifest: kind.object(&mut random).to_string(),
                what: kind.kind.clone(),
            }
        });
        compare(questions, &definitions).await
    });
    let (said, quoted) = (of_objects.said, of_objects.quoted);
    println!("{quoted} of {said} words are the server's");
    assert!(quoted * 100 >= said * 95, "other words than the server's");
}

/// Objects whose rules cost just as much as they may, and a little more.
#[test]
fn rules_end_where_the_server_ends_them() {
    // It is asked for its version before anything waits for it.
    judge::version();
    judge::runtime().block_on(async {
        let crd = rules::limits();
        let (kinds, definitions) = custom::create(&judge::client(), &[crd]).await;
        let Some(kind) = kinds.first() else {
            assert!(env::var_os("DEPLOYX_JUDGE").is_some(), "no definition");
            return;
        };
        let questions = rules::at_limits().into_iter().map(|object| Question {
            kind: "an object".to_owned(),
            path: judge::path(&kind.group, &kind.version, &kind.plural, None),
            manifest: object.to_string(),
            what: "at its limit".to_owned(),
        });
        let all = compare(questions, &definitions).await;
        assert_eq!((all.accepted * 2, all.quoted * 2), (all.asked, all.asked));
    });
}
