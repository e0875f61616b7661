//! Switches: rules that a project, a comment or an annotation turns off or weighs otherwise.
//!
//! Three places, from the widest to the nearest: `lint:` in `.deployx.yaml`, the annotation
//! `lint.deployx.dev/ignore` on an object, and a comment `# deployx: ignore[rule] reason` on or
//! above what a finding points at. Whoever turns a rule off says why.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use smol_str::SmolStr;

use super::comments::Comments;
use super::facts::Facts;
use crate::manifest::{Diagnostic, FileId, ObjectId, Severity, Sources, Span, suggest};
use crate::template::LintSetting as Setting;

/// The rule of what is wrong with a switch itself.
pub(super) const SWITCH: &str = "lint-switch";

/// A finding that was switched off.
#[derive(Clone, Debug)]
pub struct Ignored {
    /// The finding.
    pub finding: Diagnostic,
    /// Why nobody wants to hear of it.
    pub reason: String,
    /// Whether that stands beside it, in a comment or an annotation.
    pub in_source: bool,
}

/// The switches of a project.
#[derive(Debug, Default)]
pub struct Switches {
    settings: Vec<(Setting, Option<Gitignore>)>,
    folder: PathBuf,
}

/// What becomes of a finding.
#[derive(Debug)]
pub enum Outcome {
    /// It is told.
    Told(Diagnostic),
    /// It is counted.
    Ignored(Ignored),
    /// It weighs too little.
    Dropped,
}

impl Switches {
    /// Takes the settings of a project in a folder.
    pub fn new(folder: &Path, settings: &[Setting]) -> Self {
        let paths = |setting: &Setting| {
            if setting.paths.is_empty() {
                return None;
            }
            let mut builder = GitignoreBuilder::new(folder);
            for path in &setting.paths {
                // What is no pattern matches nothing.
                let _ = builder.add_line(None, path);
            }
            builder.build().ok()
        };
        Self {
            settings: settings.iter().map(|s| (s.clone(), paths(s))).collect(),
            folder: folder.to_path_buf(),
        }
    }

    /// Whether a rule of a severity can yield anything that is told from `least` on.
    pub fn wants(&self, rule: &str, severity: Severity, least: Severity) -> bool {
        severity >= least
            || self
                .settings
                .iter()
                .any(|(setting, _)| setting.rule == rule)
    }

    /// What is wrong with the settings themselves; `known` tells whether there is such a rule.
    pub fn faults(&self, known: &dyn Fn(&str) -> bool, ids: &[&str]) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for (setting, _) in &self.settings {
            let span = setting.at.unwrap_or(Span::NONE);
            faults.extend(fault(
                known,
                ids,
                &setting.rule,
                &setting.reason,
                setting.severity.is_none(),
                span,
            ));
        }
        faults
    }

    /// Decides about one finding of an object.
    pub fn decide(
        &self,
        sources: &Sources,
        comments: &Comments,
        id: &ObjectId,
        facts: Option<&Facts>,
        least: Severity,
        mut finding: Diagnostic,
    ) -> Outcome {
        let primary = finding
            .primary
            .as_ref()
            .map_or(Span::NONE, |label| label.span);
        let place = sources.trace(primary).input.unwrap_or(primary);
        let mut off = None;
        for (setting, paths) in &self.settings {
            if finding.rule == setting.rule.as_str()
                && self.holds(sources, setting, paths.as_ref(), place.file(), id)
            {
                off = setting.severity.is_none().then(|| setting.reason.clone());
                finding.severity = setting.severity.unwrap_or(finding.severity);
            }
        }
        if finding.severity < least {
            return Outcome::Dropped;
        }
        let beside = comments.reason(sources, place, &finding.rule).or_else(|| {
            Some(
                annotation(facts?)?
                    .into_iter()
                    .find(|(rule, _)| finding.rule == rule.as_str())?
                    .1,
            )
        });
        match (beside, off) {
            (Some(reason), _) => Outcome::Ignored(Ignored {
                finding,
                reason,
                in_source: true,
            }),
            (None, Some(reason)) => Outcome::Ignored(Ignored {
                finding,
                reason,
                in_source: false,
            }),
            (None, None) => Outcome::Told(finding),
        }
    }

    fn holds(
        &self,
        sources: &Sources,
        setting: &Setting,
        paths: Option<&Gitignore>,
        file: FileId,
        id: &ObjectId,
    ) -> bool {
        let in_path = || {
            let Some(paths) = paths else {
                return setting.paths.is_empty();
            };
            let Some(source) = sources.get(file) else {
                return false;
            };
            let Ok(path) = Path::new(&source.name).canonicalize() else {
                return false;
            };
            path.starts_with(&self.folder)
                && paths.matched_path_or_any_parents(&path, false).is_ignore()
        };
        let names = [
            id.kind.to_string(),
            format!("{}/{}", id.kind, id.name),
            format!("{}/{}/{}", id.kind, id.namespace, id.name),
        ];
        let in_objects = || {
            setting.objects.is_empty()
                || setting
                    .objects
                    .iter()
                    .any(|pattern| names.iter().any(|name| glob(pattern, name)))
        };
        in_objects() && in_path()
    }
}

/// What is wrong with one switch.
pub(super) fn fault(
    known: &dyn Fn(&str) -> bool,
    ids: &[&str],
    rule: &str,
    reason: &str,
    off: bool,
    span: Span,
) -> Option<Diagnostic> {
    if !known(rule) {
        let remark = match suggest::nearest(rule, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`deployx rules` lists them".to_owned(),
        };
        let message = format!("there is no rule `{rule}` that can be switched");
        return Some(Diagnostic::warning(SWITCH, message).at(span, remark));
    }
    (off && reason.trim().is_empty()).then(|| {
        let message = format!("`{rule}` is switched off without a reason");
        Diagnostic::warning(SWITCH, message).at(span, "say why, for those who come later")
    })
}

/// The switches of an object's annotation: `rule: reason, rule: reason`.
fn annotation(facts: &Facts) -> Option<Vec<(SmolStr, String)>> {
    Some(parse_annotation(&facts.ignore.as_ref()?.text))
}

/// Reads `rule: reason, rule: reason`; a comma within a reason stays in it.
pub(super) fn parse_annotation(text: &str) -> Vec<(SmolStr, String)> {
    let mut found: Vec<(SmolStr, String)> = Vec::new();
    for part in text.split([',', ';', '\n']) {
        let name = part.split(':').next().unwrap_or_default().trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit());
        let reason = part
            .split_once(':')
            .map(|(_, reason)| reason.trim().to_owned());
        match (is_name, reason, found.last_mut()) {
            (true, Some(reason), _) => found.push((name.into(), reason)),
            (true, None, None) => found.push((name.into(), String::new())),
            (_, _, Some(last)) => {
                last.1.push_str(", ");
                last.1.push_str(part.trim());
            }
            _ => {}
        }
    }
    found
}

/// What is wrong with the annotations of objects.
pub fn annotation_faults(
    facts: &Facts,
    known: &dyn Fn(&str) -> bool,
    ids: &[&str],
) -> Vec<Diagnostic> {
    let Some(text) = &facts.ignore else {
        return Vec::new();
    };
    parse_annotation(&text.text)
        .iter()
        .filter_map(|(rule, reason)| fault(known, ids, rule, reason, true, text.span()))
        .collect()
}

/// Whether a text has the form of a pattern, in which `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Findings that several overlays have in common, since they stand in one base.
#[derive(Debug, Default)]
pub struct Shared {
    seen: HashMap<(String, Span, Option<String>), usize>,
}

impl Shared {
    /// Whether a finding is new; each further time it is counted.
    pub fn is_new(&mut self, finding: &Diagnostic) -> bool {
        let times = self.seen.entry(key(finding)).or_insert(0);
        *times += 1;
        *times == 1
    }

    /// Whether any finding was there more than once.
    pub fn is_any(&self) -> bool {
        self.seen.values().any(|times| *times > 1)
    }

    /// How many more times a finding was there.
    pub fn others(&self, finding: &Diagnostic) -> usize {
        self.seen.get(&key(finding)).map_or(0, |times| times - 1)
    }
}

fn key(finding: &Diagnostic) -> (String, Span, Option<String>) {
    let span = finding
        .primary
        .as_ref()
        .map_or(Span::NONE, |label| label.span);
    let name = if span.is_none() {
        Some(format!("{:?} {}", finding.object, finding.message))
    } else {
        None
    };
    (finding.rule.to_string(), span, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_name_rules_and_reasons() {
        let parsed = |text: &str| -> Vec<String> {
            let items = parse_annotation(text).into_iter();
            items
                .map(|(rule, reason)| format!("{rule}={reason}"))
                .collect()
        };
        assert_eq!(
            parsed("a-b: why, really, c: so"),
            ["a-b=why, really", "c=so"]
        );
        assert_eq!(parsed("a-b"), ["a-b="]);
        assert_eq!(parsed("a: x\nb: y"), ["a=x", "b=y"]);
    }

    #[test]
    fn patterns_have_stars() {
        for (pattern, text, wanted) in [
            ("Service", "Service", true),
            ("Service", "Services", false),
            ("Service/*", "Service/web", true),
            ("*/web-*", "Service/web-1", true),
            ("*/web", "Service/web-1", false),
            ("S*b*1", "Service/web-1", true),
            ("*", "x", true),
        ] {
            assert_eq!(glob(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
