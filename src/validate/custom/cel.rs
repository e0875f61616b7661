//! Evaluates `x-kubernetes-validations` on an object, within the budget of the server
//! (`Validator.validate` of `apiserver/schema/cel/validation.go`).
//!
//! Mappings are gone through in the order in which they are written; the server's order is that of
//! chance, which only tells where a budget runs out.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::rules::{self, Rule, Spot, Step};
use crate::manifest::json::to_go_json;
use crate::manifest::{Diagnostic, Node};
use crate::schema::Version;
use crate::validate::cel::{Given, MOST_PER_OBJECT, Outcome, Program, Tools};
use crate::validate::place::Place;
use crate::validate::server_says;

/// The rules of a schema, compiled when an object is first judged.
pub(super) struct Rules {
    schema: Node,
    compiled: OnceLock<Option<Spot>>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rules")
    }
}

impl Rules {
    pub(super) fn new(schema: &Node) -> Self {
        Self {
            schema: schema.clone(),
            compiled: OnceLock::new(),
        }
    }

    /// Evaluates the rules on an object that has its defaults; `old` is what an update changes,
    /// for rules that compare (`oldSelf`). What an update leaves as it was is tolerated.
    ///
    /// # Errors
    /// Why nothing is known: a rule that cannot be compiled, or takes too long to evaluate.
    pub(super) fn check(
        &self,
        version: Version,
        root: &Node,
        old: Option<&Node>,
    ) -> Result<Vec<Diagnostic>, String> {
        let compiled = self.compiled.get_or_init(|| rules::compile(&self.schema));
        let Some(spot) = compiled else {
            return Ok(Vec::new());
        };
        let mut judge = Judge::new(version, root);
        match judge.object(spot, old) {
            Ok(()) | Err(End::Spent) => Ok(judge.findings),
            Err(End::Unknown(reason)) => Err(reason),
        }
    }
}

/// Why the rules that are left are not evaluated.
enum End {
    /// The budget is spent, as a finding says.
    Spent,
    Unknown(String),
}

/// What is known of a value before an update, for what is tolerated.
#[derive(Clone, Copy)]
struct Before<'o> {
    /// What it was, where that can be told.
    own: Option<&'o Node>,
    unchanged: bool,
    /// The nearest value around it that can be told, and whether it is unchanged.
    above: Option<bool>,
}

impl<'o> Before<'o> {
    fn below(self, own: impl FnOnce(&'o Node) -> Option<&'o Node>, node: &Node) -> Self {
        let Some(before) = self.own else {
            return self;
        };
        let own = own(before);
        Self {
            own,
            unchanged: own.is_some_and(|own| own.same_value(node)),
            above: Some(self.unchanged),
        }
    }

    fn tolerates(self) -> bool {
        match self.own {
            Some(_) => self.unchanged,
            None => self.above == Some(true),
        }
    }
}

struct Judge<'j> {
    version: Version,
    root: &'j Node,
    tools: Tools,
    budget: u64,
    findings: Vec<Diagnostic>,
}

/// What a finding is about.
struct About<'a> {
    node: &'a Node,
    rule: Option<&'a Rule>,
    field: String,
}

impl<'j> Judge<'j> {
    fn new(version: Version, root: &'j Node) -> Self {
        Self {
            version,
            root,
            tools: Tools::default(),
            budget: MOST_PER_OBJECT,
            findings: Vec::new(),
        }
    }

    fn object(&mut self, spot: &Spot, old: Option<&Node>) -> Result<(), End> {
        let root = self.root;
        let before = Before {
            own: old,
            unchanged: old.is_some_and(|old| old.same_value(root)),
            above: None,
        };
        self.value(spot, root, old, &Place::ROOT, before)
    }

    fn value(
        &mut self,
        spot: &Spot,
        node: &Node,
        old: Option<&Node>,
        place: &Place<'_>,
        before: Before<'_>,
    ) -> Result<(), End> {
        if node.is_null() {
            return Ok(());
        }
        self.rules(spot, node, old, place, before)?;
        for inner in &spot.all_of {
            let before = Before {
                own: None,
                ..before
            };
            self.value(inner, node, old, place, before)?;
        }
        if let Some(items) = node.as_seq() {
            return self.list(spot, items, old, place, before);
        }
        for entry in node.as_map().into_iter().flatten() {
            let key = entry.key.as_str();
            let own = spot.fields.iter().find(|(name, _)| name == key);
            let (inner, place) = match (own, &spot.values) {
                (Some((_, inner)), _) => (inner, place.field(key)),
                (None, Some(inner)) => (&**inner, place.key(key)),
                (None, None) => continue,
            };
            // These two are never tolerated: both objects are converted to one version.
            let is_type = before.above.is_none() && matches!(key, "apiVersion" | "kind");
            let below = match is_type {
                true => Before {
                    own: None,
                    unchanged: false,
                    above: None,
                },
                false => before.below(|before| before.get(key), &entry.value),
            };
            let old = old.and_then(|old| old.get(key));
            self.value(inner, &entry.value, old, &place, below)?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        spot: &Spot,
        items: &[Node],
        old: Option<&Node>,
        place: &Place<'_>,
        before: Before<'_>,
    ) -> Result<(), End> {
        let Some(inner) = &spot.items else {
            return Ok(());
        };
        let by_key = |list: &Node| -> std::collections::HashMap<String, usize> {
            let items = list.as_seq().unwrap_or_default().iter().enumerate();
            let keys = spot.keys.as_deref();
            items
                .filter_map(|(at, item)| Some((identity(item, keys?), at)))
                .collect()
        };
        let old_places = old.map(by_key).unwrap_or_default();
        let places = before.own.map(by_key).unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let key = spot.keys.as_deref().map(|keys| identity(item, keys));
            fn find<'n>(
                list: &'n Node,
                places: &std::collections::HashMap<String, usize>,
                key: Option<&String>,
            ) -> Option<&'n Node> {
                list.as_seq()?.get(*places.get(key?)?)
            }
            let own = old.and_then(|old| find(old, &old_places, key.as_ref()));
            let below = before.below(|before| find(before, &places, key.as_ref()), item);
            self.value(inner, item, own, &place.index(index), below)?;
        }
        Ok(())
    }

    /// The rules of one place.
    fn rules(
        &mut self,
        spot: &Spot,
        node: &Node,
        old: Option<&Node>,
        place: &Place<'_>,
        before: Before<'_>,
    ) -> Result<(), End> {
        if spot.rules.is_empty() {
            return Ok(());
        }
        if self.budget == 0 {
            return self.spent(spot, node, place);
        }
        let this = spot.shape.value(node);
        let old = old.filter(|old| !old.is_null());
        let old = old.map(|old| spot.shape.value(old));
        for rule in &spot.rules {
            if rule.text.is_empty() {
                continue;
            }
            let Some(program) = &rule.program else {
                let text = &rule.text;
                return Err(End::Unknown(format!(
                    "the rule `{text}` cannot be evaluated here"
                )));
            };
            if program.uses_old && old.is_none() && !rule.optional_old {
                continue;
            }
            let optional;
            let given = match rule.optional_old {
                true => {
                    optional = Given::optional(old.as_ref());
                    Some(&optional)
                }
                false => old.as_ref(),
            };
            let (outcome, cost) = program.run(&mut self.tools, &this, given);
            if !matches!(outcome, Outcome::Unknown(_)) && cost > self.budget {
                return self.spent(spot, node, place);
            }
            self.budget = self.budget.saturating_sub(cost);
            let tolerated = !program.uses_old && before.tolerates();
            let about = About {
                node,
                rule: Some(rule),
                field: place.to_string(),
            };
            self.outcome(spot, about, outcome, (&this, given), place, tolerated)?;
        }
        Ok(())
    }

    /// What the outcome of a rule means.
    fn outcome(
        &mut self,
        spot: &Spot,
        about: About<'_>,
        outcome: Outcome,
        values: (&Given, Option<&Given>),
        place: &Place<'_>,
        tolerated: bool,
    ) -> Result<(), End> {
        let Some(rule) = about.rule else {
            return Ok(());
        };
        let shown = rule.shown();
        let wrong = match outcome {
            Outcome::Bool(true) => return Ok(()),
            Outcome::Unknown(why) => {
                let text = &rule.text;
                return Err(End::Unknown(format!(
                    "the rule `{text}` is not known to hold: {why}"
                )));
            }
            Outcome::Bool(false) | Outcome::Text(_) | Outcome::Other => {
                return self.failed(spot, about, values, place, tolerated);
            }
            Outcome::Costly => {
                let words = format!(
                    "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: {shown}"
                );
                let message = "this costs more to check than one rule may cost".to_owned();
                self.report("cel-cost", about, message, &of_type(spot, &words));
                return Err(End::Spent);
            }
            Outcome::Wrong(why) => why,
        };
        let words = match wrong.starts_with("no such overload") {
            true => format!(
                "'{wrong}': call arguments did not match a supported operator, function or macro signature for rule: {shown}"
            ),
            false => format!("{wrong} evaluating rule: {shown}"),
        };
        self.report("cel-rule", about, words.clone(), &of_type(spot, &words));
        Ok(())
    }

    /// A rule that does not hold.
    fn failed(
        &mut self,
        spot: &Spot,
        mut about: About<'_>,
        (this, old): (&Given, Option<&Given>),
        place: &Place<'_>,
        tolerated: bool,
    ) -> Result<(), End> {
        let Some(rule) = about.rule else {
            return Ok(());
        };
        let value = about.node;
        for step in &rule.path {
            let (Step::Field(name) | Step::Key(name)) = step;
            about.node = about.node.get(name).unwrap_or(about.node);
            let _ = match step {
                Step::Field(name) if about.field.is_empty() => write!(about.field, "{name}"),
                Step::Field(name) => write!(about.field, ".{name}"),
                Step::Key(name) => write!(about.field, "[{name}]"),
            };
        }
        let mut detail = None;
        if let Some((text, program)) = &rule.message_program {
            match self.message(text, program, this, old)? {
                Ok(message) => detail = message,
                Err(words) => {
                    if !tolerated {
                        let message = "the message costs too much to make".to_owned();
                        self.report("cel-cost", about, message, &of_type(spot, &words));
                    }
                    let _ = place;
                    return Err(End::Spent);
                }
            }
        }
        if tolerated {
            return Ok(());
        }
        let detail = detail.unwrap_or_else(|| rule.message_or_default());
        let given = match spot.ty.as_str() {
            "object" | "array" => String::new(),
            _ => format!(": {}", to_go_json(value)),
        };
        let words = match rule.reason.as_str() {
            "FieldValueForbidden" => format!("Forbidden: {detail}"),
            "FieldValueRequired" => format!("Required value: {detail}"),
            "FieldValueDuplicate" => format!("Duplicate value{given}"),
            _ => format!("Invalid value{given}: {detail}"),
        };
        self.report("cel-rule", about, detail, &words);
        Ok(())
    }

    /// Evaluates a message: `None` for one that is not to be used. The inner error is what the
    /// server says when the budget is spent on it.
    fn message(
        &mut self,
        text: &str,
        program: &Program,
        this: &Given,
        old: Option<&Given>,
    ) -> Result<Result<Option<String>, String>, End> {
        const LONGEST: usize = 5 * 1024;
        let (outcome, cost) = program.run(&mut self.tools, this, old);
        if let Outcome::Unknown(why) = outcome {
            return Err(End::Unknown(format!(
                "the message `{text}` is not known: {why}"
            )));
        }
        if cost > self.budget {
            let words = "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";
            return Ok(Err(words.to_owned()));
        }
        if outcome == Outcome::Costly {
            return Ok(Err(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {text:?}"
            )));
        }
        self.budget -= cost;
        let Outcome::Text(message) = outcome else {
            return Ok(Ok(None));
        };
        let message = message.trim();
        let usable = !message.is_empty() && message.len() <= LONGEST && !message.contains('\n');
        Ok(Ok(usable.then(|| message.to_owned())))
    }

    /// The budget of the object is spent.
    fn spent(&mut self, spot: &Spot, node: &Node, place: &Place<'_>) -> Result<(), End> {
        let words = "validation failed due to running out of cost budget, no further validation rules will be run";
        let about = About {
            node,
            rule: None,
            field: place.to_string(),
        };
        let message = "the rules of this object cost more to check than they may".to_owned();
        self.report("cel-cost", about, message, &of_type(spot, words));
        Err(End::Spent)
    }

    fn report(&mut self, name: &'static str, about: About<'_>, message: String, words: &str) {
        let span = match about.field.is_empty() {
            // The whole object is no place to point at.
            true => super::span_of(self.root, "kind"),
            false => about.node.span,
        };
        let mut finding = Diagnostic::error(name, message)
            .at(span, "")
            .field(about.field);
        if let Some(rule) = about.rule {
            finding = finding.note(format!("the rule is `{}`", rule.text));
        }
        self.findings
            .push(finding.note(server_says(self.version, words)));
    }
}

/// The words of an error that names the type of the value in place of the value.
fn of_type(spot: &Spot, words: &str) -> String {
    format!("Invalid value: \"{}\": {words}", spot.ty)
}

/// What tells an item of a list apart.
fn identity(item: &Node, keys: &[smol_str::SmolStr]) -> String {
    let mut text = String::new();
    for key in keys {
        let value = item.get(key).map(to_go_json).unwrap_or_default();
        let _ = write!(text, "{value}\u{0}");
    }
    text
}

impl Rule {
    /// What stands for the rule in an error.
    fn shown(&self) -> &str {
        match self.message.is_empty() {
            true => &self.text,
            false => &self.message,
        }
    }

    fn message_or_default(&self) -> String {
        match self.message.is_empty() {
            true => format!("failed rule: {}", self.text),
            false => self.message.clone(),
        }
    }
}
