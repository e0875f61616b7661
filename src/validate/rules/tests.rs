//! The rules on whole objects. The oracle of every line is kube-apiserver 1.37.0, create with
//! `dryRun=All&fieldValidation=Strict`.

#[path = "../../../tests/support/plain_path.rs"]
mod plain_path;

use plain_path::plain_path;

use crate::manifest::{Node, Object, ReadOptions, Severity, Sources, read};
use crate::schema::Version;
use crate::validate::{Validator, Verdict};

const ACCEPTED: &str = include_str!("tests/accepted.yaml");
const REFUSED: &str = include_str!("tests/refused.txt");
const OBJECTS: &str = include_str!("tests/objects.txt");
const VERSIONS: &str = include_str!("tests/versions.txt");

fn documents(text: &str) -> Vec<Node> {
    let sources = Sources::new();
    let file = sources.add("in.yaml", text);
    let read = read::read_documents(&sources, file, &ReadOptions::kubectl());
    read.into_iter()
        .map(|document| document.unwrap().root)
        .collect()
}

/// The errors of an object, as rule and field.
fn errors(root: &Node) -> Vec<(String, String)> {
    errors_of(root, Version::newest())
}

fn errors_of(root: &Node, version: Version) -> Vec<(String, String)> {
    let object = Object::from_node(root.clone()).unwrap();
    let judgement = Validator::new(version).judge(&object);
    let errors = judgement
        .findings
        .into_iter()
        .filter(|f| f.severity == Severity::Error);
    errors
        .map(|finding| (finding.rule.into_owned(), finding.field.unwrap_or_default()))
        .collect()
}

/// The fields of errors, without indices and keys, each once.
fn fields(errors: Vec<(String, String)>) -> Vec<String> {
    let fields = errors.iter().map(|(_, field)| plain_path(field));
    let mut fields: Vec<String> = fields.collect();
    fields.sort();
    fields.dedup();
    fields
}

/// Sets the value at a path of names and indices, such as `spec.ports.0.name`.
fn set(node: &mut Node, path: &str, value: Node) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let next = match step.parse::<usize>() {
        Ok(index) if node.as_seq().is_some() => &mut node.as_seq_mut().unwrap()[index],
        _ => node.get_mut(step).unwrap(),
    };
    match rest {
        "" => *next = value,
        rest => set(next, rest, value),
    }
}

#[test]
fn full_objects_of_every_kind_are_accepted() {
    for root in documents(ACCEPTED) {
        let kind = root.get("kind").and_then(Node::as_str).unwrap();
        assert_eq!(errors(&root), [], "{kind}");
    }
}

#[test]
fn what_the_server_refuses_is_refused_with_the_field_that_it_names() {
    let documents = documents(ACCEPTED);
    let rows = REFUSED.lines().filter(|line| !line.starts_with('#'));
    let mut differences = Vec::new();
    for row in rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [document, path, value, wanted @ ..] = &columns[..] else {
            panic!("{row}");
        };
        let mut root = documents[document.parse::<usize>().unwrap()].clone();
        let value = self::documents(&format!("value: {value}"));
        set(&mut root, path, value[0].get("value").unwrap().clone());
        let found = errors(&root);
        let found: Vec<&str> = found
            .iter()
            .flat_map(|(rule, field)| [rule.as_str(), field])
            .collect();
        if found != wanted {
            differences.push(format!("{row}\n  found: {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn small_objects_are_refused_for_the_fields_that_the_server_names() {
    let mut differences = Vec::new();
    for row in OBJECTS.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = row.split('\t');
        let object = &documents(columns.next().unwrap())[0];
        let found = fields(errors(object));
        let wanted: Vec<&str> = columns.collect();
        if found != wanted {
            differences.push(format!("{row}\n  found: {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn each_version_has_its_own_verdict() {
    let mut differences = Vec::new();
    for row in VERSIONS.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = row.split('\t');
        let versions = columns.next().unwrap().split(',');
        let object = &documents(columns.next().unwrap())[0];
        let wanted: Vec<&str> = columns.collect();
        for version in versions {
            let found = fields(errors_of(object, version.parse().unwrap()));
            if found != wanted {
                differences.push(format!("{version}: {row}\n  found: {found:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_a_server_refuses_in_the_pods_alone_is_a_warning() {
    let row = VERSIONS
        .lines()
        .find(|row| row.starts_with("1.33\t") && row.contains("StatefulSet"))
        .unwrap();
    let object = Object::from_node(documents(&row[5..])[0].clone()).unwrap();
    let judgement = Validator::new("1.33".parse().unwrap()).judge(&object);
    let [warning] = &judgement.findings[..] else {
        panic!("{:?}", judgement.findings);
    };
    assert_eq!(judgement.verdict, Verdict::Accepted);
    assert_eq!(warning.severity, Severity::Warning);
    assert_eq!(warning.rule, "unknown-volume");
}
