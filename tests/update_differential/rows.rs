//! The rows that the library's own tests of updates take for the server's answers.

use deployx::schema::Tables;
use serde_json::{Value, json};

use super::kept::Given;
use super::seeds;

const ACCEPTED: &str = include_str!("../../src/validate/rules/tests/accepted.yaml");
const ROWS: &str = include_str!("../../src/validate/update/tests/changes.txt");

/// A row: the update, and the field that the server is said to refuse; empty where it accepts.
pub(crate) struct Row {
    pub(crate) given: Given,
    pub(crate) field: String,
}

/// Reads all rows.
pub(crate) fn read(tables: Tables) -> Vec<Row> {
    let seeds = seeds::read(tables, ACCEPTED);
    let rows = ROWS.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, path, value, _, field] = columns[..] else {
            panic!("{line}");
        };
        let (kind, name) = name.split_once('/').unwrap();
        let old = seeds
            .iter()
            .find(|seed| seed.kind.kind() == kind && seed.object["metadata"]["name"] == name);
        let old = old.unwrap_or_else(|| panic!("{line}")).clone();
        let mut new = old.object.clone();
        let value = (value != "-").then(|| parse(tables, value));
        set(&mut new, path, value);
        Row {
            given: Given {
                old,
                new,
                what: line.to_owned(),
            },
            field: field.to_owned(),
        }
    })
    .collect()
}

/// Reads a value in YAML.
fn parse(tables: Tables, text: &str) -> Value {
    let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nvalue: {text}\n");
    seeds::read(tables, &object).remove(0).object["value"].take()
}

/// Sets the value at a path such as `spec.ports.0.name`, or removes it.
fn set(object: &mut Value, path: &str, value: Option<Value>) {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut node = object;
    for step in parents.split('.').filter(|step| !step.is_empty()) {
        node = match step.parse::<usize>() {
            Ok(index) => &mut node[index],
            Err(_) => &mut node[step],
        };
    }
    match (node, value) {
        (Value::Array(items), Some(value)) => items[last.parse::<usize>().unwrap()] = value,
        (Value::Array(items), None) => drop(items.remove(last.parse().unwrap())),
        (Value::Object(map), None) => drop(map.remove(last)),
        (node, value) => node[last] = value.unwrap_or(json!(null)),
    }
}
