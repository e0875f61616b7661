//! The oracle of every line is the validator of k8s.io/apiextensions-apiserver 0.37.0: what the
//! rule evaluates to, and the cost that it counts.

use super::*;
use crate::manifest::{Node, ReadOptions, Sources, read};
use crate::validate::cel::{Env, Wanted};

fn node(text: &str) -> Node {
    let sources = Sources::new();
    let file = sources.add("a.yaml", text);
    let read = read::read_one(&sources, file, &ReadOptions::kubectl());
    read.unwrap().root
}

const SCHEMA: &str = "{type: object, properties: {a: {type: integer}, b: {type: integer}, d: {type: \
    number}, s: {type: string}, e: {type: string}, f: {type: boolean}, l: {type: array, items: \
    {type: integer}}, m: {type: array, items: {type: string}}, o: {type: object, properties: {x: \
    {type: integer}}}, p: {type: object, additionalProperties: {type: integer}}, st: {type: array, \
    items: {type: string}, x-kubernetes-list-type: set}, q: {type: array, items: {type: object, \
    properties: {name: {type: string}, v: {type: integer}}}, x-kubernetes-list-type: map, \
    x-kubernetes-list-map-keys: [name]}, ios: {x-kubernetes-int-or-string: true}, by: {type: \
    string, format: byte}, du: {type: string, format: duration}, ts: {type: string, format: \
    date-time}, nul: {type: string, nullable: true}, a-b: {type: integer}}}";

const OBJECT: &str = "{a: 2, b: 7, d: 1.5, s: hello world, f: true, l: [3, 1, 2], m: [b, a], o: {x: \
    4}, p: {k: 1, 'x.y': 2}, st: [a, b], q: [{name: u, v: 1}, {name: w}], ios: http, by: aGVsbG8=, \
    du: 90s, ts: '2024-03-01T10:20:30Z', nul: null, a-b: 3}";

fn run(rule: &str, wanted: Wanted) -> (Outcome, u64) {
    let schema = node(SCHEMA);
    let env = Env::rule(&schema, false, false).unwrap();
    let program = env.program(rule, wanted);
    let program = program.unwrap_or_else(|faults| panic!("{rule}: {faults:?}"));
    let this = Shape::new(&schema, false).value(&node(OBJECT));
    program.run(&mut Tools::default(), &this, None)
}

/// Rules that hold, with their costs.
const HOLD: &[(&str, u64)] = &[
    ("true", 0),
    (
        "self.a + self.b * 2 == 16 && self.b % 2 == 1 && self.b / 2 == 3",
        15,
    ),
    ("-self.a == -2 && !(self.a > self.b)", 10),
    ("self.d * 2.0 == 3.0 && self.a < 2.5 && 7u > self.a", 10),
    ("self.s.startsWith('hello') && self.s.endsWith('world')", 6),
    (
        "self.s.contains('lo w') && self.s.matches('^h[a-z ]+d$')",
        12,
    ),
    ("self.s + '!' == 'hello world!'", 6),
    ("size(self.s) == 11 && self.l.size() == 3", 8),
    ("self.l[0] == 3 && self.p['x.y'] == 2", 8),
    ("has(self.o.x) && !has(self.e) && !has(self.nul)", 6),
    ("self.?e.orValue('z') == 'z' && self.?o.?x.hasValue()", 6),
    ("optional.of(self.a).optMap(x, x + 1).orValue(0) == 3", 12),
    ("optional.none().or(optional.of(1)).value() == 1", 4),
    ("self.l.all(x, x > 0)", 18),
    ("self.l.exists(x, x == 1)", 18),
    ("self.l.exists_one(x, x > 2)", 12),
    ("self.l.filter(x, x > 1) == [3, 2]", 36),
    ("self.l.map(x, x * 2) == [6, 2, 4]", 46),
    ("self.l.map(x, x > 1, 'y') == ['y', 'y']", 14),
    ("self.p.all(k, self.p[k] > 0)", 17),
    ("self.p.transformMap(k, v, v + 1) == {'k': 2, 'x.y': 3}", 14),
    ("self.l.transformList(i, v, i + v) == [3, 2, 4]", 49),
    ("self.l.all(i, v, i < 3)", 18),
    (
        "self.l.sort() == [1, 2, 3] && self.l.sum() == 6 && self.l.max() == 3",
        44,
    ),
    ("self.m.sort() == ['a', 'b'] && !self.m.isSorted()", 25),
    ("self.l.sortBy(x, -x) == [3, 2, 1]", 77),
    ("self.l.reverse().slice(0, 2) == [2, 1]", 30),
    (
        "[[1], [2, 3]].flatten() == [1, 2, 3] && [1, 1].distinct() == [1]",
        34,
    ),
    ("lists.range(5).size() == 5", 18),
    ("self.a in [1, 2, 3] && !(self.a in [])", 3),
    ("self.a in self.l && 'k' in self.p", 10),
    ("'a' in self.m && self.m.indexOf('a') == 1", 7),
    (
        "sets.contains(self.l, [1, 2]) && sets.equivalent([1, 2], [2, 1])",
        18,
    ),
    (
        "self.st == ['b', 'a'] && self.st + ['a', 'c'] == ['a', 'b', 'c']",
        7,
    ),
    ("self.f ? self.a == 2 : self.b == 0", 5),
    ("(self.f ? self.o : self.o).x == 4", 5),
    (
        "type(self.a) == int && type(self.m) == list && type(self.s) != bytes",
        12,
    ),
    (
        "string(self.by) == 'hello' && bytes('a') == b'a' && size(self.by) == 5",
        9,
    ),
    (
        "int('42') == 42 && double(self.a) == 2.0 && string(1.5) == '1.5'",
        6,
    ),
    (
        "self.du == duration('1m30s') && self.du.getMinutes() == 1",
        7,
    ),
    (
        "self.ts.getFullYear() == 2024 && self.ts.getMonth() == 2 && self.ts + self.du > self.ts",
        16,
    ),
    (
        "string(self.ts) == '2024-03-01T10:20:30Z' && self.ts.getHours('+02:00') == 12",
        9,
    ),
    ("self.ios == 'http' || self.ios > 5", 3),
    ("self.a__dash__b == 3", 3),
    (
        "self.s.split(' ') == ['hello', 'world'] && self.m.join('-') == 'b-a'",
        10,
    ),
    (
        "self.s.replace('o', '0', 1) == 'hell0 world' && self.s.substring(6) == 'world'",
        12,
    ),
    (
        "self.s.indexOf('o') == 4 && self.s.lastIndexOf('o') == 7 && self.s.charAt(1) == 'e'",
        12,
    ),
    (
        "self.s.upperAscii() == 'HELLO WORLD' && ' x '.trim() == 'x'",
        8,
    ),
    (
        "self.s.find('o.') == 'o ' && self.s.findAll('o.', 1) == ['o ']",
        10,
    ),
    ("'%s=%d'.format([self.s, self.a]) == 'hello world=2'", 17),
    (
        "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('2').asInteger() == 2",
        6,
    ),
    (
        "quantity('1').add(quantity('500m')).sub(1) == quantity('0.5')",
        6,
    ),
    (
        "semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('v1.0', true)",
        4,
    ),
    (
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')",
        10,
    ),
    (
        "ip('::1').isLoopback() && ip('10.0.0.1').family() == 4 && !isIP('x')",
        7,
    ),
    (
        "url('https://h:80/p?q=1').getPort() == '80' && url('https://h/p?q=1').getQuery() == {'q': ['1']}",
        8,
    ),
    (
        "format.dns1123Label().validate(self.s).hasValue() && !format.named('x').hasValue()",
        23,
    ),
    ("false || (1 / 0 > 0 || self.f)", 4),
    ("self.l.exists(x, 1 / (x - 1) > 0)", 27),
];

/// Rules that end with an error, with its words and their costs.
const FAIL: &[(&str, &str, u64)] = &[
    ("self.e == 'x'", "no such key: e", 3),
    ("self.l[5] == 1", "index out of bounds: 5", 4),
    ("self.p['none'] == 1", "no such key: none", 4),
    ("1 / (self.a - 2) == 1", "division by zero", 5),
    ("self.b % (self.a - 2) == 1", "modulus by zero", 7),
    ("9223372036854775807 + self.a > 0", "integer overflow", 4),
    (
        "int(self.s) == 1",
        "type conversion error from 'string' to 'int'",
        4,
    ),
    ("self.ios > 5", "no such overload", 3),
    ("self.ios + 1 == 2", "no such overload", 4),
    ("self.s.substring(20) == ''", "index out of range: 20", 4),
    (
        "self.l.slice(2, 1) == []",
        "cannot slice(2, 1), start index must be less than or equal to end index",
        14,
    ),
    ("[].max() == 1", "max called on empty list", 1),
    (
        "timestamp(self.s) == self.ts",
        "type conversion error from 'string' to 'google.protobuf.Timestamp'",
        6,
    ),
    (
        "duration(self.s) == self.du",
        "type conversion error from 'string' to 'google.protobuf.Duration'",
        6,
    ),
    (
        "quantity(self.s) == quantity('1')",
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        6,
    ),
    (
        "semver(self.s) == semver('1.0.0')",
        "No Major.Minor.Patch elements found",
        6,
    ),
    (
        "cidr(self.s) == cidr('10.0.0.0/8')",
        "network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(\"hello world\"): no '/'",
        6,
    ),
    (
        "url(self.s).getHost() == ''",
        "URL parse error during conversion from string: parse \"hello world\": invalid URI for request",
        5,
    ),
    (
        "optional.none().value() == 1",
        "optional.none() dereference",
        3,
    ),
    ("self.nul == 'x'", "no such key: nul", 3),
    (
        "lists.range(-1).size() == 0",
        "lists.range: size must be non-negative, got -1",
        14,
    ),
    (
        "self.q.transformMapEntry(i, v, {'k': i}).size() > 0",
        "insert failed: key k already exists",
        71,
    ),
    ("uint(self.a - 3) == 0u", "unsigned integer overflow", 5),
    (
        "self.ios.all(x, true)",
        "got 'types.String', expected iterable type",
        2,
    ),
];

#[test]
fn rules_hold_and_cost_what_the_server_counts() {
    for (rule, cost) in HOLD {
        let wanted = (Outcome::Bool(true), *cost);
        assert_eq!(run(rule, Wanted::Bool), wanted, "{rule}");
    }
}

#[test]
fn errors_have_the_words_of_the_server() {
    for (rule, why, cost) in FAIL {
        let wanted = (Outcome::Wrong((*why).to_owned()), *cost);
        assert_eq!(run(rule, Wanted::Bool), wanted, "{rule}");
    }
}

#[test]
fn what_costs_too_much_ends() {
    let (outcome, _) = run(
        "lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0))",
        Wanted::Bool,
    );
    assert_eq!(outcome, Outcome::Costly);
}

/// What costs the server nothing is bounded by the work that is done for it.
#[test]
fn what_takes_too_long_ends() {
    let schema = node(SCHEMA);
    let env = Env::rule(&schema, false, false).unwrap();
    let this = Shape::new(&schema, false).value(&node(OBJECT));
    for (rule, left) in [
        ("size(lists.range(1000000)) > 0", 500_000),
        (
            "self.s.replace('', self.s.replace('', self.s)).size() > 0",
            10,
        ),
        ("lists.range(100).all(x, size(lists.range(100)) > 0)", 5_000),
    ] {
        let program = env.program(rule, Wanted::Bool).unwrap();
        let mut tools = Tools {
            work: MOST_WORK - left,
            ..Tools::default()
        };
        let (outcome, _) = program.run(&mut tools, &this, None);
        assert!(
            matches!(outcome, Outcome::Unknown(_)),
            "{rule}: {outcome:?}"
        );
    }
}

#[test]
fn a_zone_by_its_name_is_not_known() {
    let (outcome, _) = run("self.ts.getHours('Europe/Berlin') == 11", Wanted::Bool);
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
}

#[test]
fn messages_are_made() {
    let (outcome, _) = run("'%s of %d'.format([self.s, self.a])", Wanted::Text);
    assert_eq!(outcome, Outcome::Text("hello world of 2".to_owned()));
}
