//! Objects that are really there, and updates to them.

use deployx::schema::Tables;
use kube::Client;
use serde_json::{Value, json};

use super::judge::{self, Answer};
use super::plain_path::plain_path;
use super::random::Random;
use super::seeds::{self, Seed};

/// An object of the server.
pub(crate) struct Live {
    pub(crate) group: String,
    pub(crate) kind: String,
    /// As the server returned it, without `managedFields`.
    pub(crate) object: Value,
    /// Where it is.
    path: String,
}

impl Live {
    /// The object as one to make mutants from.
    pub(crate) fn seed(&self, tables: Tables) -> Seed {
        let kind = seeds::kind_of(tables, &self.object).unwrap();
        Seed {
            kind,
            object: self.object.clone(),
        }
    }

    /// A mutant with what a client always sends: the version that it has seen.
    pub(crate) fn named(&self, mut mutant: Value) -> Value {
        whole(&mut mutant);
        if let Some(metadata) = mutant["metadata"].as_object_mut() {
            let seen = self.object["metadata"]["resourceVersion"].clone();
            metadata.insert("resourceVersion".to_owned(), seen);
        }
        mutant
    }
}

/// Writes `3.0` as `3`: so does every client that reads a manifest.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            #[expect(clippy::cast_possible_truncation, reason = "small ones are exact")]
            if let Some(float) = float.filter(|f| f.fract() == 0.0 && f.abs() < 1e15) {
                *value = json!(float as i64);
            }
        }
        Value::Object(map) => map.values_mut().for_each(whole),
        Value::Array(items) => items.iter_mut().for_each(whole),
        _ => {}
    }
}

/// Creates objects; what cannot be created beside the others is left out.
pub(crate) async fn create(client: &Client, seeds: &[Seed]) -> Vec<Live> {
    let mut live: Vec<Live> = Vec::new();
    for (number, seed) in seeds.iter().enumerate() {
        let mut object = seed.object.clone();
        if seed.kind.group() == "admissionregistration.k8s.io" {
            disarm(&mut object);
        }
        let path = judge::path_of(seed.kind, &object);
        let mut answer = send(client, "POST", &path, &object).await;
        if answer.is_err() {
            // Another object of this kind may have the name.
            let name = object["metadata"]["name"].as_str().unwrap_or("a");
            object["metadata"]["name"] = json!(format!("{name}-{number}"));
            answer = send(client, "POST", &path, &object).await;
        }
        let created = match answer {
            Ok(created) => created,
            Err(answer) => {
                println!("not created: {} {}", seed.kind.kind(), answer.message);
                continue;
            }
        };
        let Some(name) = created["metadata"]["name"].as_str() else {
            continue;
        };
        if name == "bound" {
            bind(client, &format!("{path}/{name}"), &created).await;
        }
        live.push(Live {
            group: seed.kind.group().to_owned(),
            kind: seed.kind.kind().to_owned(),
            path: format!("{path}/{name}"),
            object: created,
        });
    }
    // The server's own controllers write the status of definitions and of aggregated APIs.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for live in &mut live {
        if let Ok(mut object) = send(client, "GET", &live.path, &Value::Null).await {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            live.object = object;
        }
    }
    live
}

/// Writes the status of a claim that has got its volume.
async fn bind(client: &Client, path: &str, claim: &Value) {
    let mut claim = claim.clone();
    claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
    let written = send(client, "PUT", &format!("{path}/status"), &claim).await;
    assert!(written.is_ok(), "{written:?}");
}

/// Creates one object, which another test does not look for. Returns it as the server keeps it.
pub(crate) async fn create_one(client: &Client, seed: &Seed) -> Result<Live, Answer> {
    let mut object = seed.object.clone();
    if seed.kind.group() == "admissionregistration.k8s.io" {
        disarm(&mut object);
    }
    let path = judge::path_of(seed.kind, &object);
    let mut created = send(client, "POST", &path, &object).await?;
    let name = created["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("{path}/{name}");
    if seed.kind.kind() == "CustomResourceDefinition" {
        // Its controllers write its status.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        created = send(client, "GET", &path, &Value::Null).await?;
    }
    if let Some(metadata) = created["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    Ok(Live {
        group: seed.kind.group().to_owned(),
        kind: seed.kind.kind().to_owned(),
        path,
        object: created,
    })
}

/// Deletes an object, so that it does not stand in another one's way.
pub(crate) async fn delete(client: &Client, live: &Live) {
    let options = json!({"gracePeriodSeconds": 0});
    let _ = send(client, "DELETE", &live.path, &options).await;
}

/// Makes a webhook or a policy look at nothing: it would take part in every answer.
fn disarm(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.contains_key("operations") && map.contains_key("apiGroups") {
                map.insert("apiGroups".to_owned(), json!(["none.test"]));
            }
            map.values_mut().for_each(disarm);
        }
        Value::Array(items) => items.iter_mut().for_each(disarm),
        _ => {}
    }
}

/// One of the objects, of each kind as often as of another.
pub(crate) fn evenly<'l>(live: &'l [Live], random: &mut Random) -> &'l Live {
    let mut kinds: Vec<_> = live.iter().map(|live| (&live.group, &live.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let wanted = *random.pick(&kinds);
    let of_kind: Vec<_> = live
        .iter()
        .filter(|live| (&live.group, &live.kind) == wanted)
        .collect();
    of_kind[random.below(of_kind.len())]
}

/// Asks whether an object may become this.
pub(crate) async fn put(client: &Client, live: &Live, new: &Value) -> Answer {
    let path = format!("{}?dryRun=All&fieldValidation=Strict", live.path);
    match send(client, "PUT", &path, new).await {
        Ok(_) => Answer {
            accepted: true,
            code: 200,
            message: String::new(),
            fields: Vec::new(),
        },
        Err(answer) => answer,
    }
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Value, Answer> {
    for attempt in 0.. {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            })
            .unwrap();
        match client.request_text(request).await {
            Ok(text) => return Ok(serde_json::from_str(&text).unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.code != 429 => {
                return Err(refusal(&status));
            }
            Err(_) if attempt < 5 => {
                tokio::time::sleep(std::time::Duration::from_millis(200 << attempt)).await;
            }
            // A request that breaks the server's handler gets no answer, however often it is sent.
            Err(error) => {
                return Err(Answer {
                    accepted: false,
                    code: 0,
                    message: error.to_string(),
                    fields: Vec::new(),
                });
            }
        }
    }
    unreachable!("the loop returns")
}

/// What a refusal says.
fn refusal(status: &kube::core::Status) -> Answer {
    let causes = status.details.as_ref().map(|details| &details.causes);
    let causes = causes.into_iter().flatten();
    let mut fields: Vec<String> = causes.map(|cause| plain_path(&cause.field)).collect();
    let unknown = status.message.split("unknown field \"").skip(1);
    fields.extend(unknown.filter_map(|part| Some(plain_path(part.split_once('"')?.0))));
    fields.sort();
    fields.dedup();
    fields.retain(|field| !field.is_empty());
    Answer {
        accepted: false,
        code: status.code,
        message: status.message.clone(),
        fields,
    }
}
