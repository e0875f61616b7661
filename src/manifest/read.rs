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
mod tests;
