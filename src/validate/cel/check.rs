//! Names and types of an expression, and its cost on the way (`checker/checker.go` of cel-go).

use std::sync::Arc;

use super::cost::{self, Decl, Part, Size};
use super::library::{self, Overload};
use super::parse::{self, Expr, Fold, Kind};
use super::types::{self, Bindings, Ty};
use super::{Checked, Env, Fault};
use crate::validate::scalar::{TimeForm, is_time};

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
    };
    let found = checker.expr(expr);
    if checker.faults.is_empty() {
        return Ok(Checked {
            ty: checker.bindings.resolve(&found.ty),
            cost: found.cost,
            uses_old: checker.uses_old,
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
}

struct Checker<'e> {
    env: &'e Env,
    bindings: Bindings,
    scopes: Vec<Variable>,
    faults: Vec<Fault>,
    uses_old: bool,
}

impl Checker<'_> {
    fn fault(&mut self, at: usize, message: String) -> Found {
        self.faults.push(Fault { at, message });
        Found::new(Ty::Dyn, 0)
    }

    fn expr(&mut self, expr: &Expr) -> Found {
        let mut found = match &expr.kind {
            Kind::Null => Found::new(Ty::Null, 0),
            Kind::Bool => Found::new(Ty::Bool, 0),
            Kind::Int(_) => Found::new(Ty::Int, 0),
            Kind::Uint => Found::new(Ty::Uint, 0),
            Kind::Double => Found::new(Ty::Double, 0),
            Kind::Text(_) => Found::new(Ty::Text, 0),
            Kind::Bytes => Found::new(Ty::Bytes, 0),
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
            Kind::Null | Kind::Bool | Kind::Int(_) | Kind::Uint | Kind::Double | Kind::Bytes => {
                Some(1)
            }
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
            None => Some(root.clone()),
            Some(decl) => decl.as_ref().and_then(step),
        })
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Found {
        if let Some(variable) = self.local(name) {
            let mut found = Found::new(variable.ty.clone(), 1);
            found.origin.clone_from(&variable.origin);
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
        found.origin = self.beyond(&inner.origin, |decl| match is_map {
            // Entries of a map are no fields to the estimator.
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

    fn call(&mut self, expr: &Expr, target: Option<&Expr>, name: &str, args: &[Expr]) -> Found {
        // A target that spells the name of a library is part of the function's name.
        if let Some(target) = target
            && let Some(prefix) = parse::qualified(target)
            && self
                .local(prefix.split('.').next().unwrap_or_default())
                .is_none()
        {
            let full = format!("{prefix}.{name}");
            if full == "jsonpatch.escapeKey" && self.env.patches && args.len() == 1 {
                let part = self.expr(&args[0]);
                return Found::new(Ty::Text, part.cost.saturating_add(1));
            }
            let overloads = library::overloads(&full);
            if !overloads.is_empty() {
                return self.resolve(expr, &full, overloads, None, args);
            }
        }
        if name == "sortBy" && target.is_some() && args.len() == 2 {
            return self.sort_by(expr, target, args);
        }
        let overloads = library::overloads(name);
        if overloads.is_empty() {
            for part in target.into_iter().chain(args) {
                self.expr(part);
            }
            let message = format!("undeclared reference to '{name}' (in container '')");
            return self.fault(expr.at, message);
        }
        self.resolve(expr, name, overloads, target, args)
    }

    /// `list.sortBy(x, key)`, which is no fold: it gives the list again.
    fn sort_by(&mut self, expr: &Expr, target: Option<&Expr>, args: &[Expr]) -> Found {
        let Some(range) = target else {
            return Found::new(Ty::Dyn, 0);
        };
        let range = self.expr(range);
        let Kind::Ident(name) = &args[0].kind else {
            return self.fault(
                expr.at,
                "sortBy(var, ...) variable name must be a simple identifier".to_owned(),
            );
        };
        let item = match self.bindings.resolve(&range.ty) {
            Ty::List(item) => (*item).clone(),
            _ => Ty::Dyn,
        };
        self.scopes.push(Variable {
            name: name.clone(),
            ty: item,
            origin: None,
            size: None,
        });
        let key = self.expr(&args[1]);
        self.scopes.pop();
        let count = range.size.unwrap_or(Size::UNKNOWN).max;
        let mut found = Found::new(range.ty, count.saturating_mul(key.cost.saturating_add(20)));
        found.size = range.size;
        found
    }

    fn resolve(
        &mut self,
        expr: &Expr,
        name: &str,
        overloads: &'static [Overload],
        target: Option<&Expr>,
        args: &[Expr],
    ) -> Found {
        let founds: Vec<Found> = args.iter().map(|arg| self.expr(arg)).collect();
        let of_target = target.map(|target| (target, self.expr(target)));
        let given: Vec<Ty> = of_target
            .iter()
            .map(|(_, found)| &found.ty)
            .chain(founds.iter().map(|found| &found.ty))
            .map(|ty| self.bindings.resolve(ty))
            .collect();
        let mut matching: Vec<&'static Overload> = Vec::new();
        let mut result: Option<Ty> = None;
        for overload in overloads {
            if overload.member != target.is_some() || overload.params.len() != given.len() {
                continue;
            }
            let before = self.bindings.clone();
            let fresh = [self.bindings.open(), self.bindings.open()];
            let fits = overload.params.iter().zip(&given).all(|(param, given)| {
                let param = renamed(param, fresh);
                self.bindings.fits(&param, given)
            });
            if !fits {
                self.bindings = before;
                continue;
            }
            let ty = renamed(&overload.result, fresh);
            let ty = self.bindings.resolve(&ty);
            result = Some(match result {
                None => ty,
                Some(same) if same.is_exactly(&ty) => same,
                // Several forms fit: which one is known only when it runs.
                Some(_) => Ty::Dyn,
            });
            matching.push(overload);
        }
        let Some(ty) = result else {
            let shown: Vec<String> = given.iter().map(Ty::to_string).collect();
            let shown = match target {
                Some(_) => format!("{}.({})", shown[0], shown[1..].join(", ")),
                None => format!("({})", shown.join(", ")),
            };
            let message = format!("found no matching overload for '{name}' applied to '{shown}'");
            return self.fault(expr.at, message);
        };
        self.literals(name, args);
        self.priced(expr, name, &matching, of_target.as_ref(), &founds, args, ty)
    }

    /// Literals that are checked when the expression is compiled.
    fn literals(&mut self, name: &str, args: &[Expr]) {
        let Some((at, text)) = args.last().and_then(|arg| match &arg.kind {
            Kind::Text(text) => Some((arg.at, text)),
            _ => None,
        }) else {
            return;
        };
        match name {
            "matches" if crate::validate::custom::is_no_pattern(text) => {
                self.fault(at, format!("invalid matches argument: {text}"));
            }
            "duration" if !is_duration(text) => {
                self.fault(at, "invalid duration argument".to_owned());
            }
            "timestamp" if !is_time(text, TimeForm::Seconds) => {
                self.fault(at, "invalid timestamp argument".to_owned());
            }
            _ => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a call")]
    fn priced(
        &self,
        expr: &Expr,
        name: &str,
        matching: &[&Overload],
        target: Option<&(&Expr, Found)>,
        founds: &[Found],
        args: &[Expr],
        ty: Ty,
    ) -> Found {
        let part = |expr, found: &Found| Part {
            cost: found.cost,
            size: found.size,
            entry: found.entry,
            ty: self.bindings.resolve(&found.ty),
            expr,
            items: match &found.origin {
                Some(Some(decl)) => decl.inner().map(|inner| inner.size()),
                _ => found.entry,
            },
        };
        let parts: Vec<Part<'_>> = args
            .iter()
            .zip(founds)
            .map(|(arg, found)| part(arg, found))
            .collect();
        let target = target.map(|(expr, found)| part(expr, found));
        let mut found = Found::new(ty, 0);
        for overload in matching {
            let call = cost::call(name, overload, target.as_ref(), &parts);
            found.cost = found.cost.max(call.cost);
            found.size = match (found.size, call.size) {
                (Some(a), Some(b)) => Some(a.union(b)),
                (a, b) => a.or(b),
            };
        }
        match name {
            "dyn" => {
                found.size = parts[0].size;
                found.cost = parts[0].cost.saturating_add(1);
            }
            "_[_]" => {
                found.size = parts[0].entry;
                found.origin = self.beyond(&founds[0].origin, Decl::inner);
            }
            "_+_" | "_?_:_" => {
                let entries = parts[parts.len() - 2..]
                    .iter()
                    .filter_map(|part| part.entry);
                found.entry = entries.reduce(Size::union);
            }
            _ => {}
        }
        let _ = expr;
        let of_target = target.map_or(0, |target| target.cost);
        found.cost = found.cost.saturating_add(of_target);
        found
    }

    fn fold(&mut self, expr: &Expr) -> Found {
        let Kind::Fold {
            fold,
            range,
            variable,
            second,
            condition,
            body,
        } = &expr.kind
        else {
            return Found::new(Ty::Dyn, 0);
        };
        let over = self.expr(range);
        let over_ty = self.bindings.resolve(&over.ty);
        let (key, value) = match (&over_ty, *fold) {
            (Ty::Optional(inner), Fold::OptMap | Fold::OptFlatMap) => (Ty::Dyn, (**inner).clone()),
            (Ty::List(item), _) => (Ty::Int, (**item).clone()),
            (Ty::Map(key, value), _) => ((**key).clone(), (**value).clone()),
            (Ty::Dyn | Ty::Open(_), _) => (Ty::Dyn, Ty::Dyn),
            (other, _) => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return self.fault(range.at, message);
            }
        };
        let is_map = matches!(over_ty, Ty::Map(..));
        let keys = self.beyond(&over.origin, Decl::keys);
        let values = self.beyond(&over.origin, Decl::inner);
        let depth = self.scopes.len();
        let mut bind = |name: &String, ty: Ty, origin: Origin, size| {
            self.scopes.push(Variable {
                name: name.clone(),
                ty,
                origin,
                size,
            });
        };
        match second {
            Some(second) => {
                bind(
                    variable,
                    key,
                    if is_map { keys } else { None },
                    Some(Size::fixed(1)),
                );
                bind(second, value, values, over.entry);
            }
            // Alone it is the key of a map, the item of a list.
            None if is_map => bind(variable, key, keys, None),
            None => bind(variable, value, values, over.entry),
        }
        let condition = condition.as_deref().map(|condition| {
            let found = self.expr(condition);
            self.must_be_bool(condition, &found);
            found
        });
        let inner = self.expr(body);
        self.scopes.truncate(depth);
        self.folded(
            *fold,
            range,
            &over,
            condition.as_ref(),
            body,
            inner,
            over_ty,
        )
    }

    fn must_be_bool(&mut self, expr: &Expr, found: &Found) {
        if !self.bindings.fits(&Ty::Bool, &found.ty) {
            let given = self.bindings.resolve(&found.ty);
            let message = format!("expected type 'bool' but found '{given}'");
            self.fault(expr.at, message);
        }
    }

    /// What a fold gives, and what it costs: as the loop into which the macro is expanded.
    #[expect(clippy::too_many_arguments, reason = "the parts of a macro")]
    fn folded(
        &mut self,
        fold: Fold,
        range: &Expr,
        over: &Found,
        condition: Option<&Found>,
        body: &Expr,
        inner: Found,
        over_ty: Ty,
    ) -> Found {
        let _ = range;
        let count = over.size.unwrap_or(Size::UNKNOWN);
        let under = condition.map_or(0, |found| found.cost);
        // The start, each round, the result.
        let (start, round, end, ty) = match fold {
            Fold::All => (0, 3_u64.saturating_add(inner.cost), 1, Ty::Bool),
            Fold::Exists => (0, 4_u64.saturating_add(inner.cost), 1, Ty::Bool),
            Fold::ExistsOne => (0, 2_u64.saturating_add(inner.cost), 2, Ty::Bool),
            Fold::Map | Fold::TransformList => {
                let round = 12_u64.saturating_add(inner.cost).saturating_add(under);
                (10, round, 1, Ty::list(inner.ty.clone()))
            }
            Fold::Filter => {
                let ty = match &over_ty {
                    Ty::Map(key, _) => Ty::list((**key).clone()),
                    other => other.clone(),
                };
                (10, 13_u64.saturating_add(inner.cost), 1, ty)
            }
            Fold::TransformMap | Fold::TransformMapEntry => {
                let key = match &over_ty {
                    Ty::Map(key, _) => (**key).clone(),
                    Ty::List(_) => Ty::Int,
                    _ => Ty::Dyn,
                };
                let ty = match (fold, self.bindings.resolve(&inner.ty)) {
                    (Fold::TransformMapEntry, entry) => entry,
                    (_, value) => Ty::map(key, value),
                };
                let round = 3_u64.saturating_add(inner.cost).saturating_add(under);
                (30, round, 1, ty)
            }
            Fold::OptMap => {
                let cost = over.cost.saturating_mul(2).saturating_add(inner.cost);
                return Found::new(Ty::optional(inner.ty), cost.saturating_add(12));
            }
            Fold::OptFlatMap => {
                let cost = over.cost.saturating_mul(2).saturating_add(inner.cost);
                return Found::new(inner.ty, cost.saturating_add(12));
            }
        };
        if matches!(
            fold,
            Fold::All | Fold::Exists | Fold::ExistsOne | Fold::Filter
        ) {
            self.must_be_bool(body, &inner);
        }
        let rounds = count.max.saturating_mul(round);
        let cost = over.cost.saturating_add(start + end).saturating_add(rounds);
        let mut found = Found::new(ty, cost);
        if matches!(
            fold,
            Fold::Map | Fold::Filter | Fold::TransformList | Fold::TransformMap
        ) {
            found.size = Some(count);
            found.entry = match fold {
                Fold::Filter => over.entry.or_else(|| match &over.origin {
                    Some(Some(decl)) => decl.inner().map(|inner| inner.size()),
                    _ => None,
                }),
                _ => Some(inner.size.unwrap_or(Size::UNKNOWN)),
            };
        }
        found
    }
}

/// Whether Go reads a text as a duration: `1h30m`, `-1.5s`, `0`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let Some(at) = unit.filter(|at| *at > 0) else {
            return false;
        };
        if rest[..at].parse::<f64>().is_err() {
            return false;
        }
        let units = ["ns", "us", "\u{b5}s", "\u{3bc}s", "ms", "s", "m", "h"];
        let Some(unit) = units.iter().find(|unit| {
            let after = rest[at..].strip_prefix(**unit);
            after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        }) else {
            return false;
        };
        rest = &rest[at + unit.len()..];
        parts += 1;
    }
    parts > 0
}

/// The name of the type of `variables`.
const VARIABLES: &str = "kubernetes.variables";

/// A type of a function with open types of this call.
fn renamed(ty: &Ty, fresh: [usize; 2]) -> Ty {
    match ty {
        Ty::Open(number) => Ty::Open(fresh[*number]),
        Ty::List(item) => Ty::list(renamed(item, fresh)),
        Ty::Map(key, value) => Ty::map(renamed(key, fresh), renamed(value, fresh)),
        Ty::Optional(inner) => Ty::optional(renamed(inner, fresh)),
        Ty::Type(inner) => Ty::Type(Arc::new(renamed(inner, fresh))),
        other => other.clone(),
    }
}
