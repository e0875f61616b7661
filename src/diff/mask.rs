//! Keeps secret values out of everything that is printed.
//!
//! Values are replaced before anything is compared. What replaces them says their size and a
//! digest whose key is drawn anew in every run, so it shows equality and nothing else.

use std::hash::{BuildHasher, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::cluster::value::Read;
use crate::manifest::node::Node;

/// Values shorter than this are not looked for in messages: they would hit ordinary words.
const MIN_IN_TEXT: usize = 4;

/// The secrets of one run.
pub struct Mask {
    key: [u8; 32],
    /// What to look for in texts, longest first.
    values: Vec<String>,
}

impl Default for Mask {
    fn default() -> Self {
        Self::new()
    }
}

impl Mask {
    /// Draws a key.
    pub fn new() -> Self {
        let mut key = [0; 32];
        for chunk in key.chunks_mut(8) {
            // The keys of a RandomState come from the system's source of randomness.
            chunk.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
        }
        Self {
            key,
            values: Vec::new(),
        }
    }

    /// Remembers the values of a Secret (any other object is ignored), so that
    /// [`Mask::text`] finds them.
    pub fn learn(&mut self, object: &Value) {
        if object.kind() != "Secret" || !object.group().is_empty() {
            return;
        }
        let fields = |field| {
            object
                .get(field)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
        };
        for (_, value) in fields("data") {
            let Some(encoded) = value.as_str() else {
                continue;
            };
            self.remember(encoded);
            if let Ok(bytes) = STANDARD.decode(encoded)
                && let Ok(text) = String::from_utf8(bytes)
            {
                self.remember(&text);
            }
        }
        for (_, value) in fields("stringData") {
            if let Some(text) = value.as_str() {
                self.remember(text);
                self.remember(&STANDARD.encode(text));
            }
        }
        self.values
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.values.dedup();
    }

    /// Returns a message without the values of the Secrets that were learned.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), "<secret>");
            }
        }
        text
    }

    /// Returns an object with the values of a Secret replaced by size and digest; any other
    /// object stays.
    pub fn object(&self, object: &Node) -> Node {
        let mut object = object.clone();
        let is_secret = object.get("kind").and_then(Node::as_str) == Some("Secret")
            && object.get("apiVersion").and_then(Node::as_str) == Some("v1");
        if !is_secret {
            return object;
        }
        for (field, is_base64) in [("data", true), ("stringData", false)] {
            let Some(entries) = object.get_mut(field).and_then(Node::as_map_mut) else {
                continue;
            };
            for entry in entries.iter_mut() {
                let text = entry.value.scalar_text().unwrap_or_default();
                let bytes = if is_base64 {
                    STANDARD
                        .decode(text)
                        .unwrap_or_else(|_| text.as_bytes().to_vec())
                } else {
                    text.as_bytes().to_vec()
                };
                entry.value = Node::string(self.digest(&bytes), entry.value.span);
            }
        }
        object
    }

    fn digest(&self, bytes: &[u8]) -> String {
        let mut hash = Sha256::new();
        // The key before and after, as a short HMAC: nothing can be appended to the value.
        hash.update(self.key);
        hash.update(bytes);
        hash.update(self.key);
        let digest = hash.finalize();
        let size = match bytes.len() {
            1 => "1 byte".to_owned(),
            n => format!("{n} bytes"),
        };
        format!(
            "{size}, #{:02x}{:02x}{:02x}",
            digest[0], digest[1], digest[2]
        )
    }

    fn remember(&mut self, value: &str) {
        // Whole values, and each line of those that have several: a log shows one at a time.
        for text in std::iter::once(value).chain(value.lines()) {
            let text = text.trim();
            if text.len() >= MIN_IN_TEXT {
                self.values.push(text.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::json::{from_json, to_json};
    use crate::manifest::source::Span;

    #[test]
    fn values_are_replaced_by_size_and_digest() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "data": {"A": "aHVudGVyMg==", "B": "aHVudGVyMg==", "C": "eA=="}});
        let mask = |mask: &Mask| to_json(&mask.object(&from_json(&secret, Span::NONE)));
        let one = Mask::new();
        let masked = mask(&one);
        assert!(masked.text(&["data", "A"]).starts_with("7 bytes, #"));
        assert_eq!(masked["data"]["A"], masked["data"]["B"]);
        assert!(masked.text(&["data", "C"]).starts_with("1 byte, #"));
        assert_ne!(
            masked,
            mask(&Mask::new()),
            "the digest differs from run to run"
        );
        assert!(!masked.to_string().contains("hunter2"));
    }

    #[test]
    fn values_do_not_survive_in_messages() {
        let mut mask = Mask::new();
        mask.learn(&json!({"apiVersion": "v1", "kind": "Secret",
            "data": {"A": "aHVudGVyMg=="}, "stringData": {"B": "line one\nline two", "C": "x"}}));
        assert_eq!(
            mask.text("login with hunter2 (aHVudGVyMg==) failed: line two, x"),
            "login with <secret> (<secret>) failed: <secret>, x"
        );
    }
}
