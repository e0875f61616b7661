//! Expressions in CEL as the server compiles them: syntax, names, types, and what a rule may cost.
//!
//! Written after the parser, checker and cost estimator of cel-go 0.29 and the environments of
//! k8s.io/apiserver 1.37. [`run`] evaluates what was compiled, and counts what that costs.

mod check;
mod cost;
mod lex;
mod library;
mod parse;
mod run;
mod schema;
mod types;

use crate::manifest::Node;
use types::Ty;

use cost::Decl;
pub(super) use cost::most_often;
pub(super) use lex::is_word;
pub(super) use run::{Given, MOST_PER_OBJECT, Outcome, Program, Shape, Tools};

/// So many signs nest no deeper than the stack of any thread allows.
const SHALLOW: usize = 60;
/// Enough for the deepest expression that is read; what is not used of it costs nothing.
const STACK: usize = 64 << 20;

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The byte of the expression that it is about.
    pub(super) at: usize,
    /// As the server says it.
    pub(super) message: String,
}

/// What an expression must evaluate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool,
    /// True or false, or a value whose type is not known.
    Selector,
    /// A string and nothing else.
    Text,
    /// A string or null.
    TextOrNull,
    /// Anything.
    Any,
    /// `Object{...}` of a patch.
    Patch,
    /// A list of `JSONPatch{...}`.
    Patches,
}

/// What an expression may use.
#[derive(Debug, Default)]
pub(super) struct Env {
    variables: Vec<(String, Ty)>,
    /// Fields of `variables`, as far as they were declared before.
    composed: Option<Vec<(String, Ty)>>,
    patches: bool,
    root: Option<Decl>,
    /// Whether `cel.bind` is known.
    binds: bool,
}

/// An expression that is right.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    ty: Ty,
    /// The most that it may cost, by the sizes that the schema allows.
    pub(super) cost: u64,
    /// Whether it uses `oldSelf`.
    pub(super) uses_old: bool,
    /// Where calls stand whose form is known only when they run.
    open: Vec<usize>,
}

impl Env {
    /// Admission: of a webhook's conditions or of a policy. `params` are those of a policy that
    /// has them.
    pub(super) fn admission(params: bool, authorizer: bool) -> Self {
        let mut env = Self::default();
        env.declare("object", "dyn");
        env.declare("oldObject", "dyn");
        env.declare("namespaceObject", "kubernetes.Namespace");
        env.declare("request", "kubernetes.AdmissionRequest");
        if params {
            env.declare("params", "dyn");
        }
        if authorizer {
            env.declare("authorizer", "Authorizer");
            env.declare("authorizer.requestResource", "ResourceCheck");
        }
        env
    }

    /// Adds `variables`, which hold what a policy composes.
    pub(super) fn with_variables(mut self) -> Self {
        self.composed = Some(Vec::new());
        self
    }

    /// Adds `variables` with what another environment has in it.
    pub(super) fn with_variables_of(mut self, other: &Env) -> Self {
        self.composed.clone_from(&other.composed);
        self
    }

    /// Adds the types of patches.
    pub(super) fn with_patches(mut self) -> Self {
        self.patches = true;
        self
    }

    /// Declares a field of `variables`: the type of its expression, or anything where that is
    /// wrong.
    pub(super) fn compose(&mut self, name: &str, checked: Option<&Checked>) {
        let ty = checked.map_or(Ty::Dyn, |checked| checked.ty.clone());
        if let Some(composed) = &mut self.composed {
            composed.push((name.to_owned(), ty));
        }
    }

    /// A rule of a schema: `self` and `oldSelf`. `None` where the server can make no type of it.
    pub(super) fn rule(schema: &Node, root: bool, optional_old: bool) -> Option<Self> {
        let ty = types::of_schema(schema, root)?;
        let old = match optional_old {
            true => Ty::optional(ty.clone()),
            false => ty.clone(),
        };
        Some(Self {
            variables: vec![("self".to_owned(), ty), ("oldSelf".to_owned(), old)],
            root: Some(Decl::new(schema, root)),
            ..Self::default()
        })
    }

    /// Whether the server makes a type of a schema, so that rules can use its values.
    pub(super) fn has_type(schema: &Node) -> bool {
        types::of_schema(schema, false).is_some()
    }

    /// A selector of devices.
    pub(super) fn device() -> Self {
        let mut env = Self::default();
        env.declare("device", "kubernetes.DRADevice");
        env.root = Some(Decl::device());
        env.binds = true;
        env
    }

    fn declare(&mut self, name: &str, ty: &str) {
        let ty = library::read_type(ty).unwrap_or(Ty::Dyn);
        self.variables.push((name.to_owned(), ty));
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// Everything that is wrong with it; the first is what the server says first.
    pub(super) fn compile(&self, text: &str, wanted: Wanted) -> Result<Checked, Vec<Fault>> {
        on_deep_stack(is_deep(text), || self.read(text, wanted))
            .unwrap_or_else(|| Err(lost()))
            .map(|(_, checked)| checked)
    }

    /// Compiles an expression that is to be run.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn program(&self, text: &str, wanted: Wanted) -> Result<Program, Vec<Fault>> {
        let plan = || {
            let (expr, checked) = self.read(text, wanted)?;
            Program::new(&expr, &checked).map_err(|fault| vec![fault])
        };
        on_deep_stack(is_deep(text), plan).unwrap_or_else(|| Err(lost()))
    }

    fn read(&self, text: &str, wanted: Wanted) -> Result<(parse::Expr, Checked), Vec<Fault>> {
        let expr = parse::parse(text).map_err(|fault| vec![fault])?;
        let checked = check::check(self, &expr)?;
        let at = expr.at;
        let fault = match wanted.fault(&checked.ty) {
            Some(message) => Some(Fault { at, message }),
            None => run::constant_fault(&expr, &checked.open),
        };
        match fault {
            None => Ok((expr, checked)),
            Some(fault) => Err(vec![fault]),
        }
    }
}

/// Whether an expression may nest deeper than the stack of any thread allows.
fn is_deep(text: &str) -> bool {
    let is_sign = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b' ');
    text.bytes().filter(is_sign).count() + text.matches(" in ").count() > SHALLOW
}

/// Does a work that nests, on a stack of its own where it nests `deep`. `None` where it panics.
fn on_deep_stack<T: Send>(deep: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    if !deep {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        let thread = builder.spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// What is said of an expression that could not be worked on.
fn lost() -> Vec<Fault> {
    vec![Fault {
        at: 0,
        message: "cannot be compiled".to_owned(),
    }]
}

impl Wanted {
    fn fault(self, ty: &Ty) -> Option<String> {
        let (is_right, name) = match self {
            Wanted::Any => (true, ""),
            Wanted::Bool => (matches!(ty, Ty::Bool), "bool"),
            Wanted::Selector => {
                let fits = matches!(ty, Ty::Bool | Ty::Dyn | Ty::Open(_));
                let words = || format!("must evaluate to bool or the unknown type, not {ty}");
                return (!fits).then(words);
            }
            Wanted::Text => (matches!(ty, Ty::Text), "string"),
            Wanted::TextOrNull => (matches!(ty, Ty::Text | Ty::Null), "string"),
            Wanted::Patch => (
                matches!(ty, Ty::Patch(name) if &**name == "Object"),
                "Object",
            ),
            Wanted::Patches => (
                matches!(ty, Ty::List(item) if matches!(&**item, Ty::Object(s) if s.name == "JSONPatch")),
                "list(JSONPatch)",
            ),
        };
        (!is_right).then(|| format!("must evaluate to {name} but got {ty}"))
    }
}

#[cfg(test)]
mod tests;
