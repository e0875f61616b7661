//! Expressions in CEL as the server compiles them: syntax, names, types, and what a rule may cost.
//!
//! Written after the parser, checker and cost estimator of cel-go 0.29 and the environments of
//! k8s.io/apiserver 1.37. It does not evaluate anything.

mod check;
mod cost;
mod lex;
mod library;
mod parse;
mod schema;
mod types;

use crate::manifest::Node;
use types::Ty;

use cost::Decl;
pub(super) use cost::most_often;
pub(super) use lex::is_word;

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
}

/// An expression that is right.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    ty: Ty,
    /// The most that it may cost, by the sizes that the schema allows.
    pub(super) cost: u64,
    /// Whether it uses `oldSelf`.
    pub(super) uses_old: bool,
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

    /// A selector of devices.
    pub(super) fn device() -> Self {
        let mut env = Self::default();
        env.declare("device", "kubernetes.DRADevice");
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
        let is_sign = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b' ');
        let nesting = text.bytes().filter(is_sign).count() + text.matches(" in ").count();
        if nesting <= SHALLOW {
            return self.compile_here(text, wanted);
        }
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().stack_size(STACK);
            match builder.spawn_scoped(scope, || self.compile_here(text, wanted)) {
                Ok(thread) => thread.join().unwrap_or_else(|_| {
                    Err(vec![Fault {
                        at: 0,
                        message: "cannot be compiled".to_owned(),
                    }])
                }),
                Err(_) => self.compile_here(text, wanted),
            }
        })
    }

    fn compile_here(&self, text: &str, wanted: Wanted) -> Result<Checked, Vec<Fault>> {
        let expr = parse::parse(text).map_err(|fault| vec![fault])?;
        let checked = check::check(self, &expr)?;
        match wanted.fault(&checked.ty) {
            None => Ok(checked),
            Some(message) => Err(vec![Fault {
                at: expr.at,
                message,
            }]),
        }
    }
}

impl Wanted {
    fn fault(self, ty: &Ty) -> Option<String> {
        let (is_right, name) = match self {
            Wanted::Any => (true, ""),
            Wanted::Bool => (matches!(ty, Ty::Bool), "bool"),
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
