//! Files before and after an edit, and how they are written.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::draft::Draft;
use crate::manifest::Diagnostic;
use crate::manifest::read::io_reason;
use crate::manifest::source::display_path;

/// A file that an edit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// The path as messages show it.
    pub path: PathBuf,
    /// Its text on disk.
    pub before: String,
    /// Its new text.
    pub after: String,
    /// Line of the new text (from 1) and words of each change.
    pub changes: Vec<(usize, String)>,
}

/// A file that is being edited.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    before: String,
    pub(super) draft: Draft,
}

impl OpenFile {
    /// Reads a file for editing.
    ///
    /// # Errors
    /// It cannot be read, or is no YAML.
    pub(super) fn read(path: &Path) -> Result<Self, Diagnostic> {
        let name = display_path(path);
        let before = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read `{name}`: {}", io_reason(&error));
            Diagnostic::error("file-unreadable", message)
        })?;
        let draft = Draft::new(&name, &before)?;
        Ok(Self {
            path: path.to_path_buf(),
            before,
            draft,
        })
    }

    /// Ends the edit. `None` where nothing changed.
    ///
    /// # Errors
    /// The edit would change more than it should.
    pub(super) fn finish(self) -> Result<Option<FileEdit>, Diagnostic> {
        let edited = self.draft.finish()?;
        Ok((edited.text != self.before).then_some(FileEdit {
            path: self.path,
            before: self.before,
            after: edited.text,
            changes: edited.changes,
        }))
    }
}

/// Writes a file in one step: whoever reads it sees the old text or the new one. A symbolic link
/// stays one, and the file keeps its permissions.
///
/// # Errors
/// The file was changed since it was read, or cannot be written.
pub fn write(edit: &FileEdit) -> Result<(), Diagnostic> {
    let name = display_path(&edit.path);
    let fail = |error: std::io::Error| {
        let message = format!("cannot write `{name}`: {}", io_reason(&error));
        Diagnostic::error("file-unwritable", message)
    };
    let real = edit.path.canonicalize().map_err(fail)?;
    if std::fs::read(&real).map_err(fail)? != edit.before.as_bytes() {
        let message = format!("`{name}` was changed by someone else meanwhile");
        return Err(Diagnostic::error("file-unwritable", message).hint("run the command again"));
    }
    let metadata = std::fs::metadata(&real).map_err(fail)?;
    if metadata.permissions().readonly() {
        let message = format!("cannot write `{name}`: it is read-only");
        return Err(Diagnostic::error("file-unwritable", message));
    }
    let folder = real.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    new.write_all(edit.after.as_bytes()).map_err(fail)?;
    new.as_file()
        .set_permissions(metadata.permissions())
        .map_err(fail)?;
    new.as_file().sync_all().map_err(fail)?;
    new.persist(&real).map_err(|error| fail(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "a").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o664)).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        let edit = FileEdit {
            path: link.clone(),
            before: "a".into(),
            after: "b".into(),
            changes: Vec::new(),
        };
        write(&edit).unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "b");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        let mode = real.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o664);
        let error = write(&edit).unwrap_err();
        assert!(error.message.contains("meanwhile"), "{}", error.message);
        std::fs::write(&real, "a").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(write(&edit).unwrap_err().message.contains("read-only"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
