//! Scalars: what their text, style and tag make of them.

use std::borrow::Cow;

use base64::Engine as _;
use granit_parser::{ScalarStyle, Tag};
use smol_str::SmolStr;

use super::{Anchored, Builder};
use crate::manifest::diagnostic::Diagnostic;
use crate::manifest::node::{Node, Scalar, ScalarKind, Value};
use crate::manifest::read::Duplicates;
use crate::manifest::resolve::{Dialect, Resolved, resolve};
use crate::manifest::source::Span;

impl Builder {
    /// Takes a scalar.
    pub(in crate::manifest) fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Span,
    ) {
        let plain = style == ScalarStyle::Plain;
        // The parser spells a missing value `~`; strategic merge tells the two apart.
        let text = if plain && at.start() == at.end() {
            ""
        } else {
            text
        };
        let text = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_scalar(text, at),
            _ => text,
        };
        let mut scalar = self.make_scalar(text, plain, tag, at);
        if plain && text.is_empty() && tag.is_none() && self.writes_empty_text() {
            scalar.kind = ScalarKind::Str;
        }
        scalar.folded = style == ScalarStyle::Folded && self.options.dialect == Dialect::Kustomize;
        if anchor != 0 {
            let node = Node::new(Value::Scalar(scalar.clone()), at);
            let anchored = Anchored {
                node,
                weight: 1,
                depth: 1,
            };
            self.anchors.insert(anchor, anchored);
        }
        if self.is_key_next() {
            let is_tagged = tag.and_then(core_tag).as_deref() == Some("merge");
            let is_merge = text == "<<" && (tag.is_none() || is_tagged);
            return self.key(scalar, is_merge.then_some(plain || is_tagged), at);
        }
        self.push(Node::new(Value::Scalar(scalar), at), 1, 1);
    }

    /// Whether a missing value is an empty text: kustomize writes what stands in brackets in
    /// brackets again, with quotes where there was nothing, before it reads that for the last time.
    /// What a patch removes with a missing value, it removes before that.
    fn writes_empty_text(&self) -> bool {
        let in_brackets = self.frames.last().is_some_and(|frame| frame.in_brackets);
        in_brackets && self.is_kustomize_resource() && !self.is_key_next()
    }

    pub(super) fn is_kustomize_resource(&self) -> bool {
        self.options.dialect == Dialect::Kustomize && self.options.duplicates == Duplicates::Error
    }

    /// What go-yaml makes of a block scalar: it adds no line break at the end of a text that has
    /// none.
    fn block_scalar<'t>(&self, text: &'t str, at: Span) -> &'t str {
        let ends_open = self.open_end.is_some_and(|end| at.end() as usize >= end);
        text.strip_suffix('\n')
            .filter(|_| ends_open)
            .unwrap_or(text)
    }

    fn make_scalar(&mut self, text: &str, plain: bool, tag: Option<&Tag>, at: Span) -> Scalar {
        let (kind, text) = match tag.and_then(core_tag).as_deref() {
            Some("str") => (ScalarKind::Str, SmolStr::new(text)),
            Some("binary") => (ScalarKind::Str, self.binary(text, at)),
            Some(name @ ("int" | "float" | "bool" | "null" | "timestamp")) => {
                (self.tagged(name, text, at), SmolStr::new(text))
            }
            _ if plain && self.resolves(tag) => (self.resolve(text, at), SmolStr::new(text)),
            _ => (ScalarKind::Str, SmolStr::new(text)),
        };
        Scalar {
            text,
            kind,
            plain,
            folded: false,
            untagged: false,
        }
    }

    /// What a text with a tag is; that it does not read as what the tag says is a fault.
    fn tagged(&mut self, name: &str, text: &str, at: Span) -> ScalarKind {
        let faults = self.faults.len();
        let kind = self.resolve(text, at);
        let fits = match name {
            "int" => kind == ScalarKind::Int,
            "float" => matches!(kind, ScalarKind::Int | ScalarKind::Float),
            "bool" => kind == ScalarKind::Bool,
            "null" => kind == ScalarKind::Null,
            _ => resolve(text, Dialect::Kustomize) == Resolved::Kind(ScalarKind::Timestamp),
        };
        if !fits && self.faults.len() == faults {
            let message = format!("`{text}` does not read as what its tag `!!{name}` says");
            self.faults
                .push(Diagnostic::error("yaml-tag", message).at(at, ""));
        }
        kind
    }

    /// Whether a plain scalar with this tag, which is none of YAML's own, means what it means
    /// without one: go-yaml 2 takes `!` for text, go-yaml 3 every other tag.
    fn resolves(&self, tag: Option<&Tag>) -> bool {
        match self.options.dialect {
            Dialect::Kubectl => !tag.is_some_and(is_non_specific),
            Dialect::Kustomize => tag.is_none_or(is_non_specific),
        }
    }

    fn binary(&mut self, text: &str, at: Span) -> SmolStr {
        let compact: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(compact);
        if let Some(decoded) = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            SmolStr::from(decoded)
        } else {
            let message = "`!!binary` holds no base64 text of UTF-8 characters".to_owned();
            self.faults
                .push(Diagnostic::error("yaml-binary", message).at(at, ""));
            SmolStr::new(text)
        }
    }

    fn resolve(&mut self, text: &str, at: Span) -> ScalarKind {
        match resolve(text, self.options.dialect) {
            Resolved::Kind(kind) => kind,
            Resolved::NotFinite => {
                self.faults.push(
                    Diagnostic::error("yaml-number", format!("unsupported value: `{text}`"))
                        .at(at, "JSON has no such number")
                        .hint(format!("for the text, write \"{text}\"")),
                );
                ScalarKind::Str
            }
        }
    }
}

/// The name of a tag of YAML's own namespace: `str`, `int`, `binary`.
fn core_tag(tag: &Tag) -> Option<Cow<'_, str>> {
    tag.suffix_in_namespace("tag:yaml.org,2002:")
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.original() == "!"
}
