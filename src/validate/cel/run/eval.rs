//! Evaluates a plan and counts what that costs (`interpreter/interpretable.go`,
//! `interpreter/attributes.go`).

use std::cmp::Ordering;

use super::plan::{Attr, Call, Plan, Root, Step};
use super::price::Price;
use super::value::{Key, Map, Origin, Value};
use super::{NO_OVERLOAD, Stop, Tools, equal};

/// What the server says that takes an error for a list.
const NO_LIST: &str =
    "internal error: interface conversion: *types.Err is not traits.Lister: missing method Add";

/// An evaluation.
pub(super) struct Run<'p> {
    pub(super) tools: &'p mut Tools,
    globals: [Option<&'p Value>; 2],
    pub(super) slots: Vec<Slot<'p>>,
    cost: u64,
    limit: u64,
}

/// A variable of a macro.
pub(super) enum Slot<'p> {
    Known(Value),
    /// Evaluated when it is first used.
    Lazy(&'p Plan),
}

/// What steps lead to.
enum Got {
    Plain(Value),
    /// By way of an optional step: the value is optional.
    Maybe(Value),
    /// An optional step led nowhere.
    Nothing,
}

impl Got {
    /// An optional value is stepped into, as far as it has something in it.
    fn start(value: Value) -> Self {
        match value {
            Value::Optional(Some(inner)) => Got::Maybe((*inner).clone()),
            other => Got::Plain(other),
        }
    }

    fn value(self) -> Value {
        match self {
            Got::Plain(value) => value,
            Got::Maybe(value) => Value::some(value),
            Got::Nothing => Value::Optional(None),
        }
    }
}

impl<'p> Run<'p> {
    pub(super) fn new(tools: &'p mut Tools, globals: [Option<&'p Value>; 2], limit: u64) -> Self {
        Self {
            tools,
            globals,
            slots: Vec::new(),
            cost: 0,
            limit,
        }
    }

    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    pub(super) fn pay(&mut self, cost: u64) -> Result<(), Stop> {
        self.cost = self.cost.saturating_add(cost);
        match self.cost > self.limit {
            true => Err(Stop::Cost),
            false => Ok(()),
        }
    }

    /// Evaluates a part.
    pub(super) fn eval(&mut self, plan: &'p Plan) -> Result<Value, Stop> {
        self.tools.spend(1)?;
        match plan {
            Plan::Const(value) => Ok(value.clone()),
            Plan::Attr(attr) => {
                let found = self.resolve(attr);
                // A choice costs what its parts cost.
                if matches!(found, Ok(_) | Err(Stop::Wrong(_))) && !attr.is_choice() {
                    self.pay(1)?;
                }
                right(found?.value())
            }
            Plan::Has(attr) => self.has(attr),
            Plan::And(terms) => self.logic(terms, false),
            Plan::Or(terms) => self.logic(terms, true),
            Plan::Call(call) => self.call(call),
            Plan::Among(parts) => self.among(&parts.0, &parts.1),
            Plan::List(items) => self.list(items),
            Plan::Map(entries) => self.map(entries),
            Plan::Fold(fold) => self.fold(fold),
            Plan::Fallback(parts) => match self.eval(&parts.0)? {
                Value::Optional(None) => self.eval(&parts.1),
                Value::Optional(Some(inner)) if parts.2 => right((*inner).clone()),
                found @ Value::Optional(_) => Ok(found),
                _ => Err(NO_OVERLOAD),
            },
            Plan::Bind(parts) => {
                self.slots.push(Slot::Lazy(&parts.0));
                let value = self.eval(&parts.1);
                self.slots.pop();
                value
            }
        }
    }

    /// The value of a part, an error of the language as one.
    pub(super) fn attempt(&mut self, plan: &'p Plan) -> Result<Value, Stop> {
        match self.eval(plan) {
            Err(Stop::Wrong(why)) => Ok(Value::Wrong(why)),
            other => other,
        }
    }

    /// `&&` and `||`: `decisive` is what decides, whatever the other is, an error even.
    fn logic(&mut self, terms: &'p [Plan; 2], decisive: bool) -> Result<Value, Stop> {
        let mut wrong = None;
        for term in terms {
            match self.attempt(term)? {
                Value::Bool(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Value::Bool(_) => {}
                Value::Wrong(why) => wrong = wrong.or(Some(Stop::Wrong(why))),
                _ => wrong = wrong.or(Some(NO_OVERLOAD)),
            }
        }
        wrong.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    /// A call costs what it costs even where its arguments are wrong.
    fn call(&mut self, call: &'p Call) -> Result<Value, Stop> {
        let mut args = Vec::with_capacity(call.args.len());
        let mut wrong = None;
        for arg in &call.args {
            let value = self.attempt(arg)?;
            if let (Value::Wrong(why), None) = (&value, &wrong) {
                wrong = Some(why.clone());
            }
            args.push(value);
            if wrong.is_some() && call.strict && args.len() < call.args.len() {
                return Err(Stop::Wrong(wrong.unwrap_or_default()));
            }
        }
        // The server counts the pairs of a list before it looks whether it is one.
        if let Price::Pairs(at) = call.price
            && matches!(args.get(at), Some(Value::Wrong(_)))
        {
            return Err(Stop::Broken(NO_LIST));
        }
        let result = match wrong {
            Some(why) => Err(Stop::Wrong(why)),
            None => (call.function)(self.tools, &args),
        };
        let result = match result {
            Err(Stop::Wrong(why)) => Value::Wrong(why),
            other => other?,
        };
        let bytes: usize = args.iter().map(Value::bytes).sum();
        self.tools.spend_on(bytes)?;
        self.pay(call.price.cost(&args, &result))?;
        right(result)
    }

    fn among(&mut self, plan: &'p Plan, list: &Value) -> Result<Value, Stop> {
        let value = self.eval(plan)?;
        let Value::List(list) = list else {
            return Err(NO_OVERLOAD);
        };
        self.tools.spend(list.items.len())?;
        let key = Key::of(&value);
        let found = list.items.iter().any(|item| match (item, &value) {
            (Value::Double(a), Value::Double(b)) => a.partial_cmp(b) == Some(Ordering::Equal),
            (item, _) => key.is_some() && Key::of(item) == key,
        });
        Ok(Value::Bool(found))
    }

    /// An item of a list or a value of a map; `None` for an optional one that is not there.
    fn item(&mut self, plan: &'p Plan, optional: bool) -> Result<Option<Value>, Stop> {
        Ok(match self.attempt(plan)? {
            Value::Optional(inner) if optional => inner.map(|inner| (*inner).clone()),
            value => Some(value),
        })
    }

    fn list(&mut self, items: &'p [(Plan, bool)]) -> Result<Value, Stop> {
        let mut values = Vec::with_capacity(items.len());
        let mut wrong = None;
        for (item, optional) in items {
            match self.item(item, *optional)? {
                None => {}
                Some(Value::Wrong(why)) => {
                    wrong = Some(why);
                    break;
                }
                Some(value) => values.push(value),
            }
        }
        self.pay(10)?;
        wrong.map_or_else(|| Ok(Value::list(values)), |why| Err(Stop::Wrong(why)))
    }

    fn map(&mut self, parts: &'p [(Plan, Plan, bool)]) -> Result<Value, Stop> {
        let mut entries: Vec<(Value, Value)> = Vec::with_capacity(parts.len());
        let mut wrong = None;
        for (key, value, optional) in parts {
            let key = self.attempt(key)?;
            if let Value::Wrong(why) = key {
                wrong = Some(why);
                break;
            }
            let value = match self.item(value, *optional)? {
                None => continue,
                Some(Value::Wrong(why)) => {
                    wrong = Some(why);
                    break;
                }
                Some(value) => value,
            };
            let own = Key::of(&key);
            match entries.iter_mut().find(|(other, _)| Key::of(other) == own) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        self.pay(30)?;
        let map = || Value::Map(Map::new(entries, Origin::Made, Vec::new()));
        wrong.map_or_else(|| Ok(map()), |why| Err(Stop::Wrong(why)))
    }

    /// Where the steps of an attribute lead.
    fn resolve(&mut self, attr: &'p Attr) -> Result<Got, Stop> {
        let got = self.root(&attr.root)?;
        self.steps(got, &attr.steps)
    }

    fn root(&mut self, root: &'p Root) -> Result<Got, Stop> {
        Ok(Got::start(match root {
            Root::Global(number) => match self.globals[*number] {
                Some(value) => right(value.clone())?,
                None => return Err(Stop::wrong("no such attribute(s): oldSelf")),
            },
            Root::Local(slot) => right(self.local(*slot)?)?,
            Root::Value(plan) => self.eval(plan)?,
            Root::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                let chosen = match self.eval(condition)? {
                    Value::Bool(true) => yes,
                    Value::Bool(false) => no,
                    _ => return Err(NO_OVERLOAD),
                };
                return match chosen {
                    Plan::Attr(attr) => self.resolve(attr),
                    plan => self.eval(plan).map(Got::start),
                };
            }
        }))
    }

    fn local(&mut self, slot: usize) -> Result<Value, Stop> {
        match self.slots.get(slot) {
            Some(Slot::Known(value)) => Ok(value.clone()),
            Some(Slot::Lazy(plan)) => {
                let plan = *plan;
                // It knows the variables around it and none of those after it.
                let rest = self.slots.split_off(slot);
                let value = self.attempt(plan)?;
                self.slots.extend(rest);
                self.slots[slot] = Slot::Known(value.clone());
                Ok(value)
            }
            None => Err(Stop::Unknown("a variable is missing")),
        }
    }

    fn steps(&mut self, mut got: Got, steps: &'p [Step]) -> Result<Got, Stop> {
        for step in steps {
            got = match got {
                Got::Nothing => return Ok(Got::Nothing),
                Got::Plain(value) if !step.optional => {
                    let found = self.find(&value, step);
                    self.observe(&found)?;
                    match found? {
                        (_, Some(value)) => Got::Plain(right(value)?),
                        (key, None) => return Err(missing(&value, &key)),
                    }
                }
                Got::Plain(value) | Got::Maybe(value) => match self.find(&value, step)? {
                    (_, Some(value)) => {
                        let value = right(value)?;
                        self.pay(1)?;
                        Got::Maybe(value)
                    }
                    (_, None) => Got::Nothing,
                },
            };
        }
        Ok(got)
    }

    /// A step costs one, an error in it too.
    fn observe<T>(&mut self, found: &Result<T, Stop>) -> Result<(), Stop> {
        match found {
            Ok(_) | Err(Stop::Wrong(_)) => self.pay(1),
            Err(_) => Ok(()),
        }
    }

    /// One step: the key, and what is there.
    fn find(&mut self, value: &Value, step: &'p Step) -> Result<(Value, Option<Value>), Stop> {
        let key = match &step.key {
            Plan::Const(key) => key.clone(),
            Plan::Attr(attr) => self.resolve(attr)?.value(),
            plan => self.eval(plan)?,
        };
        let key = right(key)?;
        let found = match value {
            Value::Map(map) => map.find(&key).map_err(Stop::wrong)?.cloned(),
            Value::List(list) => index(&key)?.and_then(|at| list.items.get(at).cloned()),
            _ => None,
        };
        Ok((key, found))
    }

    /// `has(a.b)`.
    fn has(&mut self, attr: &'p Attr) -> Result<Value, Stop> {
        let Some((last, before)) = attr.steps.split_last() else {
            return Err(NO_OVERLOAD);
        };
        let got = self.root(&attr.root)?;
        let present = match self.steps(got, before)? {
            Got::Nothing => false,
            Got::Plain(value) => {
                let found = self.find(&value, last);
                self.observe(&found)?;
                present(found?.1)?
            }
            Got::Maybe(value) => {
                let present = present(self.find(&value, last)?.1)?;
                self.pay(u64::from(present))?;
                present
            }
        };
        Ok(Value::Bool(present))
    }
}

impl Attr {
    fn is_choice(&self) -> bool {
        matches!(self.root, Root::Choice(_))
    }
}

fn present(found: Option<Value>) -> Result<bool, Stop> {
    found.map_or(Ok(false), |value| right(value).map(|_| true))
}

/// A value that is none is an error.
fn right(value: Value) -> Result<Value, Stop> {
    match value {
        Value::Wrong(why) => Err(Stop::Wrong(why)),
        value => Ok(value),
    }
}

/// The place that a value points at; `None` where no list has it.
pub(super) fn index(key: &Value) -> Result<Option<usize>, Stop> {
    match Key::of(key) {
        Some(Key::Number(number)) => Ok(usize::try_from(number).ok()),
        _ => Err(Stop::wrong(format!(
            "unsupported index type '{}' in list",
            key.type_name()
        ))),
    }
}

/// What an expression says that asks for what is not there.
fn missing(value: &Value, key: &Value) -> Stop {
    let key = super::functions::shown(key);
    Stop::wrong(match value {
        Value::List(_) => format!("index out of bounds: {key}"),
        _ => format!("no such key: {key}"),
    })
}

/// Whether a list or a map has something in it.
///
/// # Errors
/// A container that is neither.
pub(super) fn contains(tools: &mut Tools, value: &Value, container: &Value) -> Result<bool, Stop> {
    match container {
        Value::Map(map) => {
            let found = map.find(value).map_err(Stop::wrong)?.cloned();
            present(found)
        }
        Value::List(list) => {
            let mut wrong = None;
            for item in list.items.iter() {
                let (a, b) = match list.given {
                    true => (item, value),
                    false => (value, item),
                };
                match equal::same(tools, a, b) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(Stop::Wrong(why)) if list.given => wrong = wrong.or(Some(why)),
                    Err(Stop::Wrong(_)) => {}
                    Err(other) => return Err(other),
                }
            }
            wrong.map_or(Ok(false), |why| Err(Stop::Wrong(why)))
        }
        _ => Err(NO_OVERLOAD),
    }
}
