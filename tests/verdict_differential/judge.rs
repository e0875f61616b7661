//! Asks the real server.

use std::env;
use std::sync::OnceLock;

use deployx::schema::{Kind, Version};
use kube::{Client, Config};
use serde_json::Value;

use super::cluster::Judge;
use super::plain_path::plain_path;

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) accepted: bool,
    /// HTTP status of a refusal.
    pub(crate) code: u16,
    pub(crate) message: String,
    /// The fields that it names, without indices and keys.
    pub(crate) fields: Vec<String>,
}

/// Returns a client of the judge that all tests share: one that runs already where the environment
/// names it.
pub(crate) fn client() -> Client {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    let given = env::var("DEPLOYX_JUDGE");
    let server = given.unwrap_or_else(|_| JUDGE.get_or_init(Judge::start).server().to_owned());
    let mut config = Config::new(server.parse().unwrap());
    config.accept_invalid_certs = true;
    config.auth_info.token = Some("admin-token".to_owned().into());
    Client::try_from(config).unwrap()
}

/// The version of the judge.
pub(crate) fn version() -> Version {
    static VERSION: OnceLock<Version> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let told = runtime().block_on(async { client().apiserver_version().await });
        told.unwrap().git_version.parse().unwrap()
    })
}

/// Something that waits for the judge.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// The path to which an object of a kind is posted: the namespace is its own where it names one.
pub(crate) fn path(group: &str, version: &str, plural: &str, namespace: Option<&str>) -> String {
    let base = match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    match namespace {
        Some(namespace) => format!("{base}/namespaces/{namespace}/{plural}"),
        None => format!("{base}/{plural}"),
    }
}

/// The path for an object of a built-in kind.
pub(crate) fn path_of(kind: Kind, object: &Value) -> String {
    let namespace = namespace_of(object);
    let namespace = kind.namespaced().then_some(namespace);
    path(kind.group(), kind.version(), kind.plural(), namespace)
}

/// The namespace of an object, as far as it can stand in a URL.
pub(crate) fn namespace_of(object: &Value) -> &str {
    let given = object["metadata"]["namespace"].as_str();
    // A review asks of a namespace, in which it must then be made.
    let given = given.or_else(|| object["spec"]["resourceAttributes"]["namespace"].as_str());
    let plain = |text: &&str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    given.filter(plain).unwrap_or("default")
}

/// Asks whether a manifest would be created. `None` where the server has no answer: it fails on
/// some objects, and drops the connection.
pub(crate) async fn ask(client: &Client, path: &str, manifest: &str) -> Option<Answer> {
    let uri = format!("{path}?dryRun=All&fieldValidation=Strict");
    for attempt in 0.. {
        let request = http::Request::post(&uri)
            .header("content-type", "application/yaml")
            .header("accept", "application/json")
            .body(manifest.as_bytes().to_vec())
            .unwrap();
        match client.request_text(request).await {
            Ok(_) => {
                return Some(Answer {
                    accepted: true,
                    code: 201,
                    message: String::new(),
                    fields: Vec::new(),
                });
            }
            Err(kube::Error::Api(status)) if status.code != 429 => {
                let causes = status.details.as_ref().map(|details| &details.causes);
                let causes = causes.into_iter().flatten();
                let mut fields: Vec<String> =
                    causes.map(|cause| plain_path(&cause.field)).collect();
                fields.extend(unknown_fields(&status.message));
                name_nil(&mut fields, &status.message);
                fields.sort();
                fields.dedup();
                fields.retain(|field| !field.is_empty());
                // A dry run stores nothing but what the server keeps itself: it was valid.
                let accepted = status.code == 409 && status.message.ends_with("already exists");
                let is_answer = status.code < 500 && !is_of_cluster(&status.message);
                return is_answer.then(|| Answer {
                    accepted,
                    code: status.code,
                    message: status.message.clone(),
                    fields,
                });
            }
            Err(_) if attempt < 3 => {
                tokio::time::sleep(std::time::Duration::from_millis(200 << attempt)).await;
            }
            Err(_) => return None,
        }
    }
    None
}

/// Whether a refusal tells of the cluster and not of the manifest.
fn is_of_cluster(message: &str) -> bool {
    [
        "failed to allocate IP",
        // Every cluster has an admission plugin that sets one; the judge has not.
        "must not be specified when serviceAccountName is not set",
        "admin access to devices requires the",
        "could not retrieve namespace to verify admin access",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Where the server names no field (`<nil>`), the one in its words, if there is one.
pub(crate) fn name_nil(fields: &mut Vec<String>, message: &str) {
    if !fields.iter().any(|field| field == "<nil>") {
        return;
    }
    fields.retain(|field| field != "<nil>");
    let formats = message.split(" in spec.").skip(1);
    let formats = formats.filter_map(|part| part.split([',', ']']).next());
    fields.extend(formats.map(|path| plain_path(&format!("spec.{path}"))));
    let combined = message.split("Invalid value: \"\": \"").skip(1);
    let combined = combined.filter_map(|part| part.split('"').next());
    fields.extend(combined.map(plain_path));
}

/// The fields in the message of the strict decoder.
fn unknown_fields(message: &str) -> impl Iterator<Item = String> {
    let parts = message.split("unknown field \"").skip(1);
    parts.filter_map(|part| Some(plain_path(part.split_once('"')?.0)))
}
