//! What git says of the working tree. The `git` of the machine is asked, as people do.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git to ask.
    #[error("cannot run git: {0}")]
    Missing(#[from] std::io::Error),
    /// git refused, in its own words.
    #[error("git says: {0}")]
    Refused(String),
}

/// Lists the files of the repository around a folder that differ from a revision: changed, added,
/// deleted, and new ones that git does not know yet and does not ignore. Absolute paths.
///
/// # Errors
/// git is missing, the folder is in no repository, or there is no such revision.
pub fn changed_since(folder: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, GitError> {
    let top = top(folder)?;
    verified(&top, revision)?;
    let differing = [
        "diff",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "-z",
        "--end-of-options",
        revision,
        "--",
    ];
    let mut names = ask(&top, &differing)?;
    names.extend(ask(
        &top,
        &["ls-files", "--others", "--exclude-standard", "-z"],
    )?);
    let names = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    Ok(names
        .map(|name| top.join(String::from_utf8_lossy(name).as_ref()))
        .collect())
}

/// The folder of the repository that another folder lies in; an absolute path, links followed.
///
/// # Errors
/// git is missing, or the folder is in no repository.
pub fn top(folder: &Path) -> Result<PathBuf, GitError> {
    let top = ask(folder, &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(String::from_utf8_lossy(&top).trim_end()))
}

/// A revision of a repository as files.
pub struct Tree {
    /// The repository.
    top: PathBuf,
    /// Where its files lie.
    files: PathBuf,
}

impl Tree {
    /// Writes all files of a revision into an empty folder; the repository and its index stay as
    /// they are.
    ///
    /// # Errors
    /// git is missing, the folder is in no repository, or there is no such revision.
    pub fn check_out(folder: &Path, revision: &str, into: &Path) -> Result<Self, GitError> {
        let top = top(folder)?;
        let commit = verified(&top, revision)?;
        let index = into.join("index");
        let files = into.join("files");
        let prefix = format!("--prefix={}/", files.display());
        run(&top, &["read-tree", &commit], Some(&index))?;
        run(&top, &["checkout-index", "--all", &prefix], Some(&index))?;
        Ok(Self { top, files })
    }

    /// Where a path of the working tree lies in the revision, whether it is there or not.
    pub fn path_of(&self, path: &Path) -> PathBuf {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        match real.strip_prefix(&self.top) {
            Ok(below) => self.files.join(below),
            Err(_) => self.files.join(path),
        }
    }
}

/// The commit of a revision.
fn verified(top: &Path, revision: &str) -> Result<String, GitError> {
    let commit = format!("{revision}^{{commit}}");
    let args = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &commit,
    ];
    match ask(top, &args) {
        Ok(commit) => Ok(String::from_utf8_lossy(&commit).trim_end().to_owned()),
        Err(GitError::Refused(_)) => Err(GitError::Refused(format!(
            "there is no revision `{revision}`"
        ))),
        Err(missing) => Err(missing),
    }
}

fn ask<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Result<Vec<u8>, GitError> {
    run(folder, args, None)
}

/// Runs git, perhaps with an index of its own.
fn run<S: AsRef<OsStr>>(
    folder: &Path,
    args: &[S],
    index: Option<&Path>,
) -> Result<Vec<u8>, GitError> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(args);
    if let Some(index) = index {
        git.env("GIT_INDEX_FILE", index);
    }
    let output = git.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(GitError::Refused(words.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_added_deleted_and_new_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
        let git = |args: &[&str]| {
            let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
            ask(&root, &[&identity[..], args].concat()).unwrap()
        };
        git(&["init", "-q"]);
        for name in ["same", "changed", "deleted", "ä b"] {
            write(name, "1");
        }
        write(".gitignore", "ignored\n");
        git(&["add", "."]);
        git(&["commit", "-qm", "one"]);
        write("changed", "2");
        write("ä b", "2");
        write("new", "1");
        write("ignored", "1");
        std::fs::remove_file(root.join("deleted")).unwrap();
        let found = changed_since(&root, "HEAD").unwrap();
        let wanted = ["changed", "deleted", "new", "ä b"].map(|name| root.join(name));
        assert_eq!(found, wanted.into_iter().collect());
        git(&["add", "."]);
        git(&["commit", "-qm", "two"]);
        assert_eq!(changed_since(&root, "HEAD").unwrap(), BTreeSet::new());
        assert_eq!(changed_since(&root, "HEAD~1").unwrap().len(), 4);
        for revision in ["none", "--output=x"] {
            let error = changed_since(&root, revision).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("git says: there is no revision `{revision}`")
            );
        }
        let nowhere = tempfile::tempdir().unwrap();
        let error = changed_since(nowhere.path(), "HEAD").unwrap_err();
        assert!(
            error.to_string().contains("not a git repository"),
            "{error}"
        );
    }
}
