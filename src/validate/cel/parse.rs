//! Reads an expression into a tree. Macros (`has`, `all`, `map`, ...) are nodes of their own.

use super::Fault;
use super::lex::{self, Token};

/// How deep an expression may be nested; the server reads 250 levels.
const DEEPEST: usize = 250;

/// An expression, with the byte where it begins.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// How many levels are in it.
    depth: usize,
}

impl Expr {
    fn new(at: usize, kind: Kind) -> Result<Self, Fault> {
        let deepest = |exprs: &mut dyn Iterator<Item = &Expr>| exprs.map(|e| e.depth).max();
        let below = match &kind {
            Kind::Select { operand, .. } => Some(operand.depth),
            Kind::Call { target, args, .. } => {
                deepest(&mut target.as_deref().into_iter().chain(args))
            }
            Kind::List(items) => deepest(&mut items.iter().map(|item| &item.0)),
            Kind::Map(entries) => {
                deepest(&mut entries.iter().flat_map(|entry| [&entry.0, &entry.1]))
            }
            Kind::Struct { fields, .. } => deepest(&mut fields.iter().map(|field| &field.2)),
            Kind::Fold {
                range,
                condition,
                body,
                ..
            } => deepest(&mut [range, body].into_iter().chain(condition).map(|e| &**e)),
            _ => None,
        };
        let depth = below.map_or(0, |below| below + 1);
        match depth <= DEEPEST {
            true => Ok(Self { at, kind, depth }),
            false => Err(too_deep(at)),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}

fn too_deep(at: usize) -> Fault {
    let message = format!("expression recursion limit exceeded: {DEEPEST}");
    Fault { at, message }
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Ident(String),
    /// `operand.field`; with `test` it is `has(operand.field)`.
    Select {
        operand: Box<Expr>,
        field: String,
        test: bool,
        optional: bool,
    },
    /// A function, an operator (`_+_`), or a method of `target`.
    Call {
        target: Option<Box<Expr>>,
        name: String,
        args: Vec<Expr>,
    },
    /// Items, each with whether it is left out when it is empty.
    List(Vec<(Expr, bool)>),
    Map(Vec<(Expr, Expr, bool)>),
    Struct {
        name: String,
        fields: Vec<(usize, String, Expr, bool)>,
    },
    /// A macro that runs over a collection.
    Fold {
        fold: Fold,
        range: Box<Expr>,
        variable: String,
        second: Option<String>,
        condition: Option<Box<Expr>>,
        body: Box<Expr>,
    },
}

/// The macros that run over a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    TransformList,
    TransformMap,
    TransformMapEntry,
    OptMap,
    OptFlatMap,
}

/// Reads an expression.
///
/// # Errors
/// The first syntax error.
pub(super) fn parse(text: &str) -> Result<Expr, Fault> {
    let words = lex::words(text).map_err(|(at, message)| Fault { at, message })?;
    let mut parser = Parser {
        words,
        next: 0,
        depth: 0,
    };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    words: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.words[self.next].1
    }

    fn at(&self) -> usize {
        self.words[self.next].0
    }

    fn take(&mut self) -> Token {
        let token = self.words[self.next].1.clone();
        self.next = (self.next + 1).min(self.words.len() - 1);
        token
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(given) if *given == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> Fault {
        unexpected(self.at(), self.peek())
    }

    /// A name after a dot, or of a field.
    fn field_name(&mut self) -> Result<String, Fault> {
        let at = self.at();
        match self.take() {
            Token::Ident(name) | Token::Quoted(name) => Ok(name),
            other => Err(unexpected(at, &other)),
        }
    }

    fn expression(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep(self.at()));
        }
        let condition = self.binary(0)?;
        let at = condition.at;
        let expr = if self.eat("?") {
            // No ternary in the middle without parentheses.
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            call(at, "_?_:_", vec![condition, yes, no])?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    /// Binary operators from a level on: `||`, `&&`, relations, sums, products.
    fn binary(&mut self, level: usize) -> Result<Expr, Fault> {
        const LEVELS: &[&[(&str, &str)]] = &[
            &[("||", "_||_")],
            &[("&&", "_&&_")],
            &[
                ("==", "_==_"),
                ("!=", "_!=_"),
                ("<", "_<_"),
                ("<=", "_<=_"),
                (">", "_>_"),
                (">=", "_>=_"),
                ("in", "@in"),
            ],
            &[("+", "_+_"), ("-", "_-_")],
            &[("*", "_*_"), ("/", "_/_"), ("%", "_%_")],
        ];
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        if level < 2 {
            let (sign, name) = operators[0];
            let mut operands = vec![left];
            let mut places = Vec::new();
            while self.is(sign) {
                places.push(self.at());
                self.take();
                operands.push(self.binary(level + 1)?);
            }
            return balanced(name, operands, &places);
        }
        loop {
            let found = operators.iter().find(|(sign, _)| self.is(sign));
            let Some((_, name)) = found else {
                return Ok(left);
            };
            let at = self.at();
            self.take();
            let right = self.binary(level + 1)?;
            left = call(at, name, vec![left, right])?;
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let at = self.at();
        for (sign, name) in [("!", "!_"), ("-", "-_")] {
            if !self.is(sign) {
                continue;
            }
            let mut count = 0;
            while self.eat(sign) {
                count += 1;
            }
            // The smallest integer has no positive form.
            if sign == "-" && count == 1 && matches!(self.peek(), Token::Int(_) | Token::Double(_))
            {
                let literal = match self.take() {
                    Token::Int(value) => {
                        let value = 0_i64.checked_sub_unsigned(value);
                        value.map(Kind::Int).ok_or_else(|| Fault {
                            at,
                            message: "invalid int literal".to_owned(),
                        })?
                    }
                    Token::Double(value) => Kind::Double(-value),
                    other => return Err(unexpected(at, &other)),
                };
                return self.members(Expr::new(at, literal)?);
            }
            let operand = self.member()?;
            return Ok(match count % 2 {
                0 => operand,
                _ => call(at, name, vec![operand])?,
            });
        }
        self.member()
    }

    fn member(&mut self) -> Result<Expr, Fault> {
        let primary = self.primary()?;
        self.members(primary)
    }

    /// Fields, methods and indices after an expression.
    fn members(&mut self, mut expr: Expr) -> Result<Expr, Fault> {
        loop {
            let at = self.at();
            if self.eat(".") {
                let optional = self.eat("?");
                expr = self.dotted(at, expr, optional)?;
            } else if self.eat("[") {
                let optional = self.eat("?");
                let index = self.expression()?;
                self.expect("]")?;
                let name = if optional { "_[?_]" } else { "_[_]" };
                expr = call(at, name, vec![expr, index])?;
            } else if self.is("{")
                && let Some(name) = qualified(&expr)
            {
                self.take();
                expr = self.structure(at, name)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn dotted(&mut self, at: usize, operand: Expr, optional: bool) -> Result<Expr, Fault> {
        let name_at = self.at();
        let quoted = matches!(self.peek(), Token::Quoted(_));
        let name = self.field_name()?;
        if optional || quoted || !self.eat("(") {
            let kind = Kind::Select {
                operand: Box::new(operand),
                field: name,
                test: false,
                optional,
            };
            return Expr::new(at, kind);
        }
        let args = self.list(")")?;
        fold(name_at, &operand, &name, args).unwrap_or_else(|args| {
            let kind = Kind::Call {
                target: Some(Box::new(operand)),
                name,
                args,
            };
            Expr::new(name_at, kind)
        })
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let at = self.at();
        let literal = |kind| Expr::new(at, kind);
        match self.take() {
            Token::Sign("(") => {
                let expr = self.expression()?;
                self.expect(")")?;
                // Parentheses hide a name: no structure is made of it.
                Ok(expr)
            }
            Token::Sign("[") => {
                let mut items = Vec::new();
                while !self.eat("]") {
                    let optional = self.eat("?");
                    items.push((self.expression()?, optional));
                    if !self.eat(",") {
                        self.expect("]")?;
                        break;
                    }
                }
                literal(Kind::List(items))
            }
            Token::Sign("{") => {
                let mut entries = Vec::new();
                while !self.eat("}") {
                    let optional = self.eat("?");
                    let key = self.expression()?;
                    self.expect(":")?;
                    entries.push((key, self.expression()?, optional));
                    if !self.eat(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                literal(Kind::Map(entries))
            }
            Token::Sign("null") => literal(Kind::Null),
            Token::Sign(word @ ("true" | "false")) => literal(Kind::Bool(word == "true")),
            Token::Int(value) => match i64::try_from(value) {
                Ok(value) => literal(Kind::Int(value)),
                Err(_) => Err(Fault {
                    at,
                    message: "invalid int literal".to_owned(),
                }),
            },
            Token::Uint(value) => literal(Kind::Uint(value)),
            Token::Double(value) => literal(Kind::Double(value)),
            Token::Text(text) => literal(Kind::Text(text)),
            Token::Bytes(bytes) => literal(Kind::Bytes(bytes)),
            Token::Sign(".") => {
                let name = self.field_name()?;
                self.named(at, name)
            }
            Token::Ident(name) => self.named(at, name),
            other => Err(unexpected(at, &other)),
        }
    }

    fn named(&mut self, at: usize, name: String) -> Result<Expr, Fault> {
        if lex::RESERVED.contains(&name.as_str()) {
            let message = format!("reserved identifier: {name}");
            return Err(Fault { at, message });
        }
        if !self.eat("(") {
            return Expr::new(at, Kind::Ident(name));
        }
        let mut args = self.list(")")?;
        if name == "has" && args.len() == 1 {
            let Kind::Select { test, .. } = &mut args[0].kind else {
                let message = "invalid argument to has() macro".to_owned();
                return Err(Fault { at, message });
            };
            *test = true;
            return Ok(args.remove(0));
        }
        let kind = Kind::Call {
            target: None,
            name,
            args,
        };
        Expr::new(at, kind)
    }

    /// Expressions up to a closing sign.
    fn list(&mut self, close: &str) -> Result<Vec<Expr>, Fault> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if !self.eat(",") {
                self.expect(close)?;
                return Ok(items);
            }
        }
    }

    fn structure(&mut self, at: usize, name: String) -> Result<Expr, Fault> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let optional = self.eat("?");
            let field_at = self.at();
            let field = self.field_name()?;
            self.expect(":")?;
            fields.push((field_at, field, self.expression()?, optional));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Expr::new(at, Kind::Struct { name, fields })
    }
}

/// A word where another is needed.
fn unexpected(at: usize, token: &Token) -> Fault {
    let shown = match token {
        Token::End => "<EOF>".to_owned(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::Ident(name) | Token::Quoted(name) => name.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Int(number) | Token::Uint(number) => number.to_string(),
        Token::Double(number) => number.to_string(),
        Token::Bytes(_) => "bytes".to_owned(),
    };
    let message = match shown.as_str() {
        "<EOF>" => "Syntax error: mismatched input '<EOF>'".to_owned(),
        shown => format!("Syntax error: unexpected '{shown}'"),
    };
    Fault { at, message }
}

fn call(at: usize, name: &str, args: Vec<Expr>) -> Result<Expr, Fault> {
    let name = name.to_owned();
    let kind = Kind::Call {
        target: None,
        name,
        args,
    };
    Expr::new(at, kind)
}

/// A chain of `&&` or `||` as a tree that is as flat as can be, as the server makes one.
fn balanced(name: &str, mut operands: Vec<Expr>, places: &[usize]) -> Result<Expr, Fault> {
    if operands.len() < 2 {
        return operands.pop().ok_or_else(|| too_deep(0));
    }
    let middle = operands.len().div_ceil(2);
    let right = operands.split_off(middle);
    let at = places[middle - 1];
    let left = balanced(name, operands, &places[..middle - 1])?;
    let right = balanced(name, right, &places[middle..])?;
    call(at, name, vec![left, right])
}

/// The qualified name that an expression spells: `a.b.c`.
pub(super) fn qualified(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select {
            operand,
            field,
            test: false,
            optional: false,
        } => Some(format!("{}.{field}", qualified(operand)?)),
        _ => None,
    }
}

/// A macro that runs over a collection; gives the arguments back where the name is none.
fn fold(
    at: usize,
    range: &Expr,
    name: &str,
    mut args: Vec<Expr>,
) -> Result<Result<Expr, Fault>, Vec<Expr>> {
    let (fold, two, conditional) = match (name, args.len()) {
        ("all", 2) => (Fold::All, false, false),
        ("all", 3) => (Fold::All, true, false),
        ("exists", 2) => (Fold::Exists, false, false),
        ("exists", 3) => (Fold::Exists, true, false),
        ("exists_one", 2) => (Fold::ExistsOne, false, false),
        ("exists_one" | "existsOne", 3) => (Fold::ExistsOne, true, false),
        ("map", 2) => (Fold::Map, false, false),
        ("map", 3) => (Fold::Map, false, true),
        ("filter", 2) => (Fold::Filter, false, false),
        ("transformList", 3) => (Fold::TransformList, true, false),
        ("transformList", 4) => (Fold::TransformList, true, true),
        ("transformMap", 3) => (Fold::TransformMap, true, false),
        ("transformMap", 4) => (Fold::TransformMap, true, true),
        ("transformMapEntry", 3) => (Fold::TransformMapEntry, true, false),
        ("transformMapEntry", 4) => (Fold::TransformMapEntry, true, true),
        ("optMap", 2) => (Fold::OptMap, false, false),
        ("optFlatMap", 2) => (Fold::OptFlatMap, false, false),
        _ => return Err(args),
    };
    let mut names = Vec::new();
    for arg in &args[..=usize::from(two)] {
        let Kind::Ident(name) = &arg.kind else {
            let message = "argument must be a simple name".to_owned();
            return Ok(Err(Fault {
                at: arg.at,
                message,
            }));
        };
        names.push(name.clone());
    }
    let Some(body) = args.pop() else {
        return Err(args);
    };
    let condition = conditional.then(|| args.pop()).flatten();
    let mut names = names.into_iter();
    let kind = Kind::Fold {
        fold,
        range: Box::new(range.clone()),
        variable: names.next().unwrap_or_default(),
        second: names.next(),
        condition: condition.map(Box::new),
        body: Box::new(body),
    };
    Ok(Expr::new(at, kind))
}
