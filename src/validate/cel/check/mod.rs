//! Names and types of an expression, and its cost on the way (`checker/checker.go` of cel-go).

mod calls;
mod folds;

use std::sync::Arc;

use super::cost::{Decl, Size};
use super::library;
use super::parse::{self, Expr, Kind};
use super::types::{self, Bindings, Ty};
use super::{Checked, Env, Fault};

/// Checks an expression.
///
/// # Errors
/// All faults.
pub(super) fn check(env: &Env, expr: &Expr) -> Result<Checked, Vec<Fault>> {
    let mut checker = Checker {
        env,
        bindings: Bindings::default(),
        scopes: Vec::new(),
        faults: Vec::new(),
        uses_old: false,
        open: Vec::new(),
        mixing: 0,
    };
    let found = checker.expr(expr);
    if checker.faults.is_empty() {
        return Ok(Checked {
            ty: checker.bindings.resolve(&found.ty),
            cost: found.cost,
            uses_old: checker.uses_old,
            open: checker.open,
        });
    }
    Err(checker.faults)
}

/// Where a value comes from, for what the schema tells of its size: nowhere, or a place that may
/// be unknown to the schema.
type Origin = Option<Option<Decl>>;

/// What is known of a part of an expression.
#[derive(Clone, Debug)]
struct Found {
    ty: Ty,
    cost: u64,
    size: Option<Size>,
    entry: Option<Size>,
    origin: Origin,
}

impl Found {
    fn new(ty: Ty, cost: u64) -> Self {
        Self {
            ty,
            cost,
            size: None,
            entry: None,
            origin: None,
        }
    }
}

struct Variable {
    name: String,
    ty: Ty,
    origin: Origin,
    size: Option<Size>,
    /// The size of its items.
    entry: Option<Size>,
}

struct Checker<'e> {
    env: &'e Env,
    bindings: Bindings,
    scopes: Vec<Variable>,
    faults: Vec<Fault>,
    uses_old: bool,
    /// Where calls stand of which several forms fit.
    open: Vec<usize>,
    /// How many calls of `format` are around, whose lists and maps may mix types.
    mixing: usize,
}

impl Checker<'_> {
    fn fault(&mut self, at: usize, message: String) -> Found {
        self.faults.push(Fault { at, message });
        Found::new(Ty::Dyn, 0)
    }

    fn expr(&mut self, expr: &Expr) -> Found {
        let mut found = match &expr.kind {
            Kind::Null => Found::new(Ty::Null, 0),
            Kind::Bool(_) => Found::new(Ty::Bool, 0),
            Kind::Int(_) => Found::new(Ty::Int, 0),
            Kind::Uint(_) => Found::new(Ty::Uint, 0),
            Kind::Double(_) => Found::new(Ty::Double, 0),
            Kind::Text(_) => Found::new(Ty::Text, 0),
            Kind::Bytes(_) => Found::new(Ty::Bytes, 0),
            Kind::Ident(name) => self.ident(expr, name),
            Kind::Select {
                operand,
                field,
                test,
                optional,
            } => self.select(expr, operand, field, *test, *optional),
            Kind::Call { target, name, args } => self.call(expr, target.as_deref(), name, args),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct { name, fields } => self.structure(expr, name, fields),
            Kind::Fold { .. } => self.fold(expr),
        };
        if found.size.is_none() {
            found.size = self.size(expr, &found);
        }
        found
    }

    /// The size of a part, where it is not computed from its own parts.
    fn size(&self, expr: &Expr, found: &Found) -> Option<Size> {
        let literal = match &expr.kind {
            Kind::Text(text) => Some(text.chars().count()),
            Kind::List(items) => Some(items.len()),
            Kind::Map(entries) => Some(entries.len()),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Uint(_)
            | Kind::Double(_)
            | Kind::Bytes(_) => Some(1),
            _ => None,
        };
        if let Some(size) = literal {
            return Some(Size::fixed(size));
        }
        if let Some(Some(decl)) = &found.origin {
            return Some(decl.size());
        }
        match self.bindings.resolve(&found.ty) {
            Ty::Bool | Ty::Double | Ty::Duration | Ty::Int | Ty::Timestamp | Ty::Uint => {
                Some(Size::fixed(1))
            }
            _ => match &expr.kind {
                Kind::Ident(name) => self.local(name).and_then(|variable| variable.size),
                _ => None,
            },
        }
    }

    fn local(&self, name: &str) -> Option<&Variable> {
        self.scopes.iter().rev().find(|v| v.name == name)
    }

    /// One step further from where a value comes from. A value from nowhere counts as the root,
    /// a quirk of the server's estimator.
    fn beyond(&self, origin: &Origin, step: impl FnOnce(&Decl) -> Option<Decl>) -> Origin {
        let root = self.env.root.as_ref()?;
        Some(match origin {
            None => root.rootless(),
            Some(decl) => decl.as_ref().and_then(step),
        })
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Found {
        if let Some(variable) = self.local(name) {
            let mut found = Found::new(variable.ty.clone(), 1);
            found.origin.clone_from(&variable.origin);
            found.entry = variable.entry;
            return found;
        }
        if let Some(ty) = self.global(name) {
            self.uses_old |= name == "oldSelf";
            let mut found = Found::new(ty, 1);
            found.origin = self.env.root.clone().map(Some);
            return found;
        }
        self.fault(
            expr.at,
            format!("undeclared reference to '{name}' (in container '')"),
        )
    }

    /// A variable of the environment, or a type by its name.
    fn global(&self, name: &str) -> Option<Ty> {
        if let Some((_, ty)) = self.env.variables.iter().find(|(own, _)| own == name) {
            return Some(ty.clone());
        }
        if name == "variables" && self.env.composed.is_some() {
            return Some(Ty::Patch(VARIABLES.into()));
        }
        let ty = match name {
            "bool" | "int" | "uint" | "double" | "string" | "bytes" => library::read_type(name)?,
            "null_type" => Ty::Null,
            "list" => Ty::list(Ty::Dyn),
            "map" => Ty::map(Ty::Dyn, Ty::Dyn),
            "type" => Ty::Type(Arc::new(Ty::Dyn)),
            "optional_type" => Ty::optional(Ty::Dyn),
            "google.protobuf.Timestamp" => Ty::Timestamp,
            "google.protobuf.Duration" => Ty::Duration,
            "net.IP"
            | "net.CIDR"
            | "kubernetes.URL"
            | "kubernetes.Quantity"
            | "kubernetes.Semver" => Ty::Dyn,
            _ => return None,
        };
        Some(Ty::Type(Arc::new(ty)))
    }

    fn select(
        &mut self,
        expr: &Expr,
        operand: &Expr,
        field: &str,
        test: bool,
        optional: bool,
    ) -> Found {
        // A name with dots may be one variable.
        if !test
            && let Some(name) = parse::qualified(expr)
            && self
                .local(name.split('.').next().unwrap_or_default())
                .is_none()
            && let Some(ty) = self.global(&name)
        {
            return Found::new(ty, 1);
        }
        let inner = self.expr(operand);
        let mut ty = self.bindings.resolve(&inner.ty);
        let mut is_optional = optional;
        if let Ty::Optional(value) = &ty {
            ty = (**value).clone();
            is_optional = true;
        }
        let result = match &ty {
            Ty::Map(_, value) => (**value).clone(),
            Ty::Dyn | Ty::Open(_) => Ty::Dyn,
            Ty::Patch(name) if &**name == VARIABLES => self.variable(expr, field),
            Ty::Object(_) | Ty::Schema { .. } => match types::field(&ty, field) {
                Some(ty) => ty,
                None => return self.fault(expr.at, format!("undefined field '{field}'")),
            },
            Ty::Patch(_) => Ty::Dyn,
            other => {
                let message = format!("type '{other}' does not support field selection");
                return self.fault(expr.at, message);
            }
        };
        let step = matches!(
            ty,
            Ty::Map(..) | Ty::Object(_) | Ty::Schema { .. } | Ty::Patch(_) | Ty::Open(_)
        );
        if test {
            return Found::new(Ty::Bool, inner.cost);
        }
        let result = match is_optional {
            true => Ty::optional(result),
            false => result,
        };
        let mut found = Found::new(result, inner.cost.saturating_add(u64::from(step)));
        let is_map = matches!(ty, Ty::Map(..));
        let free = self.env.binds;
        found.origin = self.beyond(&inner.origin, |decl| match is_map && !free {
            // Entries of a map are no fields to the estimator, save those of devices.
            true => None,
            false => decl.field(field),
        });
        found
    }

    /// A field of `variables`.
    fn variable(&mut self, expr: &Expr, name: &str) -> Ty {
        let composed = self.env.composed.as_deref().unwrap_or_default();
        match composed.iter().find(|(own, _)| own == name) {
            Some((_, ty)) => ty.clone(),
            None => self.fault(expr.at, format!("undefined field '{name}'")).ty,
        }
    }

    fn list(&mut self, items: &[(Expr, bool)]) -> Found {
        let mut ty: Option<Ty> = None;
        let mut found = Found::new(Ty::Dyn, 10);
        let mut entry = Size::fixed(0);
        for (item, optional) in items {
            let part = self.expr(item);
            found.cost = found.cost.saturating_add(part.cost);
            entry = entry.union(part.size.unwrap_or(Size::UNKNOWN));
            let mut given = self.bindings.resolve(&part.ty);
            if *optional && let Ty::Optional(inner) = &given {
                given = (**inner).clone();
            }
            ty = Some(self.join(item.at, ty, given));
        }
        let item = ty.unwrap_or_else(|| Ty::Open(self.bindings.open()));
        found.ty = Ty::list(item);
        found.entry = Some(entry);
        found
    }

    fn map(&mut self, entries: &[(Expr, Expr, bool)]) -> Found {
        let (mut key_ty, mut value_ty) = (None, None);
        let mut found = Found::new(Ty::Dyn, 30);
        for (key, value, optional) in entries {
            let (key_part, part) = (self.expr(key), self.expr(value));
            found.cost = found
                .cost
                .saturating_add(key_part.cost)
                .saturating_add(part.cost);
            let key_given = self.bindings.resolve(&key_part.ty);
            let mut given = self.bindings.resolve(&part.ty);
            if *optional && let Ty::Optional(inner) = &given {
                given = (**inner).clone();
            }
            key_ty = Some(self.join(key.at, key_ty, key_given));
            value_ty = Some(self.join(value.at, value_ty, given));
        }
        let mut open = || Ty::Open(self.bindings.open());
        let key = key_ty.unwrap_or_else(&mut open);
        let value = value_ty.unwrap_or_else(&mut open);
        found.ty = Ty::map(key, value);
        found
    }

    /// The type of items that stand together; all must be of one.
    fn join(&mut self, at: usize, before: Option<Ty>, given: Ty) -> Ty {
        let Some(before) = before else {
            return given;
        };
        if self.bindings.fits(&before, &given) {
            return match given.is_dyn() {
                true => given,
                false => before,
            };
        }
        if self.mixing > 0 {
            return Ty::Dyn;
        }
        let message = format!("expected type '{before}' but found '{given}'");
        self.fault(at, message).ty
    }

    fn structure(
        &mut self,
        expr: &Expr,
        name: &str,
        fields: &[(usize, String, Expr, bool)],
    ) -> Found {
        let mut found = Found::new(Ty::Dyn, 40);
        let is_patch = name == "Object" || name.starts_with("Object.");
        let known = match name {
            _ if self.env.patches && is_patch => Ty::Patch(name.into()),
            "JSONPatch" if self.env.patches => library::read_type("JSONPatch").unwrap_or(Ty::Dyn),
            _ => {
                let message = format!("undeclared reference to '{name}' (in container '')");
                return self.fault(expr.at, message);
            }
        };
        for (at, field, value, optional) in fields {
            let part = self.expr(value);
            found.cost = found.cost.saturating_add(part.cost);
            let mut given = self.bindings.resolve(&part.ty);
            if *optional && let Ty::Optional(inner) = &given {
                given = (**inner).clone();
            }
            let wanted = match &known {
                Ty::Object(_) => types::field(&known, field),
                _ => Some(Ty::Dyn),
            };
            match wanted {
                None => {
                    self.fault(*at, format!("undefined field '{field}'"));
                }
                Some(wanted) if !self.bindings.fits(&wanted, &given) => {
                    let message = format!(
                        "expected type of field '{field}' is '{wanted}' but provided type is '{given}'"
                    );
                    self.fault(*at, message);
                }
                // What stands at a field of a patch has the type of that name.
                Some(_) => {
                    let below = format!("{name}.{field}");
                    let wrong = match &given {
                        Ty::Patch(other) if is_patch => **other != *below,
                        _ => false,
                    };
                    if wrong {
                        let message = format!(
                            "unexpected type name \"{given}\", expected \"{below}\", which matches field name path from root Object type"
                        );
                        self.fault(*at, message);
                    }
                }
            }
        }
        found.ty = known;
        found
    }
}

/// The name of the type of `variables`.
const VARIABLES: &str = "kubernetes.variables";
