//! Our verdict on updates held against that of a real API server: an object of every kind is
//! created, mutants of it are put in its place (as a dry run), and both answers are compared.
//!
//! `DEPLOYX_UPDATE_PAIRS=N` asks for more than the usual 1,000, `DEPLOYX_SEED=N` for others,
//! `DEPLOYX_KINDS=Pod,Job` for those of some kinds, and `DEPLOYX_DIFFERENCES=FILE` writes every
//! difference down as a line of JSON. `DEPLOYX_UPDATES=FILE` adds updates to those that are kept
//! in `cases.txt`. `DEPLOYX_CONTROL_PLANE=DIR` names the binaries of another version than the newest.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(
    clippy::print_stdout,
    reason = "the figures are what a person runs this for"
)]

#[path = "../cluster/mod.rs"]
mod cluster;
#[expect(dead_code, reason = "the other test uses all of it")]
#[path = "../verdict_differential/compare.rs"]
mod compare;
#[path = "../verdict_differential/generate.rs"]
mod generate;
#[expect(dead_code, reason = "the other test uses all of it")]
#[path = "../verdict_differential/judge.rs"]
mod judge;
mod kept;
mod live;
#[path = "../verdict_differential/mutate.rs"]
mod mutate;
#[path = "../support/plain_path.rs"]
mod plain_path;
#[path = "../verdict_differential/random.rs"]
mod random;
mod rows;
#[expect(dead_code, reason = "the other test uses all of it")]
#[path = "../verdict_differential/seeds.rs"]
mod seeds;
#[path = "../verdict_differential/values.rs"]
mod values;

use std::env;

use deployx::manifest::json::from_json;
use deployx::manifest::{Object, Span};
use deployx::schema::tables;
use deployx::validate::{Definitions, Validator};
use futures::StreamExt as _;
use kube::Client;
use serde_json::{Value, json};

use compare::{Comparison, Ours};
use judge::Answer;
use live::Live;
use plain_path::plain_path;
use random::Random;
use seeds::Seed;

/// How many questions are in flight; more are no faster.
const CONNECTIONS: usize = 8;

fn setting(name: &str, usual: usize) -> usize {
    let given = env::var(name).ok();
    given.map_or(usual, |text| text.parse().unwrap())
}

/// An update, and what it is, for people.
struct Pair<'l> {
    live: &'l Live,
    new: Value,
    what: String,
}

/// What deployx says of an update.
fn ours(definitions: &Definitions, old: &Value, new: &Value) -> Ours {
    let validator = Validator::new(judge::version());
    let object = |value: &Value| Object::from_node(from_json(value, Span::NONE));
    let (Some(old), Some(new)) = (object(old), object(new)) else {
        panic!("an object has a kind: {new}");
    };
    let judgement = validator.judge_update(definitions, &old, &new);
    Ours::of(vec![&judgement])
}

/// Asks all pairs of both and compares.
async fn run<'l>(
    comparison: &mut Comparison,
    client: &Client,
    definitions: &Definitions,
    pairs: impl Iterator<Item = Pair<'l>>,
) {
    let asked = pairs.map(|pair| async {
        let answer = live::put(client, pair.live, &pair.new).await;
        (pair, answer)
    });
    let mut answers = futures::stream::iter(asked).buffer_unordered(CONNECTIONS);
    while let Some((pair, server)) = answers.next().await {
        compare(comparison, definitions, &pair, &server);
    }
}

/// Compares one answer of the server with ours.
fn compare(
    comparison: &mut Comparison,
    definitions: &Definitions,
    pair: &Pair<'_>,
    server: &Answer,
) {
    // Who has a port is not to be known from the two objects; 0 is no answer.
    // A controller may have been there first.
    let no_answer = ["port is already allocated", "the object has been modified"];
    if no_answer.iter().any(|words| server.message.contains(words)) || server.code == 0 {
        return;
    }
    let ours = ours(definitions, &pair.live.object, &pair.new);
    let kind = format!("{} {}", pair.live.group, pair.live.kind);
    let whole = || json!({"old": pair.live.object, "new": pair.new});
    comparison.add((&kind, &pair.what), whole, server, &ours);
}

#[test]
fn updates_that_are_kept_get_the_servers_verdict() {
    let tables = tables(judge::version());
    let kept = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/update_differential/cases.txt"
    );
    let mut given = kept::read(tables, kept);
    if let Ok(more) = env::var("DEPLOYX_UPDATES") {
        given.extend(kept::read(tables, &more));
    }
    judge::runtime().block_on(async {
        let client = judge::client();
        let mut comparison = Comparison::new();
        let definitions = Definitions::default();
        let client = &client;
        let asked = given.iter().enumerate().map(|(number, given)| async move {
            let (live, new) = match kept::create(client, given, number).await {
                Ok(created) => created,
                Err(message) => return Err((given, message)),
            };
            let answer = live::put(client, &live, &new).await;
            live::delete(client, &live).await;
            Ok((given, live, new, answer))
        });
        let mut answers = futures::stream::iter(asked).buffer_unordered(CONNECTIONS);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok((given, live, new, server)) => {
                    let what = given.what.clone();
                    let pair = Pair {
                        live: &live,
                        new,
                        what,
                    };
                    compare(&mut comparison, &definitions, &pair, &server);
                }
                Err((given, message)) => {
                    let words: String = message.chars().take(300).collect();
                    println!("not created: {} {words}", given.old.kind.kind());
                }
            }
        }
        drop(answers);
        comparison.finish();
    });
}

#[test]
fn the_rows_of_the_library_are_answers_of_the_server() {
    let tables = tables(judge::version());
    let rows = rows::read(tables);
    let wrong: Vec<String> = judge::runtime().block_on(async {
        let client = &judge::client();
        let asked = rows.iter().enumerate().map(|(number, row)| async move {
            // The numbers of the other test's objects are below these.
            let created = kept::create(client, &row.given, 100_000 + number).await;
            let (live, new) = match created {
                Ok(created) => created,
                Err(message) => return Some(format!("{}: not created: {message}", row.given.what)),
            };
            let answer = live::put(client, &live, &new).await;
            live::delete(client, &live).await;
            let expected = plain_path(&row.field);
            let fits = answer.accepted == expected.is_empty()
                && (answer.accepted || answer.fields.contains(&expected));
            (!fits).then(|| format!("{}: {:?} {}", row.given.what, answer.fields, answer.message))
        });
        let answers = futures::stream::iter(asked).buffer_unordered(CONNECTIONS);
        answers.filter_map(|wrong| async { wrong }).collect().await
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mutants_of_live_objects_get_the_servers_verdict() {
    let tables = tables(judge::version());
    let count = setting("DEPLOYX_UPDATE_PAIRS", 1000);
    let seed = setting("DEPLOYX_SEED", 1);
    let kinds = env::var("DEPLOYX_KINDS").unwrap_or_default();
    let wanted = |seed: &Seed| kinds.is_empty() || kinds.split(',').any(|k| k == seed.kind.kind());
    let seeds: Vec<Seed> = seeds::read(tables, include_str!("objects.yaml"))
        .into_iter()
        .chain(seeds::own(tables))
        .filter(wanted)
        .collect();
    let all = judge::runtime().block_on(async {
        let client = judge::client();
        let live = live::create(&client, &seeds).await;
        let unchanged = live.iter().map(|live| Pair {
            live,
            new: live.object.clone(),
            what: "as it is".to_owned(),
        });
        let mutants = (0..count).map(|number| {
            let mut random = Random::new((seed as u64) << 32 | number as u64);
            let live = live::evenly(&live, &mut random);
            let mutant = mutate::mutate(&live.seed(tables), &seeds, &mut random);
            Pair {
                live,
                new: live.named(mutant.object),
                what: mutant.steps.join(" + "),
            }
        });
        let mut comparison = Comparison::new();
        let definitions = Definitions::default();
        run(
            &mut comparison,
            &client,
            &definitions,
            unchanged.chain(mutants),
        )
        .await;
        comparison.finish()
    });
    assert!(
        all.named * 100 >= all.nameable * 95,
        "the server's field is named in {} of {} refusals",
        all.named,
        all.nameable
    );
}
