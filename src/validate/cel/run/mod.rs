//! Runs expressions that are checked, and counts what that costs as the server does
//! (`interpreter/runtimecost.go` of cel-go 0.29, `cel/library/cost.go` of k8s.io/apiserver 1.37).
//!
//! It follows cel-go's plan of an expression, constant folding included, since what is folded
//! costs nothing. What it cannot tell (time zones by name) or what takes too long to tell is
//! [`Outcome::Unknown`], never a guess.

mod data;
mod equal;
mod eval;
mod folds;
mod functions;
mod plan;
mod price;
mod semver;
mod time;
mod url;
mod value;

use std::collections::HashMap;

use regex::Regex;
use smol_str::SmolStr;

pub(in crate::validate) use data::Shape;
use plan::Plan;
use value::Value;

use super::Fault;
use super::parse::Expr;

/// The most that one expression may cost (`PerCallLimit`).
const MOST_PER_CALL: u64 = 1_000_000;
/// The most that all rules of an object may cost together (`RuntimeCELCostBudget`).
pub(in crate::validate) const MOST_PER_OBJECT: u64 = 10_000_000;
/// So much work is done for one object before it is given up; a second or two.
const MOST_WORK: u64 = 100_000_000;
/// Expressions of more levels run on a stack of their own.
const SHALLOW: usize = 40;

/// Why an evaluation ends without a value.
#[derive(Clone, Debug)]
enum Stop {
    /// An error of the language, which `&&` and `||` may still absorb.
    Wrong(SmolStr),
    /// An error of the server itself, which nothing absorbs.
    Broken(&'static str),
    /// More than an expression may cost.
    Cost,
    /// Nothing is known, and why.
    Unknown(&'static str),
}

impl Stop {
    fn wrong(why: impl Into<SmolStr>) -> Self {
        Stop::Wrong(why.into())
    }
}

/// Operands that a function does not take.
const NO_OVERLOAD: Stop = Stop::Wrong(SmolStr::new_static("no such overload"));

/// What the evaluations for one object share.
#[derive(Debug, Default)]
pub(in crate::validate) struct Tools {
    work: u64,
    patterns: HashMap<SmolStr, Result<Regex, SmolStr>>,
}

impl Tools {
    /// Counts steps of work, which bound the time of what costs the server nothing.
    fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.work = self.work.saturating_add(steps as u64);
        match self.work > MOST_WORK {
            true => Err(Stop::Unknown("it takes too long to evaluate")),
            false => Ok(()),
        }
    }

    /// Counts work on so many bytes.
    fn spend_on(&mut self, bytes: usize) -> Result<(), Stop> {
        self.spend(bytes / 32 + 1)
    }

    /// A regular expression, compiled once.
    fn pattern(&mut self, text: &SmolStr) -> Result<&Regex, Stop> {
        if !self.patterns.contains_key(text) {
            let compiled = crate::manifest::go_regex::compile(text);
            let compiled = compiled.map_err(SmolStr::new);
            self.patterns.insert(text.clone(), compiled);
        }
        match self.patterns.get(text) {
            Some(Ok(regex)) => Ok(regex),
            Some(Err(why)) => Err(Stop::wrong(format!("error parsing regexp: {why}"))),
            None => Err(Stop::Unknown("a pattern cannot be compiled")),
        }
    }
}

/// A value of the object.
#[derive(Clone, Debug)]
pub(in crate::validate) struct Given(Value);

impl Given {
    /// As an optional value.
    pub(in crate::validate) fn optional(given: Option<&Given>) -> Self {
        Given(match given {
            Some(Given(value)) => Value::some(value.clone()),
            None => Value::Optional(None),
        })
    }
}

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::validate) enum Outcome {
    Bool(bool),
    Text(String),
    /// A value of another type.
    Other,
    /// The error with which it ends.
    Wrong(String),
    /// It costs more than one expression may.
    Costly,
    /// Nothing is known, and why.
    Unknown(&'static str),
}

/// What is wrong with a constant of an expression that was checked.
pub(super) fn constant_fault(expr: &Expr, open: &[usize]) -> Option<Fault> {
    plan::check(expr, open).err()
}

/// An expression that is ready to run.
#[derive(Debug)]
pub(in crate::validate) struct Program {
    plan: Plan,
    depth: usize,
    /// Whether it uses `oldSelf`.
    pub(in crate::validate) uses_old: bool,
}

impl Program {
    /// Plans an expression that was checked.
    ///
    /// # Errors
    /// What is wrong with a constant in it.
    pub(super) fn new(expr: &Expr, checked: &super::Checked) -> Result<Self, Fault> {
        Ok(Self {
            plan: plan::plan(expr, &checked.open)?,
            depth: expr.depth(),
            uses_old: checked.uses_old,
        })
    }

    /// Evaluates it for a value and, where it compares, for what that was before. Also says what
    /// that cost.
    pub(in crate::validate) fn run(
        &self,
        tools: &mut Tools,
        this: &Given,
        old: Option<&Given>,
    ) -> (Outcome, u64) {
        let run = || self.run_here(tools, this, old);
        super::on_deep_stack(self.depth > SHALLOW, run)
            .unwrap_or((Outcome::Unknown("it cannot be evaluated"), 0))
    }

    fn run_here(&self, tools: &mut Tools, this: &Given, old: Option<&Given>) -> (Outcome, u64) {
        let globals = [Some(&this.0), old.map(|old| &old.0)];
        let mut run = eval::Run::new(tools, globals, MOST_PER_CALL);
        let outcome = match run.eval(&self.plan) {
            Ok(Value::Bool(value)) => Outcome::Bool(value),
            Ok(Value::Text(text)) => Outcome::Text(text.to_string()),
            Ok(_) => Outcome::Other,
            Err(Stop::Wrong(why)) => Outcome::Wrong(why.to_string()),
            Err(Stop::Broken(why)) => Outcome::Wrong(why.to_owned()),
            Err(Stop::Cost) => Outcome::Costly,
            Err(Stop::Unknown(why)) => Outcome::Unknown(why),
        };
        (outcome, run.cost())
    }
}

#[cfg(test)]
mod tests;
