//! Our verdicts held against those of a real API server, on mutants of real objects: made from a
//! seed, asked of both, compared.
//!
//! `DEPLOYX_MUTANTS=N` asks for more than the usual 2,000, `DEPLOYX_SEED=N` for others,
//! `DEPLOYX_KINDS=Pod,Job` for those of some kinds, and `DEPLOYX_DIFFERENCES=FILE` writes every
//! difference down as a line of JSON. `DEPLOYX_JUDGE=URL` asks a server that runs already. With
//! `DEPLOYX_CORPUS` half of the mutants are made from its objects, the others from ours.
//! `DEPLOYX_CASES=FILE` names more objects, one a line: they are asked as they are, and those that
//! are accepted are mutated like the corpus'. `DEPLOYX_RULES=N` makes more rules in CEL.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::print_stdout, reason = "the figures are for whoever runs it")]

#[path = "../cluster/mod.rs"]
mod cluster;

mod compare;
mod custom;
mod generate;
mod judge;
mod mutate;
mod random;
mod rules;
mod seeds;
mod values;

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use deployx::schema::{Tables, Verb, Version, tables};
use deployx::validate::{Definitions, Validator, Verdict};
use futures::StreamExt as _;
use kube::Client;
use serde_json::{Value, json};

use cluster::Judge;
use compare::{Difference, Figures, difference, ours};
use random::Random;
use seeds::Seed;

/// How many questions are in flight; more are no faster.
const CONNECTIONS: usize = 8;

/// A client of the judge that all tests share.
fn client() -> Client {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    match env::var("DEPLOYX_JUDGE") {
        Ok(url) => judge::client(&url),
        Err(_) => judge::client(JUDGE.get_or_init(Judge::start).server()),
    }
}

fn newest() -> (Tables, Validator) {
    (tables(Version::newest()), Validator::new(Version::newest()))
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

/// Asks all questions of both and compares.
struct Comparison {
    figures: BTreeMap<String, Figures>,
    /// Misses, false alarms and what is unknown, for the message of a failure.
    wrong: Vec<String>,
    /// How often the server had no answer.
    silent: usize,
    log: Option<File>,
    /// Rules in CEL of which both say something, and those of which we say the same.
    said: [usize; 2],
}

impl Comparison {
    fn new() -> Self {
        let log = env::var_os("DEPLOYX_DIFFERENCES").map(PathBuf::from);
        let open = |path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap()
        };
        Self {
            figures: BTreeMap::new(),
            wrong: Vec::new(),
            silent: 0,
            log: log.map(open),
            said: [0; 2],
        }
    }

    async fn run(
        &mut self,
        client: &Client,
        questions: impl Iterator<Item = Question>,
        definitions: &Definitions,
    ) {
        let (_, validator) = newest();
        let asked = questions.map(|question| async {
            let answer = judge::ask(client, &question.path, &question.manifest).await;
            (question, answer)
        });
        let mut answers = futures::stream::iter(asked).buffer_unordered(CONNECTIONS);
        while let Some((question, answer)) = answers.next().await {
            let Some(server) = answer else {
                self.silent += 1;
                continue;
            };
            let ours = ours(validator, &question.manifest, definitions);
            let difference = difference(&server, &ours);
            if !server.accepted {
                let same = |words: &&String| server.message.contains(words.as_str());
                self.said[0] += ours.said.len();
                self.said[1] += ours.said.iter().filter(same).count();
            }
            let figures = self.figures.entry(question.kind.clone()).or_default();
            figures.count(&server, difference);
            let Some(difference) = difference else {
                continue;
            };
            let words: String = server.message.chars().take(1500).collect();
            if !matches!(difference, Difference::Unnamed | Difference::Inexact) {
                self.wrong.push(format!(
                    "{difference:?}: {}: {}\n  server: {words}\n  ours: {:?} {:?}\n  {}",
                    question.kind, question.what, ours.fields, ours.unknown, question.manifest
                ));
            }
            if let Some(log) = &mut self.log {
                let line = json!({
                    "difference": format!("{difference:?}"), "kind": question.kind, "what": question.what,
                    "code": server.code, "message": words, "fields": server.fields, "ours": ours.fields,
                    "unknown": ours.unknown, "path": question.path, "manifest": question.manifest,
                });
                // One write for a line: the tests write to the same file side by side.
                log.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
        }
    }

    /// Prints the figures and fails where more verdicts are wrong than are `allowed`.
    fn finish(self, allowed: usize) -> Figures {
        let all = compare::print(&self.figures);
        println!("the server had no answer to {}", self.silent);
        assert!(self.silent <= 5 + all.asked / 100, "the server is not well");
        let shown = self.wrong.iter().take(20).cloned().collect::<Vec<_>>();
        assert!(
            self.wrong.len() <= allowed,
            "{} verdicts differ from the server's:\n{}",
            self.wrong.len(),
            shown.join("\n")
        );
        all
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Rules in CEL: whether they may be in a definition, and what they say of objects.
#[test]
fn rules_get_the_servers_verdict() {
    let count = setting("DEPLOYX_RULES", 300);
    let seed = setting("DEPLOYX_SEED", 1);
    let alone = rules::alone(count, seed as u64);
    let (_, validator) = newest();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let said = runtime().block_on(async {
        let client = client();
        let mut comparison = Comparison::new();
        let questions = alone.iter().map(|(rule, definition)| Question {
            kind: "a rule".to_owned(),
            path: path.to_owned(),
            manifest: definition.to_string(),
            what: rule.clone(),
        });
        let none = Definitions::default();
        comparison.run(&client, questions, &none).await;
        comparison.finish(0);
        let accepted = |(rule, definition): &(String, Value)| {
            let ours = ours(validator, &definition.to_string(), &none);
            (ours.verdict == Verdict::Accepted).then(|| rule.clone())
        };
        let rules: Vec<String> = alone.iter().filter_map(accepted).collect();
        let (kinds, definitions) = custom::create(&client, &rules::together(&rules)).await;
        println!("{} rules, {} definitions", rules.len(), kinds.len());
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
        let mut comparison = Comparison::new();
        comparison.run(&client, questions, &definitions).await;
        let said = comparison.said;
        comparison.finish(0);
        said
    });
    println!("{} of {} words are the server's", said[1], said[0]);
    assert!(
        said[1] * 100 >= said[0] * 95,
        "other words than the server's"
    );
}

/// The seeds that the environment asks for, ours first, then the corpus'.
fn chosen_seeds() -> (Vec<Seed>, Vec<Seed>) {
    let (tables, validator) = newest();
    let kinds = env::var("DEPLOYX_KINDS").unwrap_or_default();
    let wanted = |seed: &Seed| kinds.is_empty() || kinds.split(',').any(|k| k == seed.kind.kind());
    let accepted = |seed: &Seed| {
        let ours = ours(validator, &seed.object.to_string(), &Definitions::default());
        ours.verdict == Verdict::Accepted
    };
    let own = seeds::own(tables).into_iter().filter(wanted).collect();
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
    let (tables, _) = newest();
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
    runtime().block_on(async {
        let client = client();
        let questions = seeds
            .iter()
            .map(|seed| Question::of(seed, &seed.object, "as it is".to_owned()));
        let mut comparison = Comparison::new();
        comparison
            .run(&client, questions, &Definitions::default())
            .await;
        let all = comparison.finish(0);
        assert_eq!(all.accepted, all.asked, "the server refuses some");
    });
}

#[test]
fn former_differences_are_gone() {
    let (tables, _) = newest();
    let mut cases = seeds::lines(tables, include_str!("cases.txt"));
    let small = include_str!("../../src/validate/rules/tests/objects.txt");
    cases.extend(seeds::lines(tables, small));
    cases.extend(seeds::given(tables));
    runtime().block_on(async {
        let client = client();
        let questions = cases
            .iter()
            .map(|seed| Question::of(seed, &seed.object, "case".to_owned()));
        let mut comparison = Comparison::new();
        comparison
            .run(&client, questions, &Definitions::default())
            .await;
        comparison.finish(0);
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
    let all = runtime().block_on(async {
        let client = client();
        let mut comparison = Comparison::new();
        comparison
            .run(&client, questions, &Definitions::default())
            .await;
        comparison.finish(0)
    });
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
    let figures = runtime().block_on(async {
        let client = client();
        let (kinds, definitions) = custom::create(&client, &crds).await;
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
        let mut comparison = Comparison::new();
        comparison.run(&client, questions, &definitions).await;
        Some(comparison.finish(0))
    });
    // A judge that runs already may have them from before.
    assert!(figures.is_some() || env::var_os("DEPLOYX_JUDGE").is_some());
}
