//! `deployx validate --watch`: judges again whenever a file that matters was changed.
//!
//! Folders are watched, not files: editors replace a file instead of writing into it, and a new
//! file may be the one that an overlay lacked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use notify::event::{EventKind, MetadataKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::super::{CommandError, Exit, Ui};
use super::{ValidateArgs, once};
use crate::manifest::Sources;
use crate::source::inputs;

/// How long after a change nothing more must happen: one save is several events.
const QUIET: Duration = Duration::from_millis(60);

/// Judges, waits for a change, and begins anew; it ends only with the process, or when nothing can
/// be watched.
///
/// # Errors
/// The watches cannot be set up, or the output cannot be written.
pub(super) fn watch(ui: &mut Ui, args: &ValidateArgs) -> Result<Exit, CommandError> {
    let (sender, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender).map_err(|error| failed(&error))?;
    let mut watched = BTreeSet::new();
    // Before the first round, so that no change is lost while it runs.
    add(&mut watcher, &mut watched, inputs::folders(&args.sources))?;
    loop {
        if ui.progress {
            // Clears the terminal: what was said before holds no longer.
            ui.stdout().write_all(b"\x1b[2J\x1b[H")?;
        }
        ui.begin_anew();
        let sources = Sources::new();
        match once(ui, &sources, args) {
            Ok((_, read)) => add(&mut watcher, &mut watched, folders(&read))?,
            Err(error) => ui.diagnostics(&sources, &error.diagnostics.0),
        }
        ui.flush()?;
        ui.status(format!(
            "watching {}; Ctrl-C ends",
            crate::report::count(watched.len(), "folder")
        ));
        wait(&events)?;
        // Folders that are new since.
        add(&mut watcher, &mut watched, inputs::folders(&args.sources))?;
        ui.stdout().write_all(b"\n")?;
    }
}

/// Waits until something was changed, and then until it is quiet.
fn wait(events: &Receiver<notify::Result<Event>>) -> Result<(), CommandError> {
    loop {
        let event = events.recv().map_err(|_| ended())?;
        let event = event.map_err(|error| failed(&error))?;
        if is_change(event.kind) {
            break;
        }
    }
    while events.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

/// Whether an event can change a verdict. That we read a file ourselves is one, too.
fn is_change(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime))
    )
}

fn add(
    watcher: &mut RecommendedWatcher,
    watched: &mut BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
) -> Result<(), CommandError> {
    for folder in folders {
        let Ok(real) = folder.canonicalize() else {
            continue;
        };
        if watched.contains(&real) {
            continue;
        }
        watcher
            .watch(&real, RecursiveMode::NonRecursive)
            .map_err(|error| failed(&error))?;
        watched.insert(real);
    }
    Ok(())
}

/// The folders of files.
fn folders(files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let parents = files.iter().filter_map(|file| file.parent());
    parents.map(Path::to_path_buf).collect()
}

fn failed(error: &notify::Error) -> CommandError {
    let failed = CommandError::message(format!("cannot watch: {error}"));
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            failed.hint("name the folders that matter, or raise fs.inotify.max_user_watches")
        }
        _ => failed,
    }
}

fn ended() -> CommandError {
    CommandError::message("the watch has ended")
}
