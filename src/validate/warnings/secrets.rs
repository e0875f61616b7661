//! The certificate and the key of a Secret for TLS (`warningsForSecret` of
//! `pkg/registry/core/secret`, Go's `tls.X509KeyPair`).
//!
//! Only the outer form is looked at; whether the two belong together is not computed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Warnings;
use crate::manifest::{Node, Object, Span};
use crate::validate::scalar::decode_base64;

/// Warnings of a Secret.
pub(super) fn check(warn: &mut Warnings<'_>, object: &Object) {
    if object.root.get("type").and_then(Node::as_str) != Some("kubernetes.io/tls") {
        return;
    }
    let (certificate, at) = value(object, "tls.crt");
    let (key, key_at) = value(object, "tls.key");
    let found = match certificate_fault(&certificate) {
        Some(words) => Some((words, at, "data[tls.crt]")),
        None => key_fault(&key).map(|words| (words, key_at, "data[tls.key]")),
    };
    if let Some((words, at, field)) = found {
        warn.plain("tls-key-pair", at, field, words);
    }
}

/// A value of the Secret, and where it stands; empty where there is none.
fn value(object: &Object, key: &str) -> (Vec<u8>, Span) {
    let at = |field: &str| object.root.at(&[field, key]);
    if let Some(node) = at("stringData") {
        let text = node.as_str().unwrap_or_default();
        return (text.as_bytes().to_vec(), node.span);
    }
    let Some(node) = at("data") else {
        return (Vec::new(), object.span());
    };
    let text = node.as_str().unwrap_or_default();
    (decode_base64(text).unwrap_or_default(), node.span)
}

fn certificate_fault(bytes: &[u8]) -> Option<String> {
    let kinds = blocks(bytes);
    if kinds.iter().any(|kind| kind == "CERTIFICATE") {
        return None;
    }
    Some(match kinds.as_slice() {
        [] => "tls: failed to find any PEM data in certificate input".to_owned(),
        [kind] if kind.ends_with("PRIVATE KEY") => {
            "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched".to_owned()
        }
        kinds => format!(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [{}]",
            kinds.join(" ")
        ),
    })
}

fn key_fault(bytes: &[u8]) -> Option<String> {
    let kinds = blocks(bytes);
    if kinds
        .iter()
        .any(|kind| kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY"))
    {
        return None;
    }
    Some(match kinds.as_slice() {
        [] => "tls: failed to find any PEM data in key input".to_owned(),
        [kind] if kind == "CERTIFICATE" => {
            "tls: found a certificate rather than a key in the PEM for the private key".to_owned()
        }
        kinds => format!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [{}]",
            kinds.join(" ")
        ),
    })
}

/// The types of the PEM blocks in a text.
fn blocks(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut kinds = Vec::new();
    let mut rest = text.as_ref();
    while let Some(begin) = rest.find("-----BEGIN ") {
        rest = &rest[begin + "-----BEGIN ".len()..];
        let Some((kind, after)) = rest.split_once("-----") else {
            break;
        };
        let end = format!("-----END {kind}-----");
        let Some((body, after)) = after.split_once(&end) else {
            continue;
        };
        let lines = body.lines().filter(|line| !line.contains(':'));
        let base64: String = lines.flat_map(str::split_whitespace).collect();
        if STANDARD.decode(base64).is_ok() {
            kinds.push(kind.to_owned());
        }
        rest = after;
    }
    kinds
}
