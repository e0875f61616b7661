//! Updates, old and new side by side. The oracle of every line is kube-apiserver 1.37.0, an
//! update with `dryRun=All&fieldValidation=Strict` of an object that was created before.

use crate::manifest::{Node, Object, ReadOptions, Severity, Sources, read};
use crate::schema::Version;
use crate::validate::{Definitions, Judgement, Validator};

const ACCEPTED: &str = include_str!("../rules/tests/accepted.yaml");
const CHANGES: &str = include_str!("tests/changes.txt");

fn documents(text: &str) -> Vec<Object> {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let read = read::read_documents(&sources, file, &ReadOptions::kubectl());
    let objects = read.into_iter().map(|document| document.unwrap().root);
    objects.filter_map(Object::from_node).collect()
}

fn judge(old: &Object, new: &Object) -> Judgement {
    let definitions = Definitions::default();
    Validator::new(Version::newest()).judge_update(&definitions, old, new)
}

/// The errors of an update, as rule and field.
fn errors(old: &Object, new: &Object) -> Vec<(String, String)> {
    let errors = judge(old, new).findings.into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| (finding.rule.into_owned(), finding.field.unwrap_or_default()))
        .collect()
}

#[test]
fn every_object_may_stay_as_it_is() {
    for object in documents(ACCEPTED) {
        assert_eq!(errors(&object, &object), [], "{}", object.describe());
    }
}

/// Sets the value at a path of names and indices, such as `spec.ports.0.name`; without a value,
/// removes it.
fn set(node: &mut Node, path: &str, value: Option<Node>) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let index = step
        .parse::<usize>()
        .ok()
        .filter(|_| node.as_seq().is_some());
    match (index, rest, value) {
        (Some(index), "", Some(value)) => node.as_seq_mut().unwrap()[index] = value,
        (Some(index), "", None) => drop(node.as_seq_mut().unwrap().remove(index)),
        (Some(index), rest, value) => set(&mut node.as_seq_mut().unwrap()[index], rest, value),
        (None, "", Some(value)) => drop(node.as_map_mut().unwrap().set(step, value)),
        (None, "", None) => drop(node.as_map_mut().unwrap().remove(step)),
        (None, rest, value) => set(node.get_mut(step).unwrap(), rest, value),
    }
}

#[test]
fn changes_are_judged_as_the_server_judges_them() {
    let documents = documents(ACCEPTED);
    let rows = CHANGES.lines().filter(|line| !line.starts_with('#'));
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, path, value, rule, field] = columns[..] else {
            panic!("{row}");
        };
        let named = |object: &&Object| format!("{}/{}", object.kind(), object.name()) == name;
        let old = documents.iter().find(named).unwrap();
        let mut new = old.clone();
        let value = (value != "-").then(|| {
            let text = format!("apiVersion: a\nkind: b\nvalue: {value}");
            let read = self::documents(&text);
            read[0].root.get("value").unwrap().clone()
        });
        set(&mut new.root, path, value);
        let expected = match rule {
            "accepted" => vec![],
            rule => vec![(rule.to_owned(), field.to_owned())],
        };
        assert_eq!(errors(old, &new), expected, "{row}");
    }
}
