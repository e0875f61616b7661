//! Custom resources: definitions that are really created, and objects made from their schemas.

use deployx::manifest::{Object, ReadOptions, Sources, read};
use deployx::validate::Definitions;
use kube::Client;
use serde_json::{Map, Value, json};

use super::random::Random;
use super::values;

/// A version of a custom kind that the server serves.
pub(crate) struct Custom {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    schema: Value,
}

/// Creates definitions. Returns what the server serves then, and the same for deployx.
pub(crate) async fn create(client: &Client, crds: &[Value]) -> (Vec<Custom>, Definitions) {
    let mut kinds = Vec::new();
    let mut definitions = Definitions::default();
    for crd in crds {
        // There is no webhook to convert between versions.
        let mut crd = crd.clone();
        if let Some(spec) = crd["spec"].as_object_mut() {
            spec.remove("conversion");
        }
        let crd = &crd;
        let uri = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let request = http::Request::post(uri)
            .header("content-type", "application/json")
            .body(crd.to_string().into_bytes())
            .unwrap();
        match client.request_text(request).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => continue,
            Err(_) => continue,
        }
        definitions.add(&object(crd));
        kinds.extend(served(crd));
    }
    // The server needs a moment until it serves them.
    for kind in &kinds {
        let uri = format!("/apis/{}/{}/{}", kind.group, kind.version, kind.plural);
        for _ in 0..100 {
            let request = http::Request::get(&uri).body(Vec::new()).unwrap();
            if client.request_text(request).await.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    (kinds, definitions)
}

fn object(value: &Value) -> Object {
    let sources = Sources::new();
    let file = sources.add("crd.json", value.to_string());
    let mut documents = read::read_documents(&sources, file, &ReadOptions::kubectl());
    Object::from_node(documents.remove(0).unwrap().root).unwrap()
}

fn served(crd: &Value) -> Vec<Custom> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = &crd["spec"];
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .map(|version| Custom {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            kind: text(&spec["names"]["kind"]),
            plural: text(&spec["names"]["plural"]),
            namespaced: spec["scope"] == "Namespaced",
            schema: version["schema"]["openAPIV3Schema"].clone(),
        })
        .collect()
}

impl Custom {
    /// An object of the kind: what its schema demands, some of what it allows, and now and then
    /// something wrong.
    pub(crate) fn object(&self, random: &mut Random) -> Value {
        let wrong = *random.pick(&[0, 0, 2, 5]);
        let mut maker = Maker { random, wrong };
        let mut object = maker.value(&self.schema, "", 5);
        if !object.is_object() {
            object = json!({});
        }
        object["apiVersion"] = json!(format!("{}/{}", self.group, self.version));
        object["kind"] = json!(self.kind);
        object["metadata"] = json!({"name": "a"});
        if random.percent(5) {
            object["metadata"]["labels"] =
                json!({values::key("", random): values::any_text(random)});
        }
        object
    }
}

struct Maker<'r> {
    random: &'r mut Random,
    /// How many values of a hundred are wrong.
    wrong: usize,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        if self.random.percent(self.wrong) {
            return values::anything(self.random);
        }
        if let Some(values) = schema["enum"]
            .as_array()
            .filter(|values| !values.is_empty())
        {
            return self.random.pick(values).clone();
        }
        if schema["x-kubernetes-int-or-string"] == true {
            return match self.random.percent(50) {
                true => json!(values::number(self.random)),
                false => json!(values::text(name, self.random)),
            };
        }
        match schema["type"].as_str().unwrap_or_default() {
            "object" => self.object(schema, depth),
            "array" => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                let least = usize::try_from(least).unwrap_or(0).min(5);
                let count = if depth == 0 {
                    least
                } else {
                    least.max(self.random.below(3))
                };
                let items =
                    (0..count).map(|_| self.value(&schema["items"], name, depth.saturating_sub(1)));
                Value::Array(items.collect())
            }
            "boolean" => json!(self.random.percent(50)),
            "integer" => self.number(schema),
            "number" => match self.random.percent(50) {
                true => self.number(schema),
                false => json!(1.5),
            },
            "string" => self.text(schema, name),
            _ => values::anything(self.random),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let mut map = Map::new();
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = schema["properties"].as_object();
        let count = properties.map_or(0, Map::len);
        for (name, property) in properties.into_iter().flatten() {
            let take = match required.contains(&name.as_str()) {
                true => !self.random.percent(1),
                false => depth > 0 && self.random.below(count) < 3,
            };
            if take {
                map.insert(
                    name.clone(),
                    self.value(property, name, depth.saturating_sub(1)),
                );
            }
        }
        if let Some(inner) = schema.get("additionalProperties").filter(|s| s.is_object()) {
            for _ in 0..self.random.below(3) {
                let key = values::key("", self.random);
                map.insert(key, self.value(inner, "", depth.saturating_sub(1)));
            }
        }
        if self.random.percent(self.wrong) {
            map.insert("extra".to_owned(), values::anything(self.random));
        }
        Value::Object(map)
    }

    fn number(&mut self, schema: &Value) -> Value {
        let limits = [&schema["minimum"], &schema["maximum"]];
        let limits: Vec<i64> = limits.iter().filter_map(|limit| limit.as_i64()).collect();
        match limits.is_empty() || self.random.percent(30) {
            true => json!(values::number(self.random)),
            false => json!(
                self.random
                    .pick(&limits)
                    .saturating_add(*self.random.pick(&[0, 0, 1, -1]))
            ),
        }
    }

    fn text(&mut self, schema: &Value, name: &str) -> Value {
        let texts: &[&str] = match schema["format"].as_str().unwrap_or_default() {
            "date-time" => &[
                "2024-01-01T00:00:00Z",
                "2024-01-01T00:00:00.5+01:00",
                "2024-01-01",
            ],
            "date" => &["2024-01-01", "2024-13-01"],
            "duration" => &["1h", "1m30s", "1"],
            "byte" => &["YQ==", "a"],
            "ipv4" => &["10.0.0.1", "::1"],
            "ipv6" => &["::1", "10.0.0.1"],
            "cidr" => &["10.0.0.0/8", "10.0.0.0"],
            "uri" => &["https://example.com/a", "a b"],
            "hostname" => &["a.b", "a_b"],
            "email" => &["a@b.c", "a"],
            "uuid" => &["123e4567-e89b-12d3-a456-426614174000", "a"],
            _ => return json!(values::text(name, self.random)),
        };
        json!(*self.random.pick(texts))
    }
}
