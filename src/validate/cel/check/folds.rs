//! Macros: loops over lists and maps, as cel-go expands and prices them.

use super::super::cost::{Decl, Size};
use super::super::parse::{Expr, Fold, Kind};
use super::super::types::Ty;
use super::{Checker, Found, Origin, Variable};

impl Checker<'_> {
    /// A macro that runs over a list or a map, or into an optional value.
    pub(super) fn fold(&mut self, expr: &Expr) -> Found {
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
        let is_optional = matches!(fold, Fold::OptMap | Fold::OptFlatMap);
        let keys = self.beyond(&over.origin, Decl::keys);
        let values = self.beyond(&over.origin, Decl::inner);
        let depth = self.scopes.len();
        let mut bind = |name: &String, ty: Ty, origin: Origin, size| {
            self.scopes.push(Variable {
                name: name.clone(),
                ty,
                origin,
                size,
                entry: None,
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
            // Nothing is known of the size of what an optional value holds.
            None if is_optional => bind(variable, value, None, None),
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
        self.folded(*fold, &over, condition.as_ref(), body, inner, over_ty)
    }

    /// Refuses what is no condition.
    fn must_be_bool(&mut self, expr: &Expr, found: &Found) {
        if !self.bindings.fits(&Ty::Bool, &found.ty) {
            let given = self.bindings.resolve(&found.ty);
            let message = format!("expected type 'bool' but found '{given}'");
            self.fault(expr.at, message);
        }
    }

    /// What a fold gives, and what it costs: as the loop into which the macro is expanded.
    fn folded(
        &mut self,
        fold: Fold,
        over: &Found,
        condition: Option<&Found>,
        body: &Expr,
        inner: Found,
        over_ty: Ty,
    ) -> Found {
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
                return Found::new(Ty::optional(inner.ty), cost.saturating_add(13));
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
