//! The oracle of every line is kube-apiserver 1.37.0: the expression as a validation of a
//! ValidatingAdmissionPolicy, or as a rule of a CustomResourceDefinition.

use super::*;
use crate::manifest::{ReadOptions, Sources, read};

fn node(text: &str) -> Node {
    let sources = Sources::new();
    let file = sources.add("a.yaml", text);
    let read = read::read_one(&sources, file, &ReadOptions::kubectl());
    read.unwrap().root
}

/// Expressions of admission that yield true or false.
const RIGHT: &[&str] = &[
    "true",
    "object.spec.replicas <= 5",
    "has(object.spec) && size(object.spec.containers) > 0",
    "object.spec.containers.all(c, c.image.startsWith('a/'))",
    "object.spec.containers.exists_one(c, has(c.name))",
    "request.operation == 'CREATE' || oldObject == null",
    "request.userInfo.groups.exists(g, g == 'x')",
    "namespaceObject.metadata.labels['a'] == 'b'",
    "authorizer.group('').resource('pods').namespace('x').check('get').allowed()",
    "authorizer.requestResource.check('custom').allowed()",
    "object.metadata.name.matches('^[a-z]+$')",
    "quantity(object.spec.x).isGreaterThan(quantity('1Gi'))",
    "[1, 2, 3].map(x, x * 2) == [2, 4, 6]",
    "{'a': 1, 'b': 2}.exists(k, k == 'a')",
    "!(object.kind in ['Pod', 'Node'])",
    "object.?spec.?x.orValue(1) == 1",
    "type(object.x) == string",
    "duration('1h') < duration('2h')",
    "timestamp('2024-01-01T00:00:00Z').getFullYear() == 2024",
    "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.0.0.1')",
    "object.spec.x.orValue(1) == 1",
    "sets.contains([1], [1])",
    "['a', 'b'].join('-') == 'a-b'",
    "object.spec.list.sort() == [1]",
    "1 < 2.5 && 1u < 2",
    "object.spec.items.all(i, v, i < 5)",
    "sign(quantity('1')) == 1",
    "'%s %d'.format(['a', 1]) == 'a 1'",
    "object.list.existsOne(i, v, v > 1)",
    "b'abc' == b'abc' && r'\\d' != \"x\" && '''a\nb''' != ''",
    "(object.x ? 1 : 2) == 1",
    "- 1 == -1 && !!true",
    "semver('1.2.3').major() == 1",
    "format.dns1123Label().validate('a') == optional.none()",
];

/// Expressions that are refused.
const WRONG: &[&str] = &[
    "",
    "1 +",
    "'text'",
    "1",
    "object.spec.enabled",
    "foo.bar == 1",
    "object.x = 1",
    "request.nosuch == 1",
    "1 + 'a' == 2",
    "1 == 'a'",
    "object.x.nosuch()",
    "size(1) == 1",
    "[1, 'a'] == []",
    "params.x == 1",
    "variables.x == 1",
    "has(object)",
    "object.list.all(1, true)",
    "object.list.all(x, 1)",
    "object.list.existsOne(x, true)",
    "quantity('1').sign() == 1",
    "cel.bind(x, 1, x == 1)",
    "int('a') == object.x",
    "object.list.exists(x, bool('10.0.0.1'))",
    "[{'a': int('9999999999999999999')}] == []",
    "object.x.find('[') == ''",
    "'a'.matches('[')",
    "duration('1x') == duration('1s')",
    "fd00::/8",
    "1Gi",
    "for == 1",
    "namespaceObject.metadata.nosuch == ''",
    "'abc",
    "a b",
    "object.x ? 1 : 2",
    "true && 1",
    "object[",
    "9223372036854775808 == 1",
    "authorizer.check('get').allowed()",
];

#[test]
fn expressions_of_admission_compile_as_on_the_server() {
    let env = Env::admission(false, true);
    for text in RIGHT {
        let result = env.compile(text, Wanted::Bool);
        assert!(result.is_ok(), "{text}: {result:?}");
    }
    for text in WRONG {
        assert!(env.compile(text, Wanted::Bool).is_err(), "{text}");
    }
}

#[test]
fn faults_have_the_servers_words_and_a_place() {
    let env = Env::admission(false, true);
    for (text, at, message) in [
        (
            "foo.bar == 1",
            0,
            "undeclared reference to 'foo' (in container '')",
        ),
        ("request.nosuch == 1", 7, "undefined field 'nosuch'"),
        (
            "1 == 'a'",
            2,
            "found no matching overload for '_==_' applied to '(int, string)'",
        ),
        ("1 +", 3, "Syntax error: mismatched input '<EOF>'"),
        ("'a' + 'b'", 4, "must evaluate to bool but got string"),
        (
            "int('a') == 1",
            0,
            "program instantiation failed: type conversion error from 'string' to 'int'",
        ),
    ] {
        let faults = env.compile(text, Wanted::Bool).unwrap_err();
        assert_eq!(
            (faults[0].at, faults[0].message.as_str()),
            (at, message),
            "{text}"
        );
    }
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    let env = Env::admission(false, true);
    for text in [
        "(".repeat(100_000),
        "!".repeat(100_000),
        "-".repeat(100_000),
        "[".repeat(100_000),
        "a.".repeat(100_000),
        format!("{}true{}", "(".repeat(1000), ")".repeat(1000)),
        format!("true{}", " && true".repeat(20_000)),
        format!("object{} == 1", ".a".repeat(20_000)),
        format!("object{} == 1", "[0]".repeat(20_000)),
        format!("{}1", "1 ? 1 : ".repeat(20_000)),
    ] {
        let _ = env.compile(&text, Wanted::Bool);
    }
}

/// The costs are those that the compiler of k8s.io/dynamic-resource-allocation 0.37.0 estimates.
#[test]
fn selectors_cost_what_the_server_estimates() {
    for (text, cost) in [
        (
            "device.driver == 'a.b' && device.allowMultipleAllocations",
            5,
        ),
        ("device.attributes['a.b'].model == 'x'", 5),
        ("device.attributes['a.b'].?model.orValue('x') == 'x'", 6),
        ("device.attributes['a.b'].model.matches('^[a-z]+$')", 18),
        (
            "device.attributes['a.b'].version.isGreaterThan(semver('1.0.0'))",
            6,
        ),
        (
            "device.capacity['a.b'].memory.compareTo(quantity('1Gi')) >= 0",
            7,
        ),
        (
            "device.attributes.exists(d, device.attributes[d].all(a, a.startsWith('x')))",
            5_411,
        ),
        (
            "cel.bind(dra, device.attributes['a.b'], dra.one && dra.two)",
            17,
        ),
        (
            "device.attributes['a.b'].map(a, a.lowerAscii()).sort() == []",
            2_730,
        ),
        (
            "device.attributes.all(d, device.attributes.all(e, device.attributes.all(f, d + e + f != '')))",
            1_251_523,
        ),
        (
            "device.attributes.all(d, device.attributes.all(e, device.attributes.all(f, device.attributes.all(g, d == e))))",
            12_785_859,
        ),
    ] {
        let checked = Env::device().compile(text, Wanted::Selector);
        assert_eq!(checked.map(|checked| checked.cost), Ok(cost), "{text}");
    }
    let other = Env::device().compile("device.driver", Wanted::Selector);
    let message = "must evaluate to bool or the unknown type, not string";
    assert_eq!(other.unwrap_err()[0].message, message);
}

/// The costs are those that k8s.io/apiextensions-apiserver 0.37.0 estimates.
#[test]
fn rules_cost_what_the_server_estimates() {
    let schema = node(
        "{type: object, properties: {l: {type: array, maxItems: 10, items: {type: integer}}, m: \
        {type: array, maxItems: 10, items: {type: string, maxLength: 5}}, s: {type: string, \
        maxLength: 20}, o: {type: integer}}}",
    );
    let env = Env::rule(&schema, false, false).unwrap();
    for (text, cost) in [
        ("self.l.sort() == self.l", 216),
        ("self.m.sort() == self.m", 226),
        ("self.l.distinct().size() > 0", 215),
        ("self.l.reverse() == self.l", 26),
        ("self.l.slice(1, 3) == self.l", 18),
        ("lists.range(7).all(x, x > 0)", 54),
        ("[[1], [2]].flatten() == [1]", 54),
        ("sets.contains(self.l, [1, 2])", 33),
        ("sets.equivalent(self.l, self.l)", 205),
        ("self.m.sortBy(x, size(x)) == self.m", 379),
        ("self.m.sortBy(x, x) == self.m", 379),
        ("self.?o.optMap(x, x + 1).orValue(0) > 0", 21),
        (
            "optional.of(self.s).optFlatMap(x, optional.of(x)).hasValue()",
            21,
        ),
        ("self.m.isSorted() && self.l.sum() > 0", 45),
        ("['a', 'b'].isSorted()", 3_689_348_814_741_910_540),
        ("self.m.join(self.s) == ''", 96),
        ("'%s %d'.format([self.s, self.o]) == ''", 15),
    ] {
        let checked = env.compile(text, Wanted::Bool);
        assert_eq!(checked.map(|checked| checked.cost), Ok(cost), "{text}");
    }
}
