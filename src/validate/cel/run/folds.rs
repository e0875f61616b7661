//! Macros that run over lists and maps, with the costs of the loops into which cel-go expands them
//! (`parser/macro.go`, `ext/comprehensions.go`).

use std::collections::HashSet;

use super::super::parse::Fold as Macro;
use super::eval::{Run, Slot};
use super::plan::{Fold, Plan};
use super::value::{Key, Map, Origin, Value};
use super::{NO_OVERLOAD, Stop};

/// What a loop has come to: a value, or the error that it carries on.
type Carried<T> = Result<T, smol_str::SmolStr>;

impl<'p> Run<'p> {
    /// A macro over a list or a map.
    pub(super) fn fold(&mut self, fold: &'p Fold) -> Result<Value, Stop> {
        let range = self.eval(&fold.range)?;
        let rounds = rounds(&range, fold.two)?;
        match fold.kind {
            Macro::All => self.quantified(fold, rounds, false),
            Macro::Exists => self.quantified(fold, rounds, true),
            Macro::ExistsOne => self.exists_one(fold, rounds),
            Macro::Map | Macro::Filter | Macro::TransformList => self.listed(fold, rounds),
            Macro::TransformMap | Macro::TransformMapEntry => self.mapped(fold, rounds),
            Macro::OptMap | Macro::OptFlatMap => Err(NO_OVERLOAD),
        }
    }

    /// Evaluates a part with the variables of a round.
    fn within(&mut self, round: &[Value], plan: &'p Plan) -> Result<Value, Stop> {
        self.tools.spend(1)?;
        let depth = self.slots.len();
        let known = round.iter().cloned().map(Slot::Known);
        self.slots.extend(known);
        let value = self.attempt(plan);
        self.slots.truncate(depth);
        value
    }

    /// `all` and `exists`: one value decides, and ends the loop.
    fn quantified(
        &mut self,
        fold: &'p Fold,
        rounds: Vec<Vec<Value>>,
        decisive: bool,
    ) -> Result<Value, Stop> {
        let mut so_far: Carried<bool> = Ok(!decisive);
        for round in &rounds {
            // The condition: `@not_strictly_false(x)`, for `exists` of `!x`.
            self.pay(if decisive { 3 } else { 2 })?;
            if so_far == Ok(decisive) {
                break;
            }
            self.pay(1)?;
            so_far = match (so_far, self.within(round, &fold.body)?) {
                (_, Value::Bool(value)) if value == decisive => Ok(decisive),
                (so_far, Value::Bool(_)) => so_far,
                (Err(why), _) | (_, Value::Wrong(why)) => Err(why),
                _ => Err("no such overload".into()),
            };
        }
        self.pay(1)?;
        so_far.map(Value::Bool).map_err(Stop::Wrong)
    }

    fn exists_one(&mut self, fold: &'p Fold, rounds: Vec<Vec<Value>>) -> Result<Value, Stop> {
        let mut count: Carried<u64> = Ok(0);
        for round in &rounds {
            match self.within(round, &fold.body)? {
                Value::Bool(true) => {
                    self.pay(2)?;
                    count = count.map(|count| count + 1);
                }
                Value::Bool(false) => {}
                Value::Wrong(why) => count = Err(why),
                _ => count = Err("no such overload".into()),
            }
        }
        self.pay(2)?;
        let count = count.map_err(Stop::Wrong)?;
        Ok(Value::Bool(count == 1))
    }

    /// Whether a round counts; an error of its condition is carried on.
    fn chosen<T>(
        &mut self,
        condition: Option<&'p Plan>,
        round: &[Value],
        carried: &mut Carried<T>,
    ) -> Result<bool, Stop> {
        let Some(condition) = condition else {
            return Ok(true);
        };
        match self.within(round, condition)? {
            Value::Bool(value) => return Ok(value),
            Value::Wrong(why) => *carried = Err(why),
            _ => *carried = Err("no such overload".into()),
        }
        Ok(false)
    }

    /// `map`, `filter` and `transformList`: `list + [item]` for each round.
    fn listed(&mut self, fold: &'p Fold, rounds: Vec<Vec<Value>>) -> Result<Value, Stop> {
        let mut items: Carried<Vec<Value>> = Ok(Vec::new());
        let is_filter = fold.kind == Macro::Filter;
        let condition = match is_filter {
            true => Some(&fold.body),
            false => fold.condition.as_ref(),
        };
        for round in &rounds {
            if !self.chosen(condition, round, &mut items)? {
                continue;
            }
            self.pay(1)?;
            let item = if is_filter {
                self.pay(1 + 10)?;
                round.first().cloned().unwrap_or(Value::Null)
            } else {
                let item = self.within(round, &fold.body)?;
                // A list of constants is one itself.
                self.pay(if matches!(fold.body, Plan::Const(_)) {
                    0
                } else {
                    10
                })?;
                item
            };
            self.pay(1)?;
            items = match (items, item) {
                (Err(why), _) | (_, Value::Wrong(why)) => Err(why),
                (Ok(mut items), item) => {
                    items.push(item);
                    Ok(items)
                }
            };
        }
        self.pay(1)?;
        items.map(Value::list).map_err(Stop::Wrong)
    }

    /// `transformMap` and `transformMapEntry`.
    fn mapped(&mut self, fold: &'p Fold, rounds: Vec<Vec<Value>>) -> Result<Value, Stop> {
        let mut entries: Carried<Vec<(Value, Value)>> = Ok(Vec::new());
        let mut seen = HashSet::new();
        let whole = fold.kind == Macro::TransformMapEntry;
        for round in &rounds {
            if !self.chosen(fold.condition.as_ref(), round, &mut entries)? {
                continue;
            }
            self.pay(1)?;
            if !whole {
                if entries.is_err() {
                    continue;
                }
                // The key.
                self.pay(1)?;
            }
            let value = self.within(round, &fold.body)?;
            self.pay(1)?;
            let more = match (value, whole) {
                (Value::Wrong(why), _) => Err(why),
                (Value::Map(map), true) => Ok(map.entries().to_vec()),
                (_, true) => Err("no such overload".into()),
                (value, false) => {
                    let key = round.first().cloned().unwrap_or(Value::Null);
                    Ok(vec![(key, value)])
                }
            };
            entries = match (entries, more) {
                (Err(why), _) | (_, Err(why)) => Err(why),
                (Ok(mut entries), Ok(more)) => {
                    let again = more.iter().find(|(key, _)| !seen.insert(Key::of(key)));
                    if let Some((key, _)) = again {
                        let key = super::functions::shown(key);
                        Err(format!("insert failed: key {key} already exists").into())
                    } else {
                        entries.extend(more);
                        Ok(entries)
                    }
                }
            };
        }
        self.pay(1)?;
        let entries = entries.map_err(Stop::Wrong)?;
        Ok(Value::Map(Map::new(entries, Origin::Made, Vec::new())))
    }
}

/// The variables of each round.
fn rounds(range: &Value, two: bool) -> Result<Vec<Vec<Value>>, Stop> {
    Ok(match range {
        Value::List(list) => {
            let items = list.items.iter().cloned().enumerate();
            items
                .map(|(at, item)| match (two, i64::try_from(at)) {
                    (true, Ok(at)) => vec![Value::Int(at), item],
                    _ => vec![item],
                })
                .collect()
        }
        Value::Map(map) => {
            let values = map.entries().iter().map(|(_, value)| value.clone());
            map.keys()
                .zip(values)
                .map(|(key, value)| match two {
                    true => vec![key, value],
                    false => vec![key],
                })
                .collect()
        }
        other => {
            let ty = super::functions::go_type(other);
            return Err(Stop::wrong(match two {
                true => format!("unsupported comprehension range type: {ty}"),
                false => format!("got '{ty}', expected iterable type"),
            }));
        }
    })
}
