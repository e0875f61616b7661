//! Texts inside a kustomization file: patches and plugin configurations written in place. Their
//! trees point into the file itself.

use super::decode::Text;
use super::load::{Files, lock};
use crate::manifest::{Diagnostics, FileId, Node, Sources, Span, Value};

/// Adds a text that stands inside a file to the table, once.
pub(crate) fn text_of(files: &Files<'_>, text: &Text) -> FileId {
    let mut known = lock(&files.inline);
    *known.entry(text.span).or_insert_with(|| {
        let name = files
            .sources
            .get(text.span.file())
            .map_or_else(String::new, |source| source.name.clone());
        files
            .sources
            .add(format!("{name} (inline)"), text.value.as_str())
    })
}

/// Where the lines of an inline text stand in the file that holds it.
#[derive(Debug)]
pub(crate) struct Places {
    inner: FileId,
    outer: Span,
    /// Offset of each line in the inner text, and in the outer one.
    lines: Vec<(u32, u32)>,
}

impl Places {
    /// Finds the lines of `inner` in the text that `outer` covers.
    pub(crate) fn new(sources: &Sources, inner: FileId, outer: Span) -> Self {
        let mut lines = Vec::new();
        if let (Some(inside), Some(holder)) = (sources.get(inner), sources.get(outer.file())) {
            let raw = &holder.text[outer.start() as usize..outer.end() as usize];
            let (mut at, mut cursor) = (0, 0);
            for line in inside.text.split_inclusive('\n') {
                let content = line.trim_end_matches('\n');
                if let Some(found) = raw[cursor..].find(content) {
                    let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                    lines.push((offset(at), outer.start() + offset(cursor + found)));
                    cursor += found + content.len();
                }
                at += line.len();
            }
        }
        Self {
            inner,
            outer,
            lines,
        }
    }

    /// Makes a tree's spans point into the outer file.
    pub(crate) fn remap(&self, node: &mut Node) {
        node.span = self.span(node.span);
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::Seq(_) => {
                for item in node.as_seq_mut().into_iter().flatten() {
                    self.remap(item);
                }
            }
            Value::Map(_) => {
                for entry in node.as_map_mut().into_iter().flat_map(|map| map.iter_mut()) {
                    entry.key_span = self.span(entry.key_span);
                    self.remap(&mut entry.value);
                }
            }
        }
    }

    /// Makes messages point into the outer file.
    pub(crate) fn remap_faults(&self, faults: &mut Diagnostics) {
        for fault in &mut faults.0 {
            let labels = fault.primary.iter_mut().chain(&mut fault.secondary);
            labels.for_each(|label| label.span = self.span(label.span));
        }
    }

    fn span(&self, span: Span) -> Span {
        if span.file() != self.inner {
            return span;
        }
        let start = self.offset(span.start());
        let end = self.offset(span.end()).max(start);
        Span::new(self.outer.file(), start as usize, end as usize)
    }

    fn offset(&self, at: u32) -> u32 {
        let line = self.lines.partition_point(|(inner, _)| *inner <= at);
        let mapped = line.checked_sub(1).map_or(self.outer.start(), |line| {
            let (inner, outer) = self.lines[line];
            outer + (at - inner)
        });
        mapped.clamp(self.outer.start(), self.outer.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_an_inline_text_point_into_its_file() {
        let sources = Sources::new();
        let text = "patches:\n- patch: |-\n    a:\n      b: 1\n";
        let outer_file = sources.add("kustomization.yaml", text);
        let start = text.find('|').unwrap();
        let outer = Span::new(outer_file, start, text.len());
        let inner = sources.add("inline", "a:\n  b: 1");
        let places = Places::new(&sources, inner, outer);
        let one = Span::new(inner, 8, 9);
        assert_eq!(sources.locate(places.span(one)), "kustomization.yaml:4:10");
    }
}
