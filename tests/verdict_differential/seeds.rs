//! The objects from which mutants are made: ours, one or more of every kind, and those of the
//! corpus where it is given.

use std::env;
use std::fs;
use std::path::Path;

use deployx::schema::{Kind, Tables};
use serde_json::Value;

/// An object that the server accepts.
#[derive(Clone)]
pub(crate) struct Seed {
    pub(crate) kind: Kind,
    pub(crate) object: Value,
}

/// Our own objects.
pub(crate) fn own(tables: Tables) -> Vec<Seed> {
    let mut seeds = read(tables, include_str!("objects.yaml"));
    let full = include_str!("../../src/validate/rules/tests/accepted.yaml");
    seeds.extend(read(tables, full));
    seeds
}

/// The objects of a file of lines of JSON; `#` begins a remark, and what is no object of a served
/// kind is left out.
pub(crate) fn lines(tables: Tables, text: &str) -> Vec<Seed> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| {
            // What the server says may stand beside it.
            let object = line.split('\t').next().unwrap();
            let object: Value = serde_json::from_str(object).unwrap();
            let kind = kind_of(tables, &object)?;
            Some(Seed { kind, object })
        })
        .collect()
}

/// The objects of the file that the environment names.
pub(crate) fn given(tables: Tables) -> Vec<Seed> {
    let file = env::var_os("DEPLOYX_CASES");
    file.map_or_else(Vec::new, |file| {
        lines(tables, &fs::read_to_string(file).unwrap())
    })
}

/// The objects of the corpus: those of built-in kinds that deployx accepts, each text once.
pub(crate) fn corpus(tables: Tables, folder: &Path) -> Vec<Seed> {
    let index = fs::read_to_string(folder.join("manifests-index.jsonl")).unwrap();
    let mut files: Vec<String> = index
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["cls"] == "builtin")
        .map(|row| row["file"].as_str().unwrap().to_owned())
        .collect();
    files.sort();
    files.dedup();
    let mut seen = std::collections::HashSet::new();
    let mut seeds = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(folder.join("repos").join(&file)) else {
            continue;
        };
        for seed in read(tables, &text) {
            if seen.insert(seed.object.to_string()) {
                seeds.push(seed);
            }
        }
    }
    seeds
}

/// The objects of built-in kinds in a YAML stream; other documents are left out.
pub(crate) fn read(tables: Tables, text: &str) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let Ok(object) = <Value as serde::Deserialize>::deserialize(document) else {
            break;
        };
        if let Some(kind) = kind_of(tables, &object) {
            seeds.push(Seed { kind, object });
        }
    }
    seeds
}

/// The kind of an object, where the server has it.
pub(crate) fn kind_of(tables: Tables, object: &Value) -> Option<Kind> {
    let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    tables
        .kind(group, version, kind)
        .filter(|kind| kind.served_by_default())
}
