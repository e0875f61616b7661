//! Rules in CEL, made from a grammar, in definitions of custom resources.

use serde_json::{Value, json};

use super::random::Random;

/// What an expression of a type may be. `{type}` is an expression of that type, `$type` declares a
/// variable of it, which the rest of the line may use.
const GRAMMAR: &[(&str, &[&str])] = &[
    (
        "bool",
        &[
            "self.f",
            "has(self.e)",
            "has(self.o.y)",
            "has(self.nul)",
            "self.ios == 5",
            "!{bool}",
            "({bool} && {bool})",
            "({bool} || {bool})",
            "({bool} ? {bool} : {bool})",
            "{int} < {int}",
            "{int} >= {int}",
            "{text} <= {text}",
            "({int} == {int})",
            "({text} != {text})",
            "({ints} == {ints})",
            "({texts} == {texts})",
            "(self.st == {texts})",
            "({int} in {ints})",
            "({text} in {texts})",
            "({text} in self.p)",
            "{ints}.all($int, {bool})",
            "{texts}.all($text, {bool})",
            "{ints}.exists($int, {bool})",
            "{texts}.exists($text, {bool})",
            "{ints}.exists_one($int, {bool})",
            "{texts}.all(i, $text, {bool})",
            "self.q.exists(x, x.name == {text})",
            "self.p.all($text, {bool})",
            "{text}.contains({text})",
            "{text}.startsWith({text})",
            "{text}.matches('^[a-z]+$')",
            "isIP({text})",
            "isCIDR({text})",
            "isURL({text})",
            "isQuantity({text})",
            "isSemver({text})",
            "cidr('10.0.0.0/8').containsIP({text})",
            "quantity({text}).isGreaterThan(quantity('1'))",
            "{ints}.isSorted()",
            "sets.contains({ints}, {ints})",
            "sets.equivalent({ints}, {ints})",
            "self.?a.optMap($int, {bool}).orValue(false)",
            "format.dns1123Label().validate({text}).hasValue()",
            "self.ts < timestamp('2024-01-01T00:00:01Z')",
            "duration({text}) < self.du",
            "self.ios.startsWith('h')",
            "type({text}) == string",
            "bool({text})",
        ],
    ),
    (
        "int",
        &[
            "self.a",
            "self.b",
            "self.o.x",
            "0",
            "3",
            "-7",
            "({int} + {int})",
            "({int} - {int})",
            "({int} * {int})",
            "({int} / {int})",
            "({int} % {int})",
            "size({text})",
            "{ints}.size()",
            "{ints}[{int}]",
            "{ints}.sum()",
            "{ints}.max()",
            "({bool} ? {int} : {int})",
            "int({text})",
            "int(self.d)",
            "{text}.indexOf({text})",
            "self.?b.orValue({int})",
            "self.p[{text}]",
            "self.ts.getHours()",
            "semver({text}).major()",
        ],
    ),
    (
        "text",
        &[
            "self.s",
            "self.e",
            "self.o.y",
            "self.nul",
            "'abc'",
            "'10.0.0.1'",
            "''",
            "({text} + {text})",
            "{text}.upperAscii()",
            "{text}.substring({int})",
            "{text}.replace({text}, {text})",
            "{text}.charAt({int})",
            "{texts}.join({text})",
            "{texts}[{int}]",
            "string({int})",
            "string(self.d)",
            "string(self.by)",
            "string(self.du)",
            "({bool} ? {text} : {text})",
            "'%s-%d'.format([{text}, {int}])",
            "{text}.find('[a-z]+')",
            "self.?e.orValue({text})",
        ],
    ),
    (
        "ints",
        &[
            "self.l",
            "[1, 2, 3]",
            "[{int}, {int}]",
            "({ints} + {ints})",
            "{ints}.filter($int, {bool})",
            "{ints}.map($int, {int})",
            "{texts}.map($text, {int})",
            "{ints}.sort()",
            "{ints}.reverse()",
            "{ints}.distinct()",
            "{ints}.slice(0, {int})",
            "{ints}.sortBy($int, {int})",
            "{ints}.transformList(i, $int, {int})",
            "[?self.?a, 4]",
        ],
    ),
    (
        "texts",
        &[
            "self.m",
            "self.st",
            "['a', 'b']",
            "[{text}]",
            "({texts} + {texts})",
            "{texts}.filter($text, {bool})",
            "{texts}.map($text, {text})",
            "self.q.map(x, x.name)",
            "{text}.split('.')",
            "{texts}.sort()",
            "{text}.findAll('[a-z]')",
        ],
    ),
];

/// An expression in the making.
struct Maker<'r> {
    random: &'r mut Random,
    /// Variables in scope, with their types.
    variables: Vec<(String, String)>,
    count: usize,
}

impl Maker<'_> {
    fn make(&mut self, ty: &str, depth: usize) -> String {
        let known: Vec<String> = self
            .variables
            .iter()
            .filter(|(_, own)| own == ty)
            .map(|(name, _)| name.clone())
            .collect();
        if !known.is_empty() && self.random.percent(40) {
            return self.random.pick(&known).clone();
        }
        let lines = GRAMMAR.iter().find(|(name, _)| *name == ty).unwrap().1;
        let is_leaf = |line: &&&str| !line.contains('{') && !line.contains('$');
        let leaves: Vec<&str> = lines.iter().filter(is_leaf).copied().collect();
        let line = match depth {
            0 => *self.random.pick(&leaves),
            _ => *self.random.pick(lines),
        };
        self.line(line, depth)
    }

    fn line(&mut self, line: &str, depth: usize) -> String {
        let scope = self.variables.len();
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find(['{', '$']) {
            out.push_str(&rest[..at]);
            let sign = &rest[at..=at];
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| !c.is_ascii_lowercase());
            let (ty, after) = rest.split_at(end.unwrap_or(rest.len()));
            if sign == "$" {
                self.count += 1;
                let name = format!("v{}", self.count);
                out.push_str(&name);
                self.variables.push((name, ty.to_owned()));
                rest = after;
            } else {
                out.push_str(&self.make(ty, depth.saturating_sub(1)));
                rest = &after[1..];
            }
        }
        out.push_str(rest);
        self.variables.truncate(scope);
        out
    }
}

/// A rule.
fn rule(random: &mut Random) -> String {
    let depth = 1 + random.below(4);
    let mut maker = Maker {
        random,
        variables: Vec::new(),
        count: 0,
    };
    maker.make("bool", depth)
}

/// A schema that has something of every type, with a rule.
fn schema(rule: &str) -> Value {
    let texts = json!([
        "abc",
        "hello world",
        "1.2.3",
        "10.0.0.1",
        "10.0.0.0/8",
        "1Gi",
        "é",
        "",
        "true",
        "42",
        "90s"
    ]);
    let text = json!({"type": "string", "enum": texts});
    json!({
        "type": "object",
        "required": ["a", "s", "l", "m", "o", "ios", "by", "du", "ts", "d", "st"],
        "properties": {
            "a": {"type": "integer", "minimum": -3, "maximum": 9},
            "b": {"type": "integer"},
            "d": {"type": "number"},
            "s": text, "e": text,
            "f": {"type": "boolean"},
            "l": {"type": "array", "maxItems": 6, "items": {"type": "integer"}},
            "m": {"type": "array", "maxItems": 6, "items": text},
            "o": {"type": "object", "properties": {"x": {"type": "integer"}, "y": text}},
            "p": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer"}},
            "q": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {"name": text}}},
            "st": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set",
                "items": {"type": "string", "enum": ["a", "b", "c"]}},
            "ios": {"x-kubernetes-int-or-string": true, "enum": [5, 80, "http"]},
            "by": {"type": "string", "format": "byte", "enum": ["aGVsbG8="]},
            "du": {"type": "string", "format": "duration", "enum": ["1h", "90s"]},
            "ts": {"type": "string", "format": "date-time", "enum": ["2024-01-01T00:00:00Z"]},
            "nul": {"type": "string", "nullable": true, "maxLength": 9},
        },
        "x-kubernetes-validations": [{"rule": rule}],
    })
}

/// A definition whose objects have one field for each rule.
fn definition(name: &str, rules: &[String]) -> Value {
    let fields: serde_json::Map<String, Value> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| (format!("r{number}"), schema(rule)))
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{name}s.rules.example.com")},
        "spec": {
            "group": "rules.example.com",
            "scope": "Cluster",
            "names": {"plural": format!("{name}s"), "kind": format!("Kind{name}")},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": fields}},
            }],
        },
    })
}

/// Definitions of one rule each.
pub(crate) fn alone(count: usize, seed: u64) -> Vec<(String, Value)> {
    let made = (0..count).map(|number| {
        let mut random = Random::new(seed << 32 | number as u64);
        let rule = rule(&mut random);
        let definition = definition("alone", std::slice::from_ref(&rule));
        (rule, definition)
    });
    made.collect()
}

/// So many rules are in one definition; each costs the server a moment.
const TOGETHER: usize = 25;

/// Definitions of many rules, to be created.
pub(crate) fn together(rules: &[String]) -> Vec<Value> {
    let chunks = rules.chunks(TOGETHER).enumerate();
    chunks
        .map(|(number, rules)| definition(&format!("many{number}"), rules))
        .collect()
}

/// Rules with the longest list for which they do not cost too much.
const LIMITS: &[(&str, usize)] = &[
    ("self.all(x, self.all(y, x + y >= 0))", 377),
    ("self.all(x, self.exists(y, y == x))", 532),
    ("self.map(x, self.filter(y, y > x).size()).sum() >= 0", 323),
    ("self.sort() == self", 707),
    ("self.distinct().size() == self.size()", 707),
    ("sets.equivalent(self, self)", 707),
];

/// As many rules as together spend what an object has for all.
const MANY: usize = 20;
/// The longest list for which they do not.
const MOST_FOR_MANY: usize = 266;

/// A definition whose rules cost what lists are long.
pub(crate) fn limits() -> Value {
    let list = |rules: Vec<Value>| {
        json!({"type": "array", "maxItems": 750, "items": {"type": "integer"},
            "x-kubernetes-validations": rules})
    };
    let mut fields: serde_json::Map<String, Value> = LIMITS
        .iter()
        .enumerate()
        .map(|(number, (rule, _))| (format!("r{number}"), list(vec![json!({"rule": rule})])))
        .collect();
    let many = (0..MANY).map(|number| {
        let rule = format!("self.all(x, self.all(y, x + y >= -{}))", number + 1);
        json!({"rule": rule})
    });
    fields.insert("many".to_owned(), list(many.collect()));
    let mut definition = definition("limit", &[]);
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"] = fields.into();
    definition
}

/// Objects at the limits of each rule: one below, one above.
pub(crate) fn at_limits() -> Vec<Value> {
    let object = |field: &str, count: usize| {
        let list: Vec<usize> = (0..count).collect();
        json!({"apiVersion": "rules.example.com/v1", "kind": "Kindlimit",
            "metadata": {"name": "a"}, field: list})
    };
    let alone = LIMITS.iter().enumerate();
    let alone = alone.map(|(number, (_, most))| (format!("r{number}"), *most));
    let all = alone.chain([("many".to_owned(), MOST_FOR_MANY)]);
    all.flat_map(|(field, most)| [object(&field, most), object(&field, most + 1)])
        .collect()
}
