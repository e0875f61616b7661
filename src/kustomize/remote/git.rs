//! Clones with the user's own git, call for call as kustomize 5.8.1 makes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::repo_spec::RepoSpec;
use crate::kustomize::outside::Remote;
use crate::manifest::Diagnostic;
use crate::manifest::read::io_reason;
use crate::process::{self, Call, Failure, Stderr};

/// A clone in a folder of its own, which goes with it.
#[derive(Debug)]
pub(super) struct Clone {
    /// The true path of the folder.
    pub(super) root: PathBuf,
    _folder: TempDir,
}

/// Fetches one commit of a repository.
///
/// # Errors
/// There is no git, no such repository or commit, or it takes longer than the address allows.
pub(super) fn clone(
    remote: &Remote,
    notify: Option<fn(&str)>,
    spec: &RepoSpec,
) -> Result<Clone, Box<Diagnostic>> {
    if spec.reference.starts_with('-') {
        // git would take it for an option.
        let message = format!("`{}` is no branch, tag or commit", spec.reference);
        return Err(Box::new(Diagnostic::error("remote-git", message)));
    }
    let unusable = |error: &std::io::Error| {
        let message = format!("cannot make a folder for a clone: {}", io_reason(error));
        Box::new(Diagnostic::error("remote-git", message))
    };
    let folder = tempfile::Builder::new()
        .prefix("deployx-clone-")
        .tempdir()
        .map_err(|error| unusable(&error))?;
    let root = folder
        .path()
        .canonicalize()
        .map_err(|error| unusable(&error))?;
    let address = spec.address();
    let reference = if spec.reference.is_empty() {
        "HEAD"
    } else {
        &spec.reference
    };
    let mut calls = vec![
        vec!["init"],
        // Submodules with relative addresses need an origin.
        vec!["remote", "add", "origin", &address],
        vec!["fetch", "--depth=1", &address, reference],
        vec!["checkout", "FETCH_HEAD"],
    ];
    if spec.submodules {
        calls.push(vec!["submodule", "update", "--init", "--recursive"]);
    }
    for args in calls {
        git(remote, notify, spec, &root, &args)?;
    }
    Ok(Clone {
        root,
        _folder: folder,
    })
}

fn git(
    remote: &Remote,
    notify: Option<fn(&str)>,
    spec: &RepoSpec,
    folder: &Path,
    args: &[&str],
) -> Result<(), Box<Diagnostic>> {
    let line = format!("git {}", args.join(" "));
    let call = Call {
        name: &format!("`{line}`"),
        input: &[],
        stderr: Stderr::Capture,
        timeout: Some(spec.timeout),
        notify,
    };
    let mut command = Command::new(&remote.git);
    command.args(args).current_dir(folder);
    // Those of a hook that runs us would make git work on another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let fault = |message: String| Diagnostic::error("remote-git", message);
    match process::run(&mut command, &call) {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => {
            let fault = fault(format!("cannot fetch `{}`", spec.raw));
            let words = done.words();
            let said = words.lines().rev().find(|line| !line.trim().is_empty());
            let fault = fault.note(format!("`{line}` failed: {}", process::indented(&words)));
            Err(Box::new(match said {
                Some(said) if said.contains("couldn't find remote ref") => {
                    fault.hint("name a branch, a tag or a whole commit behind `?ref=`")
                }
                _ => fault,
            }))
        }
        Err(Failure::NotStarted(reason)) => {
            let message = format!("cannot run git for `{}`: {reason}", spec.raw);
            Err(Box::new(fault(message)))
        }
        Err(failure @ Failure::TimedOut(_)) => {
            let fault = fault(format!("cannot fetch `{}`: {failure}", spec.raw));
            Err(Box::new(fault.note(format!("in `{line}`")).hint(
                "give it more time: `&timeout=120s` behind the address",
            )))
        }
        Err(failure) => Err(Box::new(fault(format!(
            "cannot fetch `{}`: {failure}",
            spec.raw
        )))),
    }
}
