//! Expressions in CEL within objects: compiled as the server does when it stores them.

use crate::validate::cel::{Checked, Env, Wanted};
use crate::validate::fault::Faults;
use crate::validate::view::{Finding, View};

/// Compiles the expression at a path and reports what is wrong with it. `None` where it is.
pub(super) fn compile(
    faults: &mut Faults<'_>,
    view: View<'_>,
    path: &str,
    text: &str,
    env: &Env,
    wanted: Wanted,
) -> Option<Checked> {
    match env.compile(text, wanted) {
        Ok(checked) => Some(checked),
        Err(wrong) => {
            if let Some(first) = wrong.first() {
                let found = describe(text, first.at, &first.message);
                view.refuse(faults, path, found.as_finding());
            }
            None
        }
    }
}

/// The words of a fault in an expression.
pub(super) struct Described {
    message: String,
    words: String,
}

impl Described {
    pub(super) fn as_finding(&self) -> Finding<'static> {
        Finding {
            rule: "cel-expression",
            message: self.message.clone(),
            remark: "this expression does not compile",
            words: self.words.clone(),
        }
    }
}

/// Puts a fault into words, with the place in the expression.
pub(super) fn describe(text: &str, at: usize, message: &str) -> Described {
    let before = &text[..at.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let shown: String = text.chars().take(200).collect();
    let is_whole = |start: &&str| message.starts_with(start);
    let reason = match ["must evaluate", "program instantiation"]
        .iter()
        .any(is_whole)
    {
        true => message.to_owned(),
        false => format!("compilation failed: ERROR: <input>:{line}:{column}: {message}"),
    };
    Described {
        message: match line {
            1 => format!("{message} (column {column})"),
            line => format!("{message} (line {line}, column {column})"),
        },
        words: format!("Invalid value: {shown:?}: {reason}"),
    }
}
