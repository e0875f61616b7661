//! Reads what was typed: which words are sources, and which say what to set.

use std::path::{Path, PathBuf};

use super::super::CommandError;
use super::{CommonArgs, What};
use crate::edit::{self, ImageChange, Reach, Request, TextChange};
use crate::manifest::names::is_dns_label;
use crate::report;

/// Reads what was typed: the sources, and what to change in them.
pub(super) fn resolve(what: What) -> Result<(Vec<PathBuf>, Request, CommonArgs), CommandError> {
    match what {
        What::Image(args) => {
            let tag = args.version.tag()?;
            let (paths, words) = split(&args.args, |word| Path::new(word).exists());
            let mut changes = Vec::new();
            for word in &words {
                changes.push(image(word, tag.as_deref())?);
            }
            let request = Request::Images(some(changes, "NAME=REF", &args.args)?);
            Ok((paths, request, args.common))
        }
        What::Tag(args) => {
            let tag = args.version.tag()?;
            let (paths, changes) = tags(&args.args, tag.as_deref())?;
            Ok((paths, Request::Images(changes), args.common))
        }
        What::Replicas(args) => {
            let (paths, words) = split(&args.args, |word| Path::new(word).exists());
            let counts = read(&words, edit::parse_replicas)?;
            let counts = some(counts, "NAME=NUMBER", &args.args)?;
            Ok((paths, Request::Replicas(counts), args.common))
        }
        What::Namespace(args) => {
            let (paths, namespace) = last(&args.args);
            if !is_dns_label(namespace) {
                let message = format!("`{namespace}` is no name of a namespace");
                return Err(CommandError::usage(message).hint("the namespace goes last"));
            }
            Ok((paths, Request::Namespace(namespace.to_owned()), args.common))
        }
        What::Label(args) => {
            let (paths, changes) = texts(&args.args, true)?;
            let reach = match (args.include_selectors, args.include_templates) {
                (true, _) => Reach::Selectors,
                (_, true) => Reach::Templates,
                _ => Reach::Metadata,
            };
            Ok((paths, Request::Labels(changes, reach), args.common))
        }
        What::Annotation(args) => {
            let (paths, changes) = texts(&args.args, false)?;
            Ok((paths, Request::Annotations(changes), args.common))
        }
    }
}

/// Tells sources from assignments: what has an equals sign is no source, else what exists is one.
fn split(args: &[String], is_path: impl Fn(&str) -> bool) -> (Vec<PathBuf>, Vec<String>) {
    let is_source = |word: &&String| {
        let in_folder = word.starts_with("./") || word.starts_with('/');
        (!word.contains('=') || in_folder) && is_path(word)
    };
    let (paths, words): (Vec<&String>, Vec<&String>) = args.iter().partition(is_source);
    let words = words.into_iter().cloned().collect();
    (
        or_here(paths.into_iter().map(PathBuf::from).collect()),
        words,
    )
}

/// The sources and the last word.
fn last(args: &[String]) -> (Vec<PathBuf>, &str) {
    let (last, paths) = args
        .split_last()
        .map_or(("", &[][..]), |(last, paths)| (last.as_str(), paths));
    (or_here(paths.iter().map(PathBuf::from).collect()), last)
}

fn or_here(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    if paths.is_empty() {
        vec![PathBuf::from(".")]
    } else {
        paths
    }
}

/// Reads `NAME=REF`, with the tag of a version file where there is one.
fn image(word: &str, tag: Option<&str>) -> Result<ImageChange, CommandError> {
    let missing = |reason: String| {
        let is_path = !word.contains('=') && word.contains('/') && !word.contains(':');
        let fault = CommandError::usage(reason);
        if is_path {
            fault.hint(format!("there is no file or folder `{word}`"))
        } else {
            fault.hint("write NAME=REF, for example web=registry.example.com/web:1.2.3")
        }
    };
    let Some(tag) = tag else {
        return ImageChange::parse(word).map_err(missing);
    };
    // With a version file, NAME alone and NAME=REPOSITORY are whole.
    let with_tag = if word.contains('=') {
        format!("{word}:{tag}")
    } else {
        format!("{word}=*:{tag}")
    };
    ImageChange::parse(&with_tag).map_err(missing)
}

/// Reads the arguments of `set tag`.
fn tags(
    args: &[String],
    tag: Option<&str>,
) -> Result<(Vec<PathBuf>, Vec<ImageChange>), CommandError> {
    let usage = |reason: String| {
        CommandError::usage(reason).hint("write NAME=TAG, or one TAG for every image")
    };
    let change = |word: &str| ImageChange::parse_tag(word).map_err(usage);
    if let Some(tag) = tag {
        let (paths, names) = split(args, |word| Path::new(word).exists());
        let mut changes = Vec::new();
        for name in &names {
            changes.push(change(&format!("{name}={tag}"))?);
        }
        if changes.is_empty() {
            changes.push(change(tag)?);
        }
        return Ok((paths, changes));
    }
    if !args.iter().any(|word| word.contains('=')) {
        let (paths, tag) = last(args);
        return Ok((paths, vec![change(tag)?]));
    }
    let (paths, words) = split(args, |_| true);
    let words: Result<Vec<ImageChange>, CommandError> =
        words.iter().map(|word| change(word)).collect();
    Ok((paths, words?))
}

fn texts(args: &[String], is_label: bool) -> Result<(Vec<PathBuf>, Vec<TextChange>), CommandError> {
    let (paths, words) = split(args, |word| Path::new(word).exists());
    let changes = read(&words, |word| edit::parse_text(word, is_label))?;
    Ok((paths, some(changes, "KEY=VALUE", args)?))
}

fn read<T>(
    words: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, CommandError> {
    let read = words.iter().map(|word| {
        parse(word).map_err(|reason| {
            let fault = CommandError::usage(reason);
            if word.contains('/') && !word.contains('=') {
                fault.hint(format!("there is no file or folder `{word}`"))
            } else {
                fault
            }
        })
    });
    read.collect()
}

fn some<T>(changes: Vec<T>, form: &str, args: &[String]) -> Result<Vec<T>, CommandError> {
    if changes.is_empty() {
        let message = format!("what is to be set in {}?", report::ticked(args));
        return Err(CommandError::usage(message).hint(format!("add {form}")));
    }
    Ok(changes)
}
