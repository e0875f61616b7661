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
/// `REV...` means the commit where the branches of `REV` and of `HEAD` parted, so that what
/// others have added to `REV` since then does not count.
///
/// # Errors
/// git is missing, the folder is in no repository, or there is no such revision.
pub fn changed_since(folder: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, GitError> {
    let top = top(folder)?;
    let commit = commit(&top, revision)?;
    let differing = [
        "diff",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "-z",
        "--end-of-options",
        &commit,
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

/// The folder of the repository around a folder, by its true path.
///
/// # Errors
/// git is missing, or the folder is in no repository.
pub fn top(folder: &Path) -> Result<PathBuf, GitError> {
    let top = ask(folder, &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(String::from_utf8_lossy(&top).trim_end()))
}

/// Writes all files of a revision into a folder. The repository, its index and its working tree
/// stay as they are.
///
/// # Errors
/// git is missing, there is no such revision, or the folder cannot be written to.
pub fn check_out(top: &Path, revision: &str, into: &Path) -> Result<(), GitError> {
    let commit = commit(top, revision)?;
    let index = tempfile::NamedTempFile::new()?.into_temp_path();
    // git wants to make the file itself.
    std::fs::remove_file(&index)?;
    let prefix = format!("--prefix={}/", into.display());
    for args in [
        &["read-tree", &commit][..],
        &["checkout-index", "--all", "--quiet", &prefix],
    ] {
        let mut command = command(top, args);
        answer(command.env("GIT_INDEX_FILE", &index))?;
    }
    Ok(())
}

/// A revision of a repository as files.
pub struct Tree {
    /// The repository.
    top: PathBuf,
    /// Where its files lie.
    files: PathBuf,
}

impl Tree {
    /// Writes all files of a revision into an empty folder, as [`check_out`] does.
    ///
    /// # Errors
    /// As [`check_out`], and the folder asked about is in no repository.
    pub fn check_out(folder: &Path, revision: &str, into: &Path) -> Result<Self, GitError> {
        let top = top(folder)?;
        check_out(&top, revision, into)?;
        Ok(Self {
            top,
            files: into.to_path_buf(),
        })
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

/// The commit that a revision names.
fn commit(top: &Path, revision: &str) -> Result<String, GitError> {
    let parted = revision
        .strip_suffix("...HEAD")
        .or_else(|| revision.strip_suffix("..."));
    let name = format!("{}^{{commit}}", parted.unwrap_or(revision));
    let verify = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &name,
    ];
    let found = ask(top, &verify).map_err(|error| match error {
        GitError::Refused(_) => GitError::Refused(format!("there is no revision `{revision}`")),
        missing @ GitError::Missing(_) => missing,
    })?;
    let commit = String::from_utf8_lossy(&found).trim().to_owned();
    if parted.is_none() {
        return Ok(commit);
    }
    let base = ask(top, &["merge-base", &commit, "HEAD"]).map_err(|error| match error {
        GitError::Refused(words) if words.is_empty() => GitError::Refused(format!(
            "HEAD and `{}` have no commit in common; a shallow clone may lack it",
            parted.unwrap_or_default()
        )),
        other => other,
    })?;
    Ok(String::from_utf8_lossy(&base).trim().to_owned())
}

fn ask<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Result<Vec<u8>, GitError> {
    answer(&mut command(folder, args))
}

fn command<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args);
    command
}

fn answer(command: &mut Command) -> Result<Vec<u8>, GitError> {
    let output = command.output()?;
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
        let old = tempfile::tempdir().unwrap();
        check_out(&root, "HEAD~1", old.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(old.path().join("changed")).unwrap(),
            "1"
        );
        assert!(old.path().join("deleted").exists() && !old.path().join("new").exists());
        assert_eq!(changed_since(&root, "HEAD").unwrap(), BTreeSet::new());
        // What others add to a branch after it parted does not count.
        git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
        write("theirs", "1");
        git(&["add", "."]);
        git(&["commit", "-qm", "theirs"]);
        git(&["checkout", "-q", "-"]);
        assert!(
            changed_since(&root, "other")
                .unwrap()
                .contains(&root.join("theirs"))
        );
        for form in ["other...", "other...HEAD"] {
            assert_eq!(changed_since(&root, form).unwrap().len(), 4, "{form}");
        }
        let nowhere = tempfile::tempdir().unwrap();
        let error = changed_since(nowhere.path(), "HEAD").unwrap_err();
        assert!(
            error.to_string().contains("not a git repository"),
            "{error}"
        );
    }
}
