//! Calls: which overload of a function fits, and what it costs.

use std::sync::Arc;

use super::super::cost::{self, Decl, Part, Size};
use super::super::library::{self, Overload};
use super::super::parse::{self, Expr, Kind};
use super::super::types::Ty;
use super::{Checker, Found, Variable};
use crate::validate::scalar::{TimeForm, is_time};

impl Checker<'_> {
    /// A call of a function or a method, operators among them.
    pub(super) fn call(
        &mut self,
        expr: &Expr,
        target: Option<&Expr>,
        name: &str,
        args: &[Expr],
    ) -> Found {
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
        let is_bind = self.env.binds
            && name == "bind"
            && target.and_then(parse::qualified).as_deref() == Some("cel");
        if let (true, [variable, value, body]) = (is_bind, args) {
            return self.bind(expr, variable, value, body);
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

    /// `cel.bind(x, value, body)`.
    fn bind(&mut self, expr: &Expr, variable: &Expr, value: &Expr, body: &Expr) -> Found {
        let Kind::Ident(name) = &variable.kind else {
            let message = "cel.bind() variable names must be simple identifiers".to_owned();
            return self.fault(expr.at, message);
        };
        let value = self.expr(value);
        self.scopes.push(Variable {
            name: name.clone(),
            ty: value.ty,
            origin: value.origin,
            size: value.size,
            entry: value.entry,
        });
        let mut found = self.expr(body);
        self.scopes.pop();
        found.cost = found.cost.saturating_add(value.cost).saturating_add(10);
        found.origin = None;
        found
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
        let origin = self.beyond(&range.origin, Decl::inner);
        self.scopes.push(Variable {
            name: name.clone(),
            ty: item,
            origin,
            size: range.entry,
            entry: None,
        });
        let key = self.expr(&args[1]);
        self.scopes.pop();
        // The list is bound, mapped to its keys, and sorted by these.
        let count = range.size.unwrap_or(Size::UNKNOWN);
        let mapped = count.max.saturating_mul(key.cost.saturating_add(12));
        let keys = Ty::list(self.bindings.resolve(&key.ty));
        let (sort, size) = cost::sorted(count, &keys);
        let parts = [range.cost, 10, 12, mapped, 1, sort];
        let cost = parts.into_iter().fold(0, u64::saturating_add);
        let mut found = Found::new(range.ty, cost);
        found.size = size;
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
        self.mixing += usize::from(name == "format");
        let founds: Vec<Found> = args.iter().map(|arg| self.expr(arg)).collect();
        let of_target = target.map(|target| (target, self.expr(target)));
        self.mixing -= usize::from(name == "format");
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
        if matching.len() > 1 {
            self.open.push(expr.at);
        }
        self.literals(name, args);
        self.priced(name, &matching, of_target.as_ref(), &founds, args, ty)
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

    /// What a call costs, and what is known of the size of its result.
    fn priced(
        &self,
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
            // Only the schema tells of these, not what the expression makes.
            items: match &found.origin {
                Some(Some(decl)) => decl.inner().map(|inner| inner.size()),
                _ => None,
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
        let of_target = target.map_or(0, |target| target.cost);
        found.cost = found.cost.saturating_add(of_target);
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
