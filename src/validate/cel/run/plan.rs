//! The plan of an expression: what cel-go's planner makes of it, constants folded
//! (`interpreter/planner.go`, `interpreter/decorators.go`).

use super::super::parse::{self, Expr, Fold as Macro, Kind};
use super::super::{Fault, library};
use super::eval::Run;
use super::functions::{self, Function};
use super::price::{self, Price};
use super::value::Value;
use super::{Stop, Tools};

/// How a part is evaluated.
#[derive(Debug)]
pub(super) enum Plan {
    Const(Value),
    /// A variable with fields and indices after it.
    Attr(Box<Attr>),
    /// Whether the last field of one is there.
    Has(Box<Attr>),
    And(Box<[Plan; 2]>),
    Or(Box<[Plan; 2]>),
    Call(Box<Call>),
    /// Whether a value is in a constant list.
    Among(Box<(Plan, Value)>),
    /// Items, each with whether it is left out when it is empty.
    List(Vec<(Plan, bool)>),
    Map(Vec<(Plan, Plan, bool)>),
    Fold(Box<Fold>),
    /// An optional value, or what comes in its place where it is empty: `or`, and where it is not
    /// wanted as an optional value, `orValue`.
    Fallback(Box<(Plan, Plan, bool)>),
    /// A variable that is evaluated when it is first used.
    Bind(Box<(Plan, Plan)>),
}

/// What is reached step by step.
#[derive(Debug)]
pub(super) struct Attr {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
}

/// Where the steps begin.
#[derive(Debug)]
pub(super) enum Root {
    /// `self` or `oldSelf`.
    Global(usize),
    /// A variable of a macro, by its number.
    Local(usize),
    Value(Plan),
    /// `condition ? yes : no`.
    Choice(Box<[Plan; 3]>),
}

/// A field or an index.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) key: Plan,
    pub(super) optional: bool,
}

/// A call of a function.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) price: Price,
    pub(super) args: Vec<Plan>,
    /// Whether nothing is evaluated after an argument that is wrong, nor the call counted.
    pub(super) strict: bool,
}

/// A macro over a collection.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: Macro,
    pub(super) range: Plan,
    pub(super) two: bool,
    pub(super) condition: Option<Plan>,
    pub(super) body: Plan,
}

/// Plans an expression; `open` are the places of calls whose form is known only when they run.
///
/// # Errors
/// What is wrong with a constant in it.
pub(super) fn plan(expr: &Expr, open: &[usize]) -> Result<Plan, Fault> {
    planner(open, false).expr(expr)
}

/// Looks for constants that cannot be evaluated, in an expression of any environment.
///
/// # Errors
/// The first of them.
pub(super) fn check(expr: &Expr, open: &[usize]) -> Result<(), Fault> {
    planner(open, true).expr(expr).map(|_| ())
}

fn planner(open: &[usize], lenient: bool) -> Planner<'_> {
    Planner {
        open,
        lenient,
        locals: Vec::new(),
    }
}

struct Planner<'p> {
    open: &'p [usize],
    /// Whether what cannot be run here is passed over.
    lenient: bool,
    locals: Vec<String>,
}

impl Planner<'_> {
    fn expr(&mut self, expr: &Expr) -> Result<Plan, Fault> {
        Ok(match &expr.kind {
            Kind::Null => Plan::Const(Value::Null),
            Kind::Bool(value) => Plan::Const(Value::Bool(*value)),
            Kind::Int(value) => Plan::Const(Value::Int(*value)),
            Kind::Uint(value) => Plan::Const(Value::Uint(*value)),
            Kind::Double(value) => Plan::Const(Value::Double(*value)),
            Kind::Text(text) => Plan::Const(Value::text(text.as_str())),
            Kind::Bytes(bytes) => Plan::Const(Value::Bytes(bytes.as_slice().into())),
            Kind::Ident(name) => self.ident(expr, name)?,
            Kind::Select {
                operand,
                field,
                test,
                optional,
            } => {
                if let Some(name) = parse::qualified(expr)
                    && !self.is_local(&name)
                    && let Some(ty) = type_named(&name)
                {
                    return Ok(Plan::Const(Value::Type(ty)));
                }
                let key = Plan::Const(Value::text(field.as_str()));
                let mut attr = self.attr(operand)?;
                attr.steps.push(Step {
                    key,
                    optional: *optional,
                });
                match test {
                    true => Plan::Has(Box::new(attr)),
                    false => Plan::Attr(Box::new(attr)),
                }
            }
            Kind::Call { target, name, args } => self.call(expr, target.as_deref(), name, args)?,
            Kind::List(items) => {
                let items: Result<Vec<_>, _> = items
                    .iter()
                    .map(|(item, optional)| Ok((self.expr(item)?, *optional)))
                    .collect();
                folded(Plan::List(items?))
            }
            Kind::Map(entries) => {
                let entries: Result<Vec<_>, _> = entries
                    .iter()
                    .map(|(key, value, optional)| {
                        Ok((self.expr(key)?, self.expr(value)?, *optional))
                    })
                    .collect();
                folded(Plan::Map(entries?))
            }
            Kind::Struct { fields, .. } => {
                for (_, _, value, _) in fields {
                    self.expr(value)?;
                }
                self.unknown(expr)?
            }
            Kind::Fold { .. } => self.fold(expr)?,
        })
    }

    fn ident(&mut self, expr: &Expr, name: &str) -> Result<Plan, Fault> {
        let local = self.locals.iter().rposition(|own| own == name);
        let root = match (local, name) {
            (Some(slot), _) => Root::Local(slot),
            (None, "self") => Root::Global(0),
            (None, "oldSelf") => Root::Global(1),
            (None, name) => {
                return match type_named(name) {
                    Some(ty) => Ok(Plan::Const(Value::Type(ty))),
                    None => self.unknown(expr),
                };
            }
        };
        Ok(of_root(root))
    }

    /// What cannot be run here, which is as good as a variable where nothing is run.
    fn unknown(&self, expr: &Expr) -> Result<Plan, Fault> {
        match self.lenient {
            true => Ok(of_root(Root::Global(0))),
            false => Err(unplanned(expr)),
        }
    }

    fn is_local(&self, name: &str) -> bool {
        let first = name.split('.').next().unwrap_or_default();
        self.locals.iter().any(|own| own == first)
    }

    /// An operand to which steps can be added.
    fn attr(&mut self, operand: &Expr) -> Result<Attr, Fault> {
        Ok(match self.expr(operand)? {
            Plan::Attr(attr) => *attr,
            other => Attr {
                root: Root::Value(other),
                steps: Vec::new(),
            },
        })
    }

    fn call(
        &mut self,
        expr: &Expr,
        target: Option<&Expr>,
        name: &str,
        args: &[Expr],
    ) -> Result<Plan, Fault> {
        if let Some(target) = target
            && let Some(prefix) = parse::qualified(target)
            && !self.is_local(&prefix)
        {
            let full = format!("{prefix}.{name}");
            if !library::overloads(&full).is_empty() {
                return self.function(expr, &full, None, args);
            }
        }
        match (name, args) {
            ("_&&_" | "_||_", [a, b]) => {
                let both = Box::new([self.expr(a)?, self.expr(b)?]);
                Ok(if name == "_&&_" {
                    Plan::And(both)
                } else {
                    Plan::Or(both)
                })
            }
            ("_?_:_", [condition, yes, no]) => {
                let parts = [self.expr(condition)?, self.expr(yes)?, self.expr(no)?];
                Ok(of_root(Root::Choice(Box::new(parts))))
            }
            ("_[_]" | "_[?_]", [operand, index]) => {
                let mut attr = self.attr(operand)?;
                attr.steps.push(Step {
                    key: self.expr(index)?,
                    optional: name == "_[?_]",
                });
                Ok(Plan::Attr(Box::new(attr)))
            }
            ("or" | "orValue", [other]) if target.is_some() => {
                let value = target.ok_or_else(|| unplanned(expr))?;
                let parts = (self.expr(value)?, self.expr(other)?, name == "orValue");
                Ok(Plan::Fallback(Box::new(parts)))
            }
            ("sortBy", [variable, key]) if target.is_some() => {
                let range = target.ok_or_else(|| unplanned(expr))?;
                self.sort_by(expr, range, variable, key)
            }
            _ => self.function(expr, name, target, args),
        }
    }

    fn function(
        &mut self,
        expr: &Expr,
        name: &str,
        target: Option<&Expr>,
        args: &[Expr],
    ) -> Result<Plan, Fault> {
        let mut plans = Vec::with_capacity(args.len() + 1);
        for part in target.into_iter().chain(args) {
            plans.push(self.expr(part)?);
        }
        let resolved = !self.open.contains(&expr.at);
        if name == "@in"
            && resolved
            && let [_, Plan::Const(Value::List(list))] = &plans[..]
        {
            if list.items.is_empty() {
                return Ok(Plan::Const(Value::Bool(false)));
            }
            if list.items.iter().all(Value::is_plain)
                && let (Some(Plan::Const(list)), Some(value)) = (plans.pop(), plans.pop())
            {
                return Ok(Plan::Among(Box::new((value, list))));
            }
        }
        const CONVERSIONS: [&str; 10] = [
            "bool",
            "bytes",
            "double",
            "duration",
            "dyn",
            "int",
            "string",
            "timestamp",
            "type",
            "uint",
        ];
        // A constant pattern is compiled in advance, which makes another kind of call of it.
        let is_pattern = matches!(name, "matches" | "find" | "findAll")
            && matches!(plans.get(1), Some(Plan::Const(Value::Text(_))));
        let is_constant = CONVERSIONS.contains(&name) && matches!(plans[..], [Plan::Const(_)]);
        if is_pattern
            && name != "matches"
            && let Some(Plan::Const(Value::Text(pattern))) = plans.get(1)
            && let Err(Stop::Wrong(why)) = Tools::default().pattern(pattern)
        {
            return Err(failed(expr, &why));
        }
        let Some(function) = functions::find(name, target.is_some()) else {
            return self.unknown(expr);
        };
        // What makes an address is called by its name; all else is a text.
        let is_text = |arg: &Expr| match &arg.kind {
            Kind::Call { name, .. } => !matches!(name.as_str(), "ip" | "cidr" | "masked"),
            _ => true,
        };
        let mut price = price::of(name, resolved);
        if resolved && args.last().is_some_and(is_text) {
            price = price.reading();
        }
        let call = Plan::Call(Box::new(Call {
            function,
            price,
            strict: plans.len() > 2 || is_pattern,
            args: plans,
        }));
        match is_constant {
            true => constant(expr, &call),
            false => Ok(call),
        }
    }

    fn fold(&mut self, expr: &Expr) -> Result<Plan, Fault> {
        let Kind::Fold {
            fold,
            range,
            variable,
            second,
            condition,
            body,
        } = &expr.kind
        else {
            return Err(unplanned(expr));
        };
        if matches!(fold, Macro::OptMap | Macro::OptFlatMap) {
            return self.optional(expr, *fold, range, variable, body);
        }
        let range = self.expr(range)?;
        let depth = self.locals.len();
        self.locals.push(variable.clone());
        self.locals.extend(second.clone());
        let condition = condition.as_deref().map(|part| self.expr(part)).transpose();
        let body = self.expr(body);
        self.locals.truncate(depth);
        Ok(Plan::Fold(Box::new(Fold {
            kind: *fold,
            range,
            two: second.is_some(),
            condition: condition?,
            body: body?,
        })))
    }

    /// `range.optMap(x, body)`: nothing, or what the body gives for the value.
    fn optional(
        &mut self,
        expr: &Expr,
        fold: Macro,
        range: &Expr,
        variable: &str,
        body: &Expr,
    ) -> Result<Plan, Fault> {
        let call = |name: &str, member, args| {
            let function = functions::find(name, member).ok_or_else(|| unplanned(expr))?;
            Ok(Plan::Call(Box::new(Call {
                function,
                price: price::of(name, true),
                args,
                strict: false,
            })))
        };
        let is_there = call("hasValue", true, vec![self.expr(range)?])?;
        let value = call("value", true, vec![self.expr(range)?])?;
        self.locals.push(variable.to_owned());
        let body = self.expr(body);
        self.locals.pop();
        let bound = Plan::Bind(Box::new((value, body?)));
        let yes = match fold {
            Macro::OptMap => call("optional.of", false, vec![bound])?,
            _ => bound,
        };
        let no = call("optional.none", false, Vec::new())?;
        Ok(of_root(Root::Choice(Box::new([is_there, yes, no]))))
    }

    /// `range.sortBy(x, key)`: the list in the order of the keys.
    fn sort_by(
        &mut self,
        expr: &Expr,
        range: &Expr,
        variable: &Expr,
        key: &Expr,
    ) -> Result<Plan, Fault> {
        let Kind::Ident(variable) = &variable.kind else {
            return Err(unplanned(expr));
        };
        let range = self.expr(range)?;
        let slot = self.locals.len();
        // No name of an expression is like this one.
        self.locals.push("@range".to_owned());
        self.locals.push(variable.clone());
        let key = self.expr(key);
        self.locals.truncate(slot);
        let keys = Plan::Fold(Box::new(Fold {
            kind: Macro::Map,
            range: of_root(Root::Local(slot)),
            two: false,
            condition: None,
            body: key?,
        }));
        let sort = Plan::Call(Box::new(Call {
            function: functions::find("@sortBy", true).ok_or_else(|| unplanned(expr))?,
            price: price::of("@sortBy", true),
            args: vec![of_root(Root::Local(slot)), keys],
            strict: false,
        }));
        Ok(Plan::Bind(Box::new((range, sort))))
    }
}

fn of_root(root: Root) -> Plan {
    Plan::Attr(Box::new(Attr {
        root,
        steps: Vec::new(),
    }))
}

/// A list or map of constants is one itself.
fn folded(plan: Plan) -> Plan {
    let is_const = |plan: &Plan| matches!(plan, Plan::Const(_));
    let all = match &plan {
        Plan::List(items) => items
            .iter()
            .all(|(item, optional)| is_const(item) && !optional),
        Plan::Map(entries) => entries
            .iter()
            .all(|(key, value, optional)| is_const(key) && is_const(value) && !optional),
        _ => false,
    };
    if !all {
        return plan;
    }
    let mut tools = Tools::default();
    match Run::new(&mut tools, [None, None], u64::MAX).eval(&plan) {
        Ok(value) => Plan::Const(value),
        Err(_) => plan,
    }
}

/// A conversion of a constant is evaluated at once.
fn constant(expr: &Expr, call: &Plan) -> Result<Plan, Fault> {
    let mut tools = Tools::default();
    match Run::new(&mut tools, [None, None], u64::MAX).eval(call) {
        Ok(value) => Ok(Plan::Const(value)),
        Err(Stop::Wrong(why)) => Err(failed(expr, &why)),
        Err(Stop::Broken(_) | Stop::Cost | Stop::Unknown(_)) => Err(unplanned(expr)),
    }
}

fn failed(expr: &Expr, why: &str) -> Fault {
    Fault {
        at: expr.at,
        message: format!("{INSTANTIATION}{why}"),
    }
}

/// What the server says before the fault of a constant.
const INSTANTIATION: &str = "program instantiation failed: ";

fn unplanned(expr: &Expr) -> Fault {
    Fault {
        at: expr.at,
        message: "this cannot be evaluated here".to_owned(),
    }
}

/// The type of a name.
fn type_named(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 16] = [
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "list",
        "map",
        "type",
        "null_type",
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
        "kubernetes.URL",
        "kubernetes.Quantity",
        "kubernetes.Semver",
        "optional_type",
    ];
    let nets = ["net.IP", "net.CIDR"];
    NAMES.into_iter().chain(nets).find(|own| *own == name)
}
