//! The version that a project gives itself: `pyproject.toml`, `package.json`, `Cargo.toml`, or a
//! file of one line.

use std::path::Path;

use toml_edit::{DocumentMut, Item};

use crate::manifest::Diagnostic;
use crate::manifest::read::io_reason;
use crate::manifest::source::display_path;

/// Reads the version of a project.
///
/// # Errors
/// The file cannot be read, has no version, or leaves it to a tool (`dynamic` in pyproject.toml).
pub fn read_version(path: &Path) -> Result<String, Diagnostic> {
    let name = display_path(path);
    let fault = |message: String| Diagnostic::error("version-file", message);
    let text = std::fs::read_to_string(path)
        .map_err(|error| fault(format!("cannot read `{name}`: {}", io_reason(&error))))?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = match file_name.as_ref() {
        "Cargo.toml" => cargo(path, &text),
        name if name.ends_with(".toml") => pyproject(&text),
        name if name.ends_with(".json") => package(&text),
        _ => one_line(&text),
    };
    let version = found.map_err(|reason| fault(format!("no version in `{name}`: {reason}")))?;
    let version = version.trim();
    if version.is_empty() || version.contains(char::is_whitespace) {
        return Err(fault(format!("`{version}` in `{name}` is no version")));
    }
    Ok(version.to_owned())
}

fn one_line(text: &str) -> Result<String, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line.to_owned()),
        (None, _) => Err("it is empty".to_owned()),
        _ => Err("a file of one line is expected".to_owned()),
    }
}

fn package(text: &str) -> Result<String, String> {
    let root: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let version = root.get("version").and_then(serde_json::Value::as_str);
    version
        .map(str::to_owned)
        .ok_or_else(|| "it has no `version`".to_owned())
}

fn pyproject(text: &str) -> Result<String, String> {
    let root = toml(text)?;
    let poetry = at(&root, &["tool", "poetry", "version"]);
    if let Some(version) = at(&root, &["project", "version"]).or(poetry) {
        return Ok(version);
    }
    let dynamic = root
        .get("project")
        .and_then(|project| project.get("dynamic"));
    let is_dynamic = dynamic
        .and_then(Item::as_array)
        .is_some_and(|names| names.iter().any(|name| name.as_str() == Some("version")));
    Err(if is_dynamic {
        "`project.dynamic` leaves it to the build tool".to_owned()
    } else {
        "it has no `version` in `[project]` or `[tool.poetry]`".to_owned()
    })
}

/// The package's version, or that of the workspace it inherits from; of a workspace's root
/// without a package, the workspace's.
fn cargo(path: &Path, text: &str) -> Result<String, String> {
    let root = toml(text)?;
    if let Some(version) = at(&root, &["package", "version"]) {
        return Ok(version);
    }
    let shared = &["workspace", "package", "version"];
    if let Some(version) = at(&root, shared) {
        return Ok(version);
    }
    let version = root
        .get("package")
        .and_then(|package| package.get("version"));
    let inherits = version
        .and_then(|version| version.get("workspace"))
        .and_then(Item::as_bool);
    if inherits != Some(true) {
        return Err("it has no `version` in `[package]`".to_owned());
    }
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    for folder in real.ancestors().skip(2) {
        let Ok(text) = std::fs::read_to_string(folder.join("Cargo.toml")) else {
            continue;
        };
        if let Some(version) = at(&toml(&text)?, shared) {
            return Ok(version);
        }
    }
    Err("no workspace above it has `version` in `[workspace.package]`".to_owned())
}

fn toml(text: &str) -> Result<DocumentMut, String> {
    text.parse::<DocumentMut>()
        .map_err(|error| error.message().to_owned())
}

fn at(root: &DocumentMut, path: &[&str]) -> Option<String> {
    let found = path
        .iter()
        .try_fold(root.as_item(), |item, name| item.get(name))?;
    found.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_projects_keep_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let read = |name: &str, text: &str| read_version(&write(name, text)).map_err(|e| e.message);
        for (name, text) in [
            (
                "pyproject.toml",
                "[project]\nname = \"a\"\nversion = \"1.2.3\"\n",
            ),
            ("pyproject.toml", "[tool.poetry]\nversion = '1.2.3'\n"),
            ("package.json", "{\"name\": \"a\", \"version\": \"1.2.3\"}"),
            ("Cargo.toml", "[package]\nversion = \"1.2.3\"\n"),
            ("Cargo.toml", "[workspace.package]\nversion = \"1.2.3\"\n"),
            (
                "crates/a/Cargo.toml",
                "[package]\nversion.workspace = true\n",
            ),
            ("VERSION", "\n1.2.3\n"),
        ] {
            assert_eq!(read(name, text).as_deref(), Ok("1.2.3"), "{name} {text}");
        }
        for (name, text, reason) in [
            (
                "pyproject.toml",
                "[project]\ndynamic = [\"version\"]\n",
                "leaves it to",
            ),
            (
                "pyproject.toml",
                "[project]\nname = \"a\"\n",
                "no `version` in",
            ),
            ("package.json", "{}", "no `version`"),
            ("package.json", "{", "EOF"),
            ("VERSION", "a\nb\n", "one line"),
            ("VERSION", "", "empty"),
            ("VERSION", "a b\n", "is no version"),
            ("Cargo.toml", "[package]\n", "no `version` in `[package]`"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(read_version(Path::new("none/VERSION")).is_err());
    }
}
