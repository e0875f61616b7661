//! Builds a tree with the real kustomize and in process, and says what differs.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deployx::kustomize::{Compat, Options, build};
use deployx::manifest::Sources;
use deployx::manifest::emit::emit_all;

use super::tree::Tree;

/// A real kustomize, and what our builds call it.
pub(crate) struct Oracle {
    pub(crate) program: PathBuf,
    pub(crate) compat: Compat,
}

/// What became of a build: its output, or why it was refused.
pub(crate) type Outcome = Result<String, String>;

/// Both outcomes of a case that differ.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) theirs: Outcome,
    pub(crate) ours: Outcome,
}

impl Difference {
    /// What kind of difference it is; a smaller case counts when it has the same.
    pub(crate) fn kind(&self) -> &'static str {
        match (&self.theirs, &self.ours) {
            (Ok(_), Ok(_)) => "other output",
            (Ok(_), Err(message)) if message.starts_with("panic") => "panic",
            (Err(_), Err(_)) => "panic",
            (Ok(_), Err(_)) => "refused by us alone",
            (Err(_), Ok(_)) => "accepted by us alone",
        }
    }

    /// Both outcomes for people.
    pub(crate) fn show(&self) -> String {
        let diff = match (&self.theirs, &self.ours) {
            (Ok(theirs), Ok(ours)) => first_difference(ours, theirs),
            (Err(theirs), _) => format!("kustomize: {}", tail(theirs)),
            (_, Err(ours)) => format!("ours: {ours}"),
        };
        format!("{}\n{diff}", self.kind())
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("# Warning"))
        .collect();
    let text = lines.join("\n");
    let start = text.len().saturating_sub(700);
    let start = (start..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text[start..].to_owned()
}

fn first_difference(ours: &str, theirs: &str) -> String {
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(4);
    let part = |lines: &[&str], mark: &str| {
        let lines = lines.iter().skip(same).take(6);
        let lines: Vec<String> = lines.map(|line| format!("{mark}{line}")).collect();
        lines.join("\n")
    };
    let before = ours[from..same].join("\n  ");
    format!(
        "line {}:
  {before}
{}
{}",
        same + 1,
        part(&theirs, "kustomize: "),
        part(&ours, "ours:      ")
    )
}

/// Builds a tree both ways.
pub(crate) fn compare(oracle: &Oracle, tree: &Tree) -> Option<Difference> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, bytes) in &tree.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    let root = folder.path().join(&tree.root);
    let theirs = theirs(&oracle.program, &root);
    let ours = catch_unwind(AssertUnwindSafe(|| ours(&root, oracle.compat)))
        .unwrap_or_else(|cause| Err(format!("panic: {}", describe(&*cause))));
    let same = match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        (Err(_), Err(message)) => !message.starts_with("panic"),
        _ => false,
    };
    (!same).then_some(Difference { theirs, ours })
}

fn describe(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or_default()
        .to_owned()
}

fn theirs(kustomize: &Path, root: &Path) -> Outcome {
    let output = Command::new(kustomize)
        .arg("build")
        .arg(root)
        .stdin(Stdio::null())
        .output()
        .expect("kustomize runs");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn ours(root: &Path, compat: Compat) -> Outcome {
    let sources = Sources::new();
    let options = Options {
        compat,
        ..Options::default()
    };
    match build(&sources, root, options) {
        Ok(build) => Ok(emit_all(build.objects.iter().map(|object| &object.root))),
        Err(faults) => Err(faults.to_string()),
    }
}
