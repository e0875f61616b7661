//! Damage to a file of a case.

use super::objects;
use super::rng::Rng;
use super::tree::Tree;

/// Damages a file: what people do by mistake.
pub(crate) fn spoil(rng: &mut Rng, tree: &mut Tree) {
    let names: Vec<String> = tree.files.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let name = rng.pick(&names).clone();
    let Some(text) = tree
        .files
        .get(&name)
        .and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    else {
        return;
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len());
    match rng.below(9) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let line = lines[at].clone();
            lines.insert(at, line);
        }
        2 => lines[at] = format!(" {}", lines[at]),
        3 => {
            let line = lines[at].trim_start_matches("  ").to_owned();
            lines[at] = line;
        }
        4 => lines[at] = lines[at].replace(':', ""),
        5 => lines[at] = lines[at].replacen(": ", ": &a ", 1),
        6 => {
            let other = rng.below(lines.len());
            lines.swap(at, other);
        }
        7 => {
            if let Some((key, _)) = lines[at].clone().split_once(": ") {
                lines[at] = format!("{key}: {}", objects::scalar(rng).text());
            }
        }
        _ => lines.insert(
            at,
            rng.word(&["---", "# note", "", "...", "extra: 1", "  x: y"]),
        ),
    }
    let mut text = lines.join("\n");
    text.push('\n');
    tree.files.insert(name, text.into_bytes());
}
