//! ConfigMaps and Secrets (`pkg/apis/core/validation`).

use super::fields::too_long;
use super::form::Form;
use crate::manifest::{Entry, Node, Object};
use crate::validate::fault::Faults;
use crate::validate::place::Place;
use crate::validate::view::{Finding, View};

const SIZE_MAX: usize = 1024 * 1024;

/// `ValidateConfigMap`.
pub(super) fn config_map(faults: &mut Faults<'_>, view: View<'_>) {
    let mut size = 0;
    for list in ["data", "binaryData"] {
        for entry in view.entries(list) {
            key(faults, view, list, entry);
            size += match list {
                "data" => entry.value.as_str().map_or(0, str::len),
                _ => decoded_length(&entry.value),
            };
        }
    }
    let binary = view.get("binaryData").and_then(Node::as_map);
    for entry in view.entries("data") {
        if binary.is_some_and(|binary| binary.contains_key(&entry.key)) {
            let finding = Finding {
                rule: "duplicate-key",
                message: format!("`{}` stands in `binaryData` too", entry.key),
                remark: "one of them must go",
                words: format!(
                    "Invalid value: {:?}: duplicate of key present in binaryData",
                    entry.key.as_str()
                ),
            };
            view.refuse_at(
                faults,
                &format!("data[{}]", entry.key),
                entry.key_span,
                finding,
            );
        }
    }
    if size > SIZE_MAX {
        let finding = Finding {
            rule: "too-long",
            message: "this ConfigMap is too large".to_owned(),
            remark: "1 MiB at most in all",
            words: format!("Too long: may not be more than {SIZE_MAX} bytes"),
        };
        // The server names no field for this.
        faults.found("[]".to_owned(), view.span("data"), finding);
    }
}

/// A key of a mapping of data.
fn key(faults: &mut Faults<'_>, view: View<'_>, list: &str, entry: &Entry) {
    let Some(words) = Form::ConfigKey.fault(&entry.key, faults.version()) else {
        return;
    };
    let near = Form::ConfigKey.nearest(&entry.key, faults.version());
    let remark = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => Form::ConfigKey.rule().to_owned(),
    };
    let finding = Finding {
        rule: "invalid-key",
        message: match entry.key.as_str() {
            "" => "a key cannot be empty".to_owned(),
            key => format!("`{key}` is no valid key"),
        },
        remark: &remark,
        words: format!("Invalid value: {:?}: {words}", entry.key.as_str()),
    };
    view.refuse_at(
        faults,
        &format!("{list}[{}]", entry.key),
        entry.key_span,
        finding,
    );
}

/// `ValidateSecret`: `stringData` is merged into `data` before.
pub(super) fn secret(faults: &mut Faults<'_>, view: View<'_>, object: &Object) {
    let mut size = 0;
    for entry in view.entries("stringData") {
        key(faults, view, "data", entry);
        size += entry.value.as_str().map_or(0, str::len);
    }
    let given = view.get("stringData").and_then(Node::as_map);
    for entry in view.entries("data") {
        if given.is_none_or(|given| !given.contains_key(&entry.key)) {
            key(faults, view, "data", entry);
            size += decoded_length(&entry.value);
        }
    }
    if size > SIZE_MAX {
        too_long(faults, view, "data", SIZE_MAX);
    }
    contents(faults, view, object);
}

/// What the types of Secrets demand.
fn contents(faults: &mut Faults<'_>, view: View<'_>, object: &Object) {
    let has = |key: &str| {
        let lists = ["data", "stringData"];
        lists.iter().any(|list| {
            let map = view.get(list).and_then(Node::as_map);
            map.is_some_and(|map| map.contains_key(key))
        })
    };
    let mut demand = |key: &str, kind: &str| {
        let remark = format!("a Secret of type `{kind}` has this key");
        view.required(faults, &format!("data[{key}]"), &remark, "");
    };
    match view.text("type") {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            if object.annotation(key).is_none_or(str::is_empty) {
                let finding = Finding {
                    rule: "required-field",
                    message: format!("the annotation `{key}` is missing"),
                    remark: "whose token is this?",
                    words: "Required value".to_owned(),
                };
                let path = format!("metadata.annotations[{key}]");
                view.refuse_at(faults, &path, view.span("metadata"), finding);
            }
        }
        kind @ ("kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson") => {
            let key = match kind {
                "kubernetes.io/dockercfg" => ".dockercfg",
                _ => ".dockerconfigjson",
            };
            match has(key) {
                true => json(faults, view, key),
                false => demand(key, kind),
            }
        }
        kind @ "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            demand("username", kind);
            demand("password", kind);
        }
        kind @ "kubernetes.io/ssh-auth" => {
            let key = "ssh-privatekey";
            if text_of(view, key).is_none_or(|text| text.is_empty()) {
                demand(key, kind);
            }
        }
        kind @ "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if !has(key) {
                    demand(key, kind);
                }
            }
        }
        _ => {}
    }
}

/// The bytes of a key, from `stringData` first.
fn text_of(view: View<'_>, key: &str) -> Option<Vec<u8>> {
    let of = |list: &str| {
        view.get(list)
            .and_then(Node::as_map)
            .and_then(|map| map.get(key))
    };
    match of("stringData") {
        Some(node) => Some(node.as_str().unwrap_or_default().into()),
        None => decoded(of("data")?),
    }
}

fn json(faults: &mut Faults<'_>, view: View<'_>, key: &str) {
    let Some(bytes) = text_of(view, key) else {
        return;
    };
    // Go takes null for an empty mapping.
    let value: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
    let reason = match value {
        Ok(value) if value.is_object() || value.is_null() => return,
        Ok(_) => "json: cannot unmarshal into Go value of type map[string]interface {}".to_owned(),
        Err(error) => error.to_string(),
    };
    let finding = Finding {
        rule: "invalid-json",
        message: format!("`{key}` is no JSON object"),
        remark: "what `docker login` writes",
        words: format!("Invalid value: \"<secret contents redacted>\": {reason}"),
    };
    view.refuse(faults, &format!("data[{key}]"), finding);
}

fn decoded(node: &Node) -> Option<Vec<u8>> {
    if node.is_null() {
        return Some(Vec::new());
    }
    crate::validate::scalar::decode_base64(node.as_str()?)
}

fn decoded_length(node: &Node) -> usize {
    let text = node.as_str().unwrap_or_default();
    let breaks = text.bytes().filter(|b| matches!(b, b'\n' | b'\r')).count();
    let padding = text
        .trim_end()
        .bytes()
        .rev()
        .take_while(|b| *b == b'=')
        .count();
    ((text.len() - breaks) / 4 * 3).saturating_sub(padding)
}

/// Rules that need the whole object.
pub(super) fn whole(faults: &mut Faults<'_>, object: &Object) {
    if let Some(map) = object.root.as_map() {
        let at = object
            .root
            .get("kind")
            .map_or(object.root.span, |node| node.span);
        let view = View {
            map,
            place: &Place::ROOT,
            at,
        };
        secret(faults, view, object);
    }
}
