//! What a kustomization names by URL: git repositories, fetched with the user's own git, and files
//! over HTTP. Each is fetched once for a run, and gone when the run ends.
//!
//! Nothing here touches the network unless [`Outside::remote`](super::outside::Outside) is given.

mod git;
mod http;
pub(crate) mod repo_spec;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use self::repo_spec::RepoSpec;
use super::decode::Text;
use super::load::{Dir, lock};
use super::outside::{Outside, Remote};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, FileId};

/// Something that is made once, whoever asks first.
type Once<T> = Arc<OnceLock<Result<T, Box<Diagnostic>>>>;

/// Address, reference, and whether submodules are wanted.
type CloneKey = (String, String, bool);

/// What a run has fetched.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    files: Mutex<HashMap<String, Once<Arc<[u8]>>>>,
    clones: Mutex<HashMap<CloneKey, Once<Arc<git::Clone>>>>,
    pub(crate) texts: Mutex<HashMap<String, FileId>>,
}

/// The repository that a directory lies in.
#[derive(Debug)]
pub(crate) struct Repository {
    /// The address as a kustomization names it.
    raw: String,
    clone: Arc<git::Clone>,
}

impl Repository {
    /// The folder of the clone.
    pub(crate) fn root(&self) -> &Path {
        &self.clone.root
    }
}

/// Whether an entry names a file over HTTP.
pub(crate) fn is_http(entry: &str) -> bool {
    let scheme = entry.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

/// Whether an entry names something that is not on this machine.
pub(crate) fn is_remote(entry: &str) -> bool {
    is_http(entry) || entry.starts_with("gh:") || RepoSpec::parse(entry).is_ok()
}

/// Downloads a file.
///
/// # Errors
/// The network is not allowed, or there is no such file.
pub(crate) fn file(
    fetched: &Fetched,
    outside: &Outside,
    entry: &Text,
) -> Result<Arc<[u8]>, Diagnostic> {
    let remote = allowed(outside, entry)?;
    let url = entry.value.as_str();
    let slot = Arc::clone(lock(&fetched.files).entry(url.to_owned()).or_default());
    let result = slot.get_or_init(|| {
        http::get(remote, url).map(Arc::from).map_err(|reason| {
            let message = format!("cannot download `{url}`: {reason}");
            Box::new(Diagnostic::error("remote-file", message))
        })
    });
    result
        .clone()
        .map_err(|fault| fault.at(entry.span, "named here"))
}

/// Opens a directory in a repository, which is cloned first.
///
/// # Errors
/// The network is not allowed, git fails, or there is no such directory.
pub(crate) fn directory(
    fetched: &Fetched,
    outside: &Outside,
    entry: &Text,
    ancestors: &[&Dir],
) -> Result<Dir, Diagnostic> {
    let remote = allowed(outside, entry)?;
    let fail = |rule: &'static str, message: String| {
        Diagnostic::error(rule, message).at(entry.span, "named here")
    };
    let spec = RepoSpec::parse(&entry.value).map_err(|reason| {
        let message = format!("`{}` is no address of a repository: {reason}", entry.value);
        fail("remote-address", message)
            .hint("write it as https://HOST/OWNER/REPOSITORY//FOLDER?ref=TAG")
    })?;
    let is_cycle = |dir: &Dir| {
        let repository = dir.repository.as_ref();
        repository.is_some_and(|repository| repository.raw.starts_with(&spec.raw))
    };
    if let Some(dir) = ancestors.iter().find(|dir| is_cycle(dir)) {
        let message = format!(
            "`{}` is named by `{}`, which comes from it",
            entry.value,
            display_path(&dir.shown)
        );
        return Err(fail("cycle", message));
    }
    let key = (spec.address(), spec.reference.clone(), spec.submodules);
    let slot = Arc::clone(lock(&fetched.clones).entry(key).or_default());
    let clone = slot.get_or_init(|| git::clone(remote, outside.notify, &spec).map(Arc::new));
    let clone = clone
        .clone()
        .map_err(|fault| fault.at(entry.span, "named here"))?;
    let shown = PathBuf::from(spec.shown());
    let name = display_path(&shown);
    let real = std::fs::canonicalize(clone.root.join(&spec.path))
        .map_err(|_| fail("no-kustomization", format!("there is no folder `{name}`")))?;
    if !real.starts_with(&clone.root) {
        let message = format!("`{name}` leads out of its repository");
        return Err(fail("outside-root", message));
    }
    if !real.is_dir() {
        return Err(fail(
            "no-kustomization",
            format!("`{name}` is a file, not a folder"),
        ));
    }
    Ok(Dir {
        real: Arc::from(real),
        shown,
        repository: Some(Arc::new(Repository {
            raw: spec.raw.clone(),
            clone,
        })),
    })
}

/// What is remote, where it may be fetched.
fn allowed<'o>(outside: &'o Outside, entry: &Text) -> Result<&'o Remote, Diagnostic> {
    outside.remote.as_ref().ok_or_else(|| {
        let message = format!("`{}` is not on this machine", entry.value);
        Diagnostic::error("remote-resource", message)
            .at(entry.span, "nothing is fetched unasked")
            .hint("allow it with --allow-remote, or copy it into the repository and name the copy")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remote_is_known_by_its_form() {
        for entry in [
            "https://example.com/a.yaml",
            "git@github.com:a/b",
            "github.com/a/b?ref=v1",
            "ssh://git@example.com/a/b",
            "file:///srv/repo",
            "gh:a/b",
        ] {
            assert!(is_remote(entry), "{entry}");
        }
        for entry in ["../base", "a.yaml", "./github", "src/github.com/a/b/c"] {
            assert!(!is_remote(entry), "{entry}");
        }
    }
}
