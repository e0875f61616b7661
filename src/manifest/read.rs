//! Reads YAML and JSON into trees, as the tool that will read the file next does.
//!
//! The parser only gives events; what scalars, keys, aliases and merge keys mean is decided in
//! `build.rs`. Limits on size, nesting and alias expansion turn hostile input into an error.

use std::io::Read as _;
use std::path::Path;

use granit_parser::{ErrorKind, Event, Parser, ScanError};

use super::build::Builder;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::go_yaml::{self, Quirks};
use super::node::Node;
use super::quick;
use super::resolve::Dialect;
use super::source::{FileId, Sources, Span, display_path};

/// How many documents one file may hold: what is nearly nothing in the file is a tree in memory.
pub(super) const MAX_DOCUMENTS: usize = 250_000;

/// The rule of the fault that a file has more.
pub(crate) const TOO_MANY: &str = "too-many-documents";

/// What happens to the second of two equal keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It is an error (kustomize, in resources).
    Error,
    /// The first one counts (kustomize, in strategic-merge patches).
    FirstWins,
    /// The last one counts (kubectl; the server's strict decoding then refuses the document).
    LastWins,
}

/// How far a document may go before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in one file.
    pub bytes: u64,
    /// Levels of nesting, aliases expanded.
    pub depth: usize,
    /// Nodes in one document, aliases expanded, from which go-yaml's ratio of alias expansion
    /// to document size is enforced.
    pub nodes: u64,
}

impl Limits {
    /// The limits of every reader here: 64 MiB, 500 levels, go-yaml's rule for aliases.
    pub const DEFAULT: Limits = Limits {
        bytes: 64 << 20,
        depth: 500,
        nodes: 1_000,
    };
}

/// How to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whose rules decide what plain scalars mean.
    pub dialect: Dialect,
    /// What happens to equal keys.
    pub duplicates: Duplicates,
    /// Limits against hostile input.
    pub limits: Limits,
}

impl ReadOptions {
    /// As kubectl, Helm and the server read manifests, and kustomize its own kustomization files
    /// and JSON 6902 patches.
    pub fn kubectl() -> Self {
        Self {
            dialect: Dialect::Kubectl,
            duplicates: Duplicates::LastWins,
            limits: Limits::DEFAULT,
        }
    }

    /// As kustomize reads resources.
    pub fn kustomize_resource() -> Self {
        Self {
            dialect: Dialect::Kustomize,
            duplicates: Duplicates::Error,
            limits: Limits::DEFAULT,
        }
    }

    /// As kustomize reads strategic-merge patches.
    pub fn kustomize_patch() -> Self {
        Self {
            dialect: Dialect::Kustomize,
            duplicates: Duplicates::FirstWins,
            limits: Limits::DEFAULT,
        }
    }
}

/// A key that stands twice in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The first place.
    pub first: Span,
    /// The second place.
    pub second: Span,
    /// The mapping that holds it, as keys and indexes from the root (`spec.containers[0]`).
    pub path: String,
}

/// One document of a stream.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its tree. Null for a document of comments alone.
    pub root: Node,
    /// Keys that stand twice, where [`Duplicates`] let them pass.
    pub duplicates: Vec<DuplicateKey>,
}

/// Reads a file into the table.
///
/// # Errors
/// A file that is missing, unreadable, too large or no UTF-8, with its name and, for the last,
/// the position.
pub fn load(sources: &Sources, path: &Path) -> Result<FileId, Diagnostics> {
    let name = display_path(path);
    let bytes = any_bytes(path).map_err(|reason| {
        let message = format!("cannot read `{name}`: {reason}");
        Diagnostic::error("file-unreadable", message)
    })?;
    load_bytes(sources, &name, bytes)
}

/// Reads a file that another file names, whatever is in it. Only regular files are opened: nobody
/// may be there to write into a pipe, and a device could go on for ever.
///
/// # Errors
/// Why not, as the end of `cannot read ..: `.
pub fn file_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let about = std::fs::metadata(path).map_err(|error| io_reason(&error))?;
    if !about.is_file() && !about.is_dir() {
        return Err("it is a pipe or a device, not a file".to_owned());
    }
    any_bytes(path)
}

/// Reads what a path names, a pipe too, up to the limit.
fn any_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let limit = Limits::DEFAULT.bytes;
    let too_large = |bytes: u64| {
        let (size, most) = (bytes >> 20, limit >> 20);
        format!("it has {size} MiB; at most {most} MiB are read")
    };
    let about = std::fs::metadata(path).map_err(|error| io_reason(&error))?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if about.len() > limit {
        return Err(too_large(about.len()));
    }
    let file = std::fs::File::open(path).map_err(|error| io_reason(&error))?;
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default());
    // What grows while it is read is cut off as well.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io_reason(&error))?;
    let read = bytes.len() as u64;
    if read > limit {
        return Err(too_large(read));
    }
    Ok(bytes)
}

/// Adds bytes that were read elsewhere (standard input, an archive) to the table.
///
/// # Errors
/// Too large, or no UTF-8.
pub fn load_bytes(sources: &Sources, name: &str, bytes: Vec<u8>) -> Result<FileId, Diagnostics> {
    let size = bytes.len() as u64;
    if size > Limits::DEFAULT.bytes {
        return Err(too_large(name, size, Limits::DEFAULT.bytes).into());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(sources.add(name, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            let file = sources.add(name, valid);
            Err(
                Diagnostic::error("invalid-utf8", format!("`{name}` is not UTF-8 text"))
                    .at(
                        Span::new(file, at, at),
                        "this byte is no part of a character",
                    )
                    .hint("save the file as UTF-8; binary data belongs in a Secret or `binaryData`")
                    .into(),
            )
        }
    }
}

/// Reads all documents of a source; one that is broken does not hide the next.
pub fn read_documents(
    sources: &Sources,
    file: FileId,
    options: &ReadOptions,
) -> Vec<Result<Document, Diagnostics>> {
    let Some(source) = sources.get(file) else {
        return Vec::new();
    };
    let bytes = source.text.len() as u64;
    if bytes > options.limits.bytes {
        return vec![Err(
            too_large(&source.name, bytes, options.limits.bytes).into()
        )];
    }
    read_text(&source.text, 0, file, options, Reader::QuickFirst)
}

/// Reads the first document of a part of a source, and nothing after it.
pub fn read_first(
    sources: &Sources,
    file: FileId,
    part: std::ops::Range<usize>,
    options: &ReadOptions,
) -> Option<Result<Document, Diagnostics>> {
    let source = sources.get(file)?;
    let text = source.text.get(..part.end)?;
    let documents = read_text(text, part.start, file, options, Reader::QuickFirst);
    documents.into_iter().next()
}

/// Who reads a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The quick reader, and the parser what that one leaves.
    QuickFirst,
    #[cfg(test)]
    ParserAlone,
}

fn read_text(
    whole: &str,
    from: usize,
    file: FileId,
    options: &ReadOptions,
    reader: Reader,
) -> Vec<Result<Document, Diagnostics>> {
    let mut documents = Vec::new();
    let text = &whole[from..];
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut skipped = whole.len() - text.len();
    let mut builder = Builder::new(file, whole, skipped, *options);
    if let Some((at, quirk)) = go_yaml::bad_start(text, options.dialect) {
        let fault = go_yaml::refusal(quirk, file, skipped + at);
        return vec![Err(fault.into())];
    }
    if reader == Reader::QuickFirst {
        skipped += quick::read(text, file, skipped, &mut builder, &mut documents);
        builder.skip(skipped);
    }
    let text = &whole[skipped..];
    if text.is_empty() {
        return documents;
    }
    let kept = documents.len();
    let settings = settings(options);
    let is_misplaced = parse(text, file, &settings, &mut builder, &mut documents);
    if is_misplaced && let Some((mended, insertions)) = go_yaml::mended(text, &settings) {
        documents.truncate(kept);
        builder.mended(insertions);
        parse(&mended, file, &settings, &mut builder, &mut documents);
    }
    documents
}

fn settings(options: &ReadOptions) -> granit_parser::Options {
    let mut settings = granit_parser::options! {
        flow_nesting_limit: options.limits.depth,
        block_nesting_limit: options.limits.depth
    };
    settings.set_emit_comments(false);
    settings
}

/// Reads documents with the parser. Returns whether it has refused a line of quoted text for its
/// indentation.
fn parse(
    text: &str,
    file: FileId,
    settings: &granit_parser::Options,
    builder: &mut Builder,
    documents: &mut Vec<Result<Document, Diagnostics>>,
) -> bool {
    let mut parser = Parser::new_from_str_with_options(text, settings.clone());
    let mut quirks = Quirks::of(text, builder.dialect());
    let mut is_misplaced = false;
    let mut broken_at = None;
    while let Some(event) = parser.next_event() {
        if let Ok((event, span)) = &event
            && let Some((at, quirk)) = quirks.pass(event, span)
        {
            builder.refuse(go_yaml::refusal(quirk, file, builder.place(at)));
        }
        match event {
            Ok((Event::StreamStart, _)) => {}
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::DocumentStart(_, _), span)) if documents.len() == MAX_DOCUMENTS => {
                let at = builder.span(&span);
                let message = format!("more than {MAX_DOCUMENTS} documents in one file");
                let fault = Diagnostic::error(TOO_MANY, message);
                documents.push(Err(fault.at(at, "").into()));
                break;
            }
            Ok((Event::DocumentStart(_, version), span)) => {
                let at = builder.span(&span);
                builder.start_document(version.map(|v| (v.major, v.minor)), at);
            }
            Ok((Event::DocumentEnd, _)) => documents.push(builder.finish_document()),
            Ok((event, span)) => builder.event(event, &span),
            Err(error) => {
                is_misplaced |= *error.kind() == ErrorKind::InvalidQuotedScalarIndent;
                documents.push(Err(scan_error(file, builder, &error).into()));
                builder.abandon_document();
                // Recovery must make progress, else one fault would be reported for ever.
                let at = error.marker().index();
                let next = parser.proceed_next_document();
                if broken_at.is_some_and(|before| before >= at) || !matches!(next, Ok(true)) {
                    break;
                }
                broken_at = Some(at);
            }
        }
    }
    is_misplaced
}

/// Reads all documents of a source; any fault fails the whole.
///
/// # Errors
/// Every fault of every document.
pub fn read_all(
    sources: &Sources,
    file: FileId,
    options: &ReadOptions,
) -> Result<Vec<Document>, Diagnostics> {
    let mut documents = Vec::new();
    let mut faults = Diagnostics::default();
    for document in read_documents(sources, file, options) {
        match document {
            Ok(document) => documents.push(document),
            Err(Diagnostics(items)) => faults.0.extend(items),
        }
    }
    if faults.0.is_empty() {
        Ok(documents)
    } else {
        Err(faults)
    }
}

/// Reads a text that must hold one document, for tests and for text inside other files.
///
/// # Errors
/// Every fault; more than one document is one. An empty text is null.
pub fn read_one(
    sources: &Sources,
    file: FileId,
    options: &ReadOptions,
) -> Result<Document, Diagnostics> {
    let mut documents = read_all(sources, file, options)?;
    documents.retain(|document| !document.root.is_null());
    match documents.len() {
        0 => Ok(Document {
            root: Node::null(Span::new(file, 0, 0)),
            duplicates: Vec::new(),
        }),
        1 => Ok(documents.remove(0)),
        n => Err(
            Diagnostic::error("one-document", format!("one document is expected, not {n}"))
                .at(documents[1].root.span, "the second document")
                .into(),
        ),
    }
}

fn too_large(name: &str, bytes: u64, limit: u64) -> Diagnostic {
    Diagnostic::error(
        "file-too-large",
        format!(
            "`{name}` has {} MiB; at most {} MiB are read",
            bytes >> 20,
            limit >> 20
        ),
    )
}

fn scan_error(file: FileId, builder: &Builder, error: &ScanError) -> Diagnostic {
    let at = builder.place(error.marker().byte_offset().unwrap_or_default());
    Diagnostic::error("yaml-syntax", format!("not YAML: {}", error.info()))
        .at(Span::new(file, at, at + 1), "")
}

/// The operating system's reason in a person's words.
pub fn io_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of the path is a file".to_owned(),
        _ => {
            let text = error.to_string();
            let words = text.split(" (os error").next().unwrap_or_default();
            match words {
                "Too many levels of symbolic links" => {
                    "its symbolic links go in a circle".to_owned()
                }
                words => words.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::emit::emit;
    use crate::manifest::json::to_json;

    /// What the quick reader makes of a text is what the parser's events make of it, positions
    /// included.
    #[track_caller]
    fn read_alike(text: &str) {
        let file = Sources::new().add("in.yaml", "");
        for options in [
            ReadOptions::kubectl(),
            ReadOptions::kustomize_resource(),
            ReadOptions::kustomize_patch(),
        ] {
            let quick = read_text(text, 0, file, &options, Reader::QuickFirst);
            let slow = read_text(text, 0, file, &options, Reader::ParserAlone);
            assert_eq!(format!("{quick:#?}"), format!("{slow:#?}"), "{text}");
        }
    }

    #[test]
    fn the_quick_reader_and_the_parser_read_alike() {
        for text in [
            "",
            "# only\n",
            "---\n---\n",
            "a: 1\n---\nb: 2\n...\n---\n# none\n---\n- c\n",
            "\n--- # x\na:\n  # c\n  b:\n  # d\nc: 1\n---\n---\nx",
            "list:\n- - p\n  - q\n- x: 1\n  y:   # c\n\n    z: \"q\"   # c\n  e:\n\nn: {}\n",
            "a:\n  - x\n  - k: v\n    l:\n    - m\n  - - y\n    - z\nb:\n  c: 1\n",
            "t: |\n  l1\n   l2\n\n\nu: |-\n  x\n\n  y\nv:\n  w: |+\n    z\n\n  # c\n",
            "- |\n  a\n- >-\n  a\n  b\n\n\n  c\n\n- >+\n  d\n\n",
            "s: >\n  a\n   b\n  c\nt: |2\n   x\nu: |\n\n  y\n",
            "k: 'it''s' # c\n\"q\": \"a\\n\\\"\\t\\\\ é\"\n'r': \"\\u00e9\"\n",
            "f: {a: b, \"c\": [d, -1, a:b, \"e\"], g: , h: {}}\ng: [a b, c]\nh: {x: [1, 2], y: }\n",
            "a: b\n  c\n",
            "a: b: c\n",
            "a: - b\n",
            "a:\n\tb: 1\n",
            "a: \"x\n  y\"\n",
            "a: &x b\nc: *x\nd: !!str 1\n<<: {e: f}\n",
            "- a\n b\n",
            "- a: 1\n b: 2\n",
            "a:\n  b: 1\n c: 2\n",
            "a: 1\n- b\n",
            "a: -\nb: --x\nc: ...\nd: ---\ne: a#b\nf: a #b\n",
            "a : 1\n? b\n: c\n",
            "a: 1\na: 2\n",
            "1: a\ntrue: b\n",
            "x: [a, b\n  c]\ny: [a, ]\nz: {a, b}\n",
            "x: @a\n",
            "x: \u{a0}a\u{2028}b\n",
            "x: a\r\ny: b\r\n",
            "a: |\n  no end",
            "\u{feff}a: 1\n",
            "%YAML 1.1\n---\na: 1\n",
            "  a: 1\n  b: 2\n",
            "a: 1\n---\nb: [\n---\nc: 3\n",
        ] {
            read_alike(text);
        }
        let deep = (0..100).map(|n| format!("{}a:\n", " ".repeat(n)));
        read_alike(&deep.collect::<String>());
    }

    #[test]
    fn what_once_was_read_otherwise_is_read_alike() {
        for text in ["k: v\n... \"d\"\na: b\n", "---\n...\n", "---\n... x\n"] {
            read_alike(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_read_alike(
            parts in proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 0..40),
        ) {
            read_alike(&parts.concat());
        }
    }

    /// What most YAML is made of, and what is hard to read.
    const PARTS: &[&str] = &[
        "a", "b: ", "c:", "- ", "-", "  ", "    ", "\n", "\n", "\n  ", "\n- ", "---\n", "# c",
        " #", "1", "'q'", "\"d\"", "{", "}", "[", "]", ", ", "|", ">-", "|+\n", "\t", "é", ":",
        "k: v\n", "  - x\n", "&a ", "*a", "~", "...",
    ];

    fn read(text: &str, options: &ReadOptions) -> Result<Vec<Document>, Diagnostics> {
        let sources = Sources::new();
        let file = sources.add("in.yaml", text);
        read_all(&sources, file, options)
    }

    fn kubectl(text: &str) -> String {
        let documents = read(text, &ReadOptions::kubectl()).unwrap();
        to_json(&documents[0].root).to_string()
    }

    #[track_caller]
    fn refused(text: &str, options: &ReadOptions, rule: &str) {
        let faults = read(text, options).expect_err(text);
        assert_eq!(faults.0[0].rule, rule, "{faults}");
        assert!(faults.0[0].primary.is_some(), "{faults} has no position");
    }

    #[test]
    fn keys_become_strings_under_kubectl() {
        assert_eq!(
            kubectl("on: 1\ny: 2\nno: 3\n1: 4\n1.5: 5\n0644: 6"),
            r#"{"true":2,"false":3,"1":4,"1.5":5,"420":6}"#
        );
        refused("~: 1", &ReadOptions::kubectl(), "yaml-key");
        refused("{a: 1}: 1\nb: 2", &ReadOptions::kubectl(), "yaml-key");
        // The keys of an object itself become texts there too.
        refused("a: {1: a}", &ReadOptions::kustomize_resource(), "yaml-key");
    }

    #[test]
    fn of_equal_keys_the_reader_s_tool_decides() {
        let text = "a: 1\nb:\n- c: 1\n  c: 2\na: 3";
        assert_eq!(kubectl(text), r#"{"a":3,"b":[{"c":2}]}"#);
        let documents = read(text, &ReadOptions::kubectl()).unwrap();
        let found: Vec<_> = documents[0]
            .duplicates
            .iter()
            .map(|d| (d.path.as_str(), d.key.as_str()))
            .collect();
        assert_eq!(found, [("b[0]", "c"), ("", "a")]);
        let patch = read(text, &ReadOptions::kustomize_patch()).unwrap();
        assert_eq!(
            to_json(&patch[0].root).to_string(),
            r#"{"a":1,"b":[{"c":1}]}"#
        );
        refused(text, &ReadOptions::kustomize_resource(), "duplicate-key");
    }

    #[test]
    fn anchors_and_merge_keys_expand() {
        assert_eq!(
            kubectl("a: &a {x: 1, w: 2}\nb: {<<: *a, w: 3}\nc: {<<: [{x: 9}, *a], z: *a}"),
            r#"{"a":{"x":1,"w":2},"b":{"w":3,"x":1},"c":{"z":{"x":1,"w":2},"x":9,"w":2}}"#
        );
        assert_eq!(kubectl("\"<<\": 1"), r#"{"<<":1}"#);
        let kustomize = read("\"<<\": 1\na: 2", &ReadOptions::kustomize_resource()).unwrap();
        assert_eq!(to_json(&kustomize[0].root).to_string(), r#"{"a":2}"#);
        refused("a: {<<: 1}", &ReadOptions::kubectl(), "yaml-merge");
        refused("a: &a [*a]", &ReadOptions::kubectl(), "yaml-alias");
        refused("a: *nobody", &ReadOptions::kubectl(), "yaml-syntax");
    }

    #[test]
    fn tags_are_honoured() {
        assert_eq!(
            kubectl(
                "a: !!str 5\nb: !!int \"5\"\nc: !!binary aGVsbG8=\nd: !x y\ne: ! 1\nf: !!float 1"
            ),
            r#"{"a":"5","b":5,"c":"hello","d":true,"e":"1","f":1}"#
        );
        for text in [
            "!!null x",
            "!!int x",
            "!!int 1.5",
            "!!timestamp x",
            "!!bool 1",
        ] {
            refused(&format!("a: {text}"), &ReadOptions::kubectl(), "yaml-tag");
        }
        let kubectl = read("a: !!bool yes", &ReadOptions::kubectl());
        assert!(kubectl.is_ok());
        refused(
            "a: !!bool yes",
            &ReadOptions::kustomize_resource(),
            "yaml-tag",
        );
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let sources = Sources::new();
        let file = sources.add("in.yaml", "a: 1\n---\nb: [\n---\nc: 3\n---\nd: .inf\n");
        let documents = read_documents(&sources, file, &ReadOptions::kubectl());
        let shape: Vec<_> = documents.iter().map(Result::is_ok).collect();
        assert_eq!(shape, [true, false, true, false]);
        let Err(faults) = &documents[1] else { panic!() };
        let at = faults.0[0].primary.as_ref().unwrap().span;
        assert!(
            sources.locate(at).starts_with("in.yaml:"),
            "{}",
            sources.locate(at)
        );
    }

    #[test]
    fn hostile_input_is_refused_with_a_position() {
        let deep = "[".repeat(100_000);
        refused(&deep, &ReadOptions::kubectl(), "yaml-syntax");
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let alias = format!("*a{}", n - 1);
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![alias; 10].join(", ")));
        }
        refused(&bomb, &ReadOptions::kubectl(), "yaml-alias");
        let mut chain = String::from("a0: &a0 [x]\n");
        for n in 1..600 {
            chain.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
        }
        refused(&chain, &ReadOptions::kubectl(), "yaml-depth");
        refused(
            "%YAML 1.2\n---\na: 1",
            &ReadOptions::kubectl(),
            "yaml-version",
        );
        refused("a: @b", &ReadOptions::kubectl(), "yaml-syntax");
        refused("a:\n\t- b", &ReadOptions::kubectl(), "yaml-syntax");
    }

    #[test]
    fn spans_cover_what_was_written() {
        let text = "\u{feff}metadata:\n  name: \"web\"\n";
        let sources = Sources::new();
        let file = sources.add("in.yaml", text);
        let root = read_one(&sources, file, &ReadOptions::kubectl())
            .unwrap()
            .root;
        let name = root.at(&["metadata", "name"]).unwrap();
        let source = sources.get(file).unwrap();
        assert_eq!(&source.text[name.span.range()], "\"web\"");
        assert_eq!(emit(&root), "metadata:\n  name: web\n");
    }

    #[test]
    fn files_that_cannot_be_read_say_why() {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::new();
        let missing = load(&sources, &folder.path().join("none.yaml")).unwrap_err();
        assert!(
            missing
                .to_string()
                .ends_with("none.yaml`: no such file or folder"),
            "{missing}"
        );
        let bad = folder.path().join("bad.yaml");
        std::fs::write(&bad, b"a: \xff\n").unwrap();
        let faults = load(&sources, &bad).unwrap_err();
        let span = faults.0[0].primary.as_ref().unwrap().span;
        assert!(sources.locate(span).ends_with("bad.yaml:1:4"));
    }
}
