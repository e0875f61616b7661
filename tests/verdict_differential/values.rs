//! Values that are right, nearly right and wrong, by the name and the type of a field.

use serde_json::{Value, json};

use super::random::Random;

const NAMES: &[&str] = &[
    "a",
    "web",
    "my-app",
    "data",
    "http",
    "x.example.com",
    "a.b",
    "0",
    "1a",
];
const WORDS: &[&str] = &[
    "",
    "a",
    "A",
    "web",
    "a.b",
    "a_b",
    "-a",
    "a-",
    "a b",
    " a",
    "a ",
    "a/b",
    "x.io/a",
    "X.io/a",
    "/a",
    "a/",
    "a/b/c",
    "..",
    ".",
    "../a",
    "a/../b",
    "..a",
    "*",
    "*.a.b",
    "a.*",
    "0",
    "1",
    "-1",
    "01",
    "80",
    "65536",
    "1.5",
    "1e3",
    "true",
    "yes",
    "null",
    "~",
    "1Gi",
    "1gi",
    "100m",
    "1.Gi",
    "0.5",
    "-5Gi",
    "+1",
    "1 Gi",
    "10%",
    "110%",
    "0%",
    "-1%",
    "%",
    "5.5%",
    "10.0.0.1",
    "010.0.0.1",
    "256.0.0.1",
    "::1",
    "::ffff:1.2.3.4",
    "fe80::1",
    "2001:db8::1",
    "127.0.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "10.0.0.0/8",
    "10.0.0.1/8",
    "10.0.0.0/33",
    "2001:db8::/64",
    "fd00::/8",
    "1.2.3.4/",
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00.000000Z",
    "2024-01-01",
    "2024-02-30T00:00:00Z",
    "2024-01-01T00:00:00+01:00",
    "YQ==",
    "YQ",
    "Y Q==",
    "not base64",
    "* * * * *",
    "*/5 * * * *",
    "60 * * * *",
    "@daily",
    "@every 1h",
    "0 0 31 2 *",
    "TZ=UTC * * * * *",
    "Europe/Berlin",
    "Local",
    "UTC",
    "https://example.com",
    "http://example.com",
    "https://example.com/p?q",
    "https://u@example.com",
    "example.com",
    "é",
    "日本",
    "a\u{0}b",
    "a\nb",
    "\u{7f}",
    "metadata.name",
    "metadata.labels['a']",
    "metadata.labels['A B']",
    "spec.nodeName",
    "status.podIP",
    "limits.cpu",
    "requests.memory",
    "cpu",
    "memory",
    "pods",
    "nvidia.com/gpu",
    "hugepages-2Mi",
    "ephemeral-storage",
    "requests.cpu",
    "limits.memory",
    "services",
    "count/pods",
    "kubernetes.io/tls",
    "kubernetes.io/dockerconfigjson",
    "TCP",
    "tcp",
    "UDP",
    "SCTP",
    "Always",
    "Never",
    "None",
    "ClusterIP",
    "ReadWriteOnce",
    "ReadWriteOncePod",
    "In",
    "Exists",
    "Gt",
    "metadata.uid",
    "v1",
    "apps/v1",
    "a/b/v1",
    "Pod",
    "Event",
    "runtime/default",
    "localhost/a",
    "unconfined",
    "kubernetes.io/os",
    "system:masters",
    "system-node-critical",
    "system-x",
    "no/such",
    "kubernetes",
    "orphan",
    "foregroundDeletion",
    "object.metadata.name == 'a'",
    "true == true",
    "1 +",
    "self.x",
    "has(object.spec)",
    "request.userInfo.username != ''",
    "variables.a == 1",
    "device.driver == 'a'",
    "[]",
    "{}",
    "a,b",
    "a=b",
    "/",
    "/a",
    "/a/../b",
    "C:\\a",
    "kubernetes.io/kube-apiserver-client",
    "example.com/signer",
    "client auth",
    "server auth",
    "digital signature",
];

/// Numbers at and beyond the limits that rules have.
const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    5,
    10,
    29,
    30,
    31,
    63,
    64,
    80,
    100,
    101,
    128,
    255,
    256,
    420,
    443,
    511,
    512,
    600,
    1000,
    1024,
    1001,
    3600,
    8080,
    10000,
    10001,
    20000,
    20001,
    29999,
    30000,
    32767,
    32768,
    65535,
    65536,
    86400,
    86401,
    100_000,
    1_000_000,
    1_000_000_000,
    1_000_000_001,
    2_000_000_000,
    2_147_483_647,
    2_147_483_648,
    -2_147_483_648,
    4_294_967_295,
    4_294_967_296,
    9_007_199_254_740_993,
    i64::MAX,
    i64::MIN,
];

/// A text for a field of this name: often a good one.
pub(crate) fn text(name: &str, random: &mut Random) -> String {
    if random.percent(25) {
        return any_text(random);
    }
    (*random.pick(good_texts(name))).to_owned()
}

/// Any text, also a long one.
pub(crate) fn any_text(random: &mut Random) -> String {
    if random.percent(8) {
        let length = *random.pick(&[
            15, 16, 52, 53, 63, 64, 65, 128, 129, 253, 254, 512, 513, 1025, 4097,
        ]);
        return (*random.pick(&["a", "A", "a.", "a-", "é", "a/"])).repeat(length);
    }
    (*random.pick(WORDS)).to_owned()
}

fn good_texts(name: &str) -> &'static [&'static str] {
    let lower = name.to_ascii_lowercase();
    let is = |part: &str| lower.contains(part);
    match lower.as_str() {
        "path" | "mountpath" | "devicepath" => return &["/a", "/b", "a", "a/b", "/var/lib"],
        "key" => return &["a", "app", "x.io/k", "kubernetes.io/hostname", "b"],
        "host" | "hosts" | "hostnames" | "hostname" => {
            return &["a.example.com", "web", "b.c", "*.a.b"];
        }
        "apiversion" => return &["v1", "apps/v1", "rbac.authorization.k8s.io/v1"],
        "apigroup" | "apigroups" | "group" | "groups" => {
            return &["", "apps", "example.com", "rbac.authorization.k8s.io", "*"];
        }
        "kind" => {
            return &[
                "Pod",
                "Role",
                "ClusterRole",
                "Deployment",
                "ServiceAccount",
                "User",
                "Group",
            ];
        }
        "resource" | "resources" => {
            return &["pods", "deployments", "*", "limits.cpu", "pods/log", "cpu"];
        }
        "verb" | "verbs" => return &["get", "list", "*"],
        "driver" | "drivername" | "provisioner" | "attacher" => {
            return &["csi.example.com", "a.b", "driver.io"];
        }
        "schedule" => return &["* * * * *", "*/5 * * * *", "@daily", "0 0 1 1 0"],
        "timezone" => return &["UTC", "Europe/Berlin", "Etc/UTC"],
        "url" => return &["https://example.com", "https://example.com/a"],
        "fieldpath" => {
            return &[
                "metadata.name",
                "metadata.labels['a']",
                "status.podIP",
                "metadata.annotations",
            ];
        }
        "externalname" => return &["example.com", "a.b."],
        _ => {}
    }
    if is("expression") || lower == "rule" {
        return &[
            "true",
            "object.metadata.name == 'a'",
            "'a' + object.metadata.name",
            "has(object.spec)",
            "request.operation == 'CREATE'",
            "device.driver == 'a.b'",
            "size(object.metadata.name) > 3",
            "variables.v > 1",
            "params.x == 'a'",
            "oldObject == null",
            "[JSONPatch{op: 'add', path: '/a', value: 'b'}]",
            "Object{metadata: Object.metadata{labels: {'a': 'b'}}}",
            "'text'",
            "1",
            "authorizer.requestResource.check('get').allowed()",
            "namespaceObject.metadata.name == 'x'",
            "object.spec.replicas <= 5",
        ];
    }
    if is("cidr") || is("sourceranges") {
        return &[
            "10.0.0.0/8",
            "192.168.0.0/16",
            "2001:db8::/64",
            "10.1.0.0/16",
        ];
    }
    if lower.ends_with("ip") || lower.ends_with("ips") || is("nameserver") || is("address") {
        return &["10.0.0.1", "192.0.2.7", "2001:db8::1", "10.0.0.2"];
    }
    if is("port") {
        return &["http", "web", "80", "8080"];
    }
    if is("profile") {
        return &["a/b", "p"];
    }
    NAMES
}

/// A number, often a small one.
pub(crate) fn number(random: &mut Random) -> i64 {
    if random.percent(60) {
        return *random.pick(&[0, 1, 2, 3, 5, 10, 80, 443, 8080]);
    }
    *random.pick(NUMBERS)
}

/// A quantity.
pub(crate) fn quantity(random: &mut Random) -> Value {
    match random.below(10) {
        0 => json!(number(random)),
        1 => json!(any_text(random)),
        2 => json!(1.5),
        _ => json!(*random.pick(&[
            "1", "2", "100m", "1Gi", "500Mi", "0", "1k", "1e3", "0.5", "1.5Gi", "-1", "1n", "2Mi",
            "4Mi", "3", "10",
        ])),
    }
}

/// A key of a free mapping: labels, resources, selectors, parameters.
pub(crate) fn key(name: &str, random: &mut Random) -> String {
    if random.percent(25) {
        return any_text(random);
    }
    let keys: &[&str] = match name {
        "limits"
        | "requests"
        | "overhead"
        | "podFixed"
        | "hard"
        | "capacity"
        | "max"
        | "min"
        | "default"
        | "defaultRequest"
        | "maxLimitRequestRatio" => &[
            "cpu",
            "memory",
            "storage",
            "pods",
            "nvidia.com/gpu",
            "hugepages-2Mi",
            "ephemeral-storage",
            "requests.cpu",
            "requests.storage",
            "services.nodeports",
            "count/deployments.apps",
            "a.storageclass.storage.k8s.io/requests.storage",
        ],
        _ => &["a", "app", "x.io/a", "b", "kubernetes.io/os", "c.d"],
    };
    (*random.pick(keys)).to_owned()
}

/// Any value of any type.
pub(crate) fn anything(random: &mut Random) -> Value {
    match random.below(11) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(number(random)),
        3 => json!([]),
        4 => json!({}),
        5 => json!([any_text(random)]),
        6 => json!({any_text(random): any_text(random)}),
        7 => json!(*random.pick(&[1.5, 3.0, -0.5, 1e10, 1e20])),
        8 => json!([null]),
        9 => json!([{}]),
        _ => json!(any_text(random)),
    }
}
