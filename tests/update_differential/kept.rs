//! Updates that are given: old and new, each created and updated on the server by itself.

use std::fs;

use deployx::schema::Tables;
use kube::Client;
use serde_json::{Value, json};

use super::live::{self, Live};
use super::seeds::{self, Seed};

/// An update that was given.
pub(crate) struct Given {
    pub(crate) old: Seed,
    pub(crate) new: Value,
    pub(crate) what: String,
}

/// Reads updates, one a line: `{"old": .., "new": .., "what": ..}`. What is no update of one of
/// Kubernetes' own kinds is left out.
pub(crate) fn read(tables: Tables, file: &str) -> Vec<Given> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter_map(|line| {
            let mut given: Value = serde_json::from_str(line).unwrap();
            let (object, new) = (given["old"].take(), given["new"].take());
            let kind = seeds::kind_of(tables, &object)?;
            Some(Given {
                old: Seed { kind, object },
                new,
                what: given["what"].as_str().unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// Names that mean something: objects of these kinds keep theirs.
const NAMED: [&str; 4] = [
    "CustomResourceDefinition",
    "APIService",
    "ClusterTrustBundle",
    "IPAddress",
];

/// Gives an object a name and a namespace that no other one has.
fn place(object: &mut Value, seed: &Seed, number: usize) {
    let keeps = NAMED.contains(&seed.kind.kind());
    let Some(metadata) = object["metadata"].as_object_mut() else {
        object["metadata"] = json!({"name": format!("a-{number}")});
        return;
    };
    for field in [
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "generation",
        "selfLink",
    ] {
        metadata.remove(field);
    }
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or("a");
    if !keeps {
        let name = name.to_lowercase();
        metadata.insert("name".to_owned(), json!(format!("{name}-{number}")));
    }
    if seed.kind.namespaced() {
        metadata.insert("namespace".to_owned(), json!("default"));
    }
}

/// Gives a definition a group of its own, in which nothing else is.
fn regroup(old: &mut Value, new: &mut Value, number: usize) {
    let group = old["spec"]["group"].clone();
    for object in [old, new] {
        let spec = &mut object["spec"];
        if spec["group"] == group {
            spec["group"] = json!(format!("g{number}.{}", group.as_str().unwrap_or_default()));
        }
        let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = format!(
            "{}.{}",
            name(&spec["names"]["plural"]),
            name(&spec["group"])
        );
        object["metadata"]["name"] = json!(name);
    }
}

/// Creates the old object of an update. Returns it as the server keeps it, and the new one with
/// the same name; `None` where the server does not create it.
pub(crate) async fn create(
    client: &Client,
    given: &Given,
    number: usize,
) -> Result<(Live, Value), String> {
    let mut old = given.old.clone();
    let mut new = given.new.clone();
    if given.old.kind.kind() == "CustomResourceDefinition" {
        regroup(&mut old.object, &mut new, number);
    }
    place(&mut old.object, &given.old, number);
    let created = live::create_one(client, &old).await;
    let created = created.map_err(|answer| answer.message)?;
    let own = &created.object["metadata"];
    if let (Some(metadata), Some(own)) = (new["metadata"].as_object_mut(), own.as_object()) {
        for field in [
            "name",
            "namespace",
            "resourceVersion",
            "uid",
            "creationTimestamp",
        ] {
            let changed = field == "name"
                && given.new["metadata"]["name"] != given.old.object["metadata"]["name"];
            match own.get(field).filter(|_| !changed) {
                Some(value) => drop(metadata.insert(field.to_owned(), value.clone())),
                None if !changed => drop(metadata.remove(field)),
                None => {}
            }
        }
    }
    Ok((created, new))
}
