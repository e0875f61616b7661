//! The pages of the rules are their tests: the bad example of each yields the finding, with the
//! severity that the page promises, and the good one does not.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::validate::{Definitions, Validator, judge_file};

/// What is told of a text as an overlay would print it, infos too.
fn told(text: &str, switches: &Switches, complete: bool) -> Verdicts {
    let sources = Sources::new();
    let file = sources.add("all.yaml", text);
    let mut verdicts = judge_file(Validator::new(Version::newest()), &sources, file);
    let lint = Lint {
        version: Version::newest(),
        complete,
        least: Some(Severity::Info),
        switches,
    };
    let found = lint.findings(&sources, &verdicts, Scope::Overlay);
    verdicts.settle(
        Validator::new(Version::newest()),
        &sources,
        Definitions::default(),
    );
    lint.settle(&sources, &mut verdicts, found);
    verdicts.remarks = lint.faults(&sources, &sources.files());
    verdicts
}

/// The example below a heading of a page.
fn example<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, after) = page
        .split_once(&format!("## {heading}\n"))
        .expect("the page has both examples");
    let (_, after) = after.split_once("```yaml\n").expect("the example is YAML");
    after.split_once("```").expect("the example ends").0
}

#[test]
fn each_page_shows_what_its_rule_finds() {
    let mut wrong = String::new();
    for rule in rules() {
        let bad = told(example(rule.page, "Bad"), &Switches::default(), false);
        let severities: Vec<_> = bad
            .findings()
            .filter(|f| f.rule == rule.id)
            .map(|f| f.severity)
            .collect();
        if !severities.contains(&rule.severity) {
            let all: Vec<_> = bad.findings().map(|f| (&f.rule, &f.message)).collect();
            let _ = writeln!(
                wrong,
                "{}: the bad example yields {severities:?}, {all:?}",
                rule.id
            );
        }
        let good = told(example(rule.page, "Good"), &Switches::default(), false);
        for finding in good
            .findings()
            .filter(|f| f.rule == rule.id || f.severity == Severity::Error)
        {
            let _ = writeln!(
                wrong,
                "{}: the good example yields {}: {}",
                rule.id, finding.rule, finding.message
            );
        }
        let heading = format!("# `{}`\n", rule.id);
        let severity = format!("Severity: {}", rule.severity.as_str());
        if !rule.page.starts_with(&heading) || !rule.page.replace('\n', " ").contains(&severity) {
            let _ = writeln!(
                wrong,
                "{}: the page begins with its name and tells its severity",
                rule.id
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules")
}

#[test]
fn there_is_a_page_for_each_rule_and_a_rule_for_each_page() {
    let ids: Vec<&str> = rules().map(|rule| rule.id).collect();
    let known: BTreeSet<String> = ids.iter().map(|id| format!("{id}.md")).collect();
    assert_eq!(known.len(), ids.len(), "each identifier is there once");
    let pages: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md" && name != "verdict.md")
        .collect();
    assert_eq!(pages, known);
}

#[test]
fn the_index_lists_all_rules() {
    let mut table = String::new();
    for (title, of_server) in [("Lint", false), ("The server's own warnings", true)] {
        let _ = writeln!(
            table,
            "### {title}\n\n| rule | severity | finds |\n|---|---|---|"
        );
        for rule in rules().filter(|rule| rule.of_server == of_server) {
            let RuleInfo { id, summary, .. } = rule;
            let _ = writeln!(
                table,
                "| [`{id}`]({id}.md) | {} | {summary} |",
                rule.severity.as_str()
            );
        }
        table.push('\n');
    }
    let path = folder().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("<!-- rules -->\n").unwrap();
    let (inner, tail) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("DEPLOYX_WRITE_DOCS").is_some() {
        let text = format!("{head}<!-- rules -->\n{table}<!-- end -->{tail}");
        std::fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(inner, table, "run this test with DEPLOYX_WRITE_DOCS=1");
}

/// The identifiers that the sources of the verdict write, as far as a search finds them.
fn written_ids() -> BTreeSet<String> {
    let forms = [
        r#"Diagnostic::(?:error|warning)\(\s*"([a-z0-9-]+)""#,
        r#"rule: "([a-z0-9-]+)""#,
        r#"(?:invalid|refuse|refuse_at|add|found)\(\s*(?:faults,\s*)?"([a-z]+-[a-z0-9-]+)""#,
        r#"=> "([a-z]+-[a-z-]+)","#,
    ];
    let forms: Vec<_> = forms
        .iter()
        .map(|form| regex::Regex::new(form).unwrap())
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/validate");
    let mut ids = BTreeSet::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.unwrap();
        let name = entry.path().to_string_lossy().into_owned();
        if !name.ends_with(".rs") || name.contains("tests") || name.contains("/warnings/") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for form in &forms {
            ids.extend(form.captures_iter(text).map(|found| found[1].to_owned()));
        }
    }
    ids
}

#[test]
fn the_table_of_the_verdict_has_all_its_rules() {
    let listed: BTreeSet<&str> = VERDICT_RULES
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(id, _)| id)
        .collect();
    let switchable: Vec<&str> = rules().map(|rule| rule.id).collect();
    let missing: Vec<_> = written_ids()
        .into_iter()
        .filter(|id| !listed.contains(id.as_str()) && !switchable.contains(&id.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/rules/verdict.md lacks {missing:?}"
    );
    assert!(
        switchable.iter().all(|id| !listed.contains(id)),
        "a rule stands in one table"
    );
}

const BUDGET: &str = "\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
";

#[test]
fn a_complete_input_lacks_what_it_does_not_have() {
    let severities = |complete| -> Vec<Severity> {
        let told = told(BUDGET, &Switches::default(), complete);
        told.findings().map(|finding| finding.severity).collect()
    };
    assert_eq!(severities(false), [Severity::Info]);
    assert_eq!(severities(true), [Severity::Error]);
}

#[test]
fn switches_turn_rules_off_and_are_counted() {
    let rule = "pdb-selects-nothing";
    let setting = |severity, reason: &str, objects: &[&str]| crate::template::LintSetting {
        rule: rule.into(),
        severity,
        reason: reason.to_owned(),
        objects: objects.iter().map(|o| (*o).to_owned()).collect(),
        ..Default::default()
    };
    let shown = |text: &str, settings: &[crate::template::LintSetting]| {
        let verdicts = told(text, &Switches::new(Path::new("."), settings), false);
        let told = verdicts
            .findings()
            .map(|f| format!("{} {}", f.severity.as_str(), f.rule));
        let ignored = verdicts
            .ignored
            .iter()
            .map(|i| format!("ignored: {}", i.reason));
        told.chain(ignored).collect::<Vec<_>>()
    };
    assert_eq!(shown(BUDGET, &[]), ["info pdb-selects-nothing"]);
    assert_eq!(
        shown(BUDGET, &[setting(None, "later", &[])]),
        ["ignored: later"]
    );
    assert_eq!(
        shown(
            BUDGET,
            &[setting(
                Some(Severity::Error),
                "",
                &["PodDisruptionBudget/*"]
            )]
        ),
        ["error pdb-selects-nothing"]
    );
    assert_eq!(
        shown(BUDGET, &[setting(None, "x", &["Service/*"])]),
        ["info pdb-selects-nothing"]
    );
    assert_eq!(
        shown(BUDGET, &[setting(None, "", &[])]),
        ["warning lint-switch", "ignored: "]
    );
    let comment = BUDGET.replace(
        "  selector",
        "  # deployx: ignore[pdb-selects-nothing] made by hand\n  selector",
    );
    assert_eq!(shown(&comment, &[]), ["ignored: made by hand"]);
    let annotated = BUDGET.replace(
        "{name: web}",
        "{name: web, annotations: {lint.deployx.dev/ignore: \"pdb-selects-nothing: an operator makes them\"}}",
    );
    assert_eq!(shown(&annotated, &[]), ["ignored: an operator makes them"]);
    let slip = annotated.replace("pdb-selects-nothing:", "pdb-selects-nothin:");
    assert_eq!(
        shown(&slip, &[]),
        ["info pdb-selects-nothing", "warning lint-switch"]
    );
}

#[test]
fn errors_of_the_verdict_cannot_be_switched_off() {
    let text = "# deployx: ignore[unknown-field] x\n".to_owned()
        + &BUDGET.replace("minAvailable", "minAvailabel");
    let verdicts = told(&text, &Switches::default(), false);
    let rules: Vec<_> = verdicts.findings().map(|f| f.rule.as_ref()).collect();
    assert_eq!(
        rules,
        ["unknown-field", "pdb-selects-nothing", "lint-switch"]
    );
}
