//! The functions that an expression may call: those of CEL, of its extensions, and of Kubernetes
//! (`cel/environment/base.go` and `cel/library` of k8s.io/apiserver 1.37, as they are for new
//! expressions), read when the first expression is checked.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::types::{Structure, Ty};

/// One form of a function.
#[derive(Debug)]
pub(super) struct Overload {
    /// Whether it is called on its first parameter.
    pub(super) member: bool,
    pub(super) params: Vec<Ty>,
    pub(super) result: Ty,
}

/// `A`, `B` are open types. A method's first parameter is what it is called on.
const TEXT: &str = "
!_ bool -> bool
-_ int -> int
-_ double -> double
_?_:_ bool A A -> A
_&&_ bool bool -> bool
_||_ bool bool -> bool
_==_ A A -> bool
_!=_ A A -> bool
@in A list(A) -> bool
@in A map(A,B) -> bool
_[_] list(A) int -> A
_[_] map(A,B) A -> B
_[_] optional(list(A)) int -> optional(A)
_[_] optional(map(A,B)) A -> optional(B)
_[?_] list(A) int -> optional(A)
_[?_] map(A,B) A -> optional(B)
_[?_] optional(list(A)) int -> optional(A)
_[?_] optional(map(A,B)) A -> optional(B)
_+_ int int -> int
_+_ uint uint -> uint
_+_ double double -> double
_+_ string string -> string
_+_ bytes bytes -> bytes
_+_ list(A) list(A) -> list(A)
_+_ duration duration -> duration
_+_ duration timestamp -> timestamp
_+_ timestamp duration -> timestamp
_-_ int int -> int
_-_ uint uint -> uint
_-_ double double -> double
_-_ duration duration -> duration
_-_ timestamp duration -> timestamp
_-_ timestamp timestamp -> duration
_*_ int int -> int
_*_ uint uint -> uint
_*_ double double -> double
_/_ int int -> int
_/_ uint uint -> uint
_/_ double double -> double
_%_ int int -> int
_%_ uint uint -> uint
size string -> int
size bytes -> int
size list(A) -> int
size map(A,B) -> int
.size string -> int
.size bytes -> int
.size list(A) -> int
.size map(A,B) -> int
type A -> type(A)
int int -> int
int uint -> int
int double -> int
int string -> int
int timestamp -> int
int duration -> int
uint uint -> uint
uint int -> uint
uint double -> uint
uint string -> uint
double double -> double
double int -> double
double uint -> double
double string -> double
bool bool -> bool
bool string -> bool
string string -> string
string bool -> string
string int -> string
string uint -> string
string double -> string
string bytes -> string
string timestamp -> string
string duration -> string
bytes bytes -> bytes
bytes string -> bytes
timestamp timestamp -> timestamp
timestamp string -> timestamp
timestamp int -> timestamp
duration duration -> duration
duration string -> duration
duration int -> duration
dyn A -> dyn
.contains string string -> bool
.startsWith string string -> bool
.endsWith string string -> bool
.matches string string -> bool
matches string string -> bool
.getFullYear timestamp -> int
.getFullYear timestamp string -> int
.getMonth timestamp -> int
.getMonth timestamp string -> int
.getDayOfYear timestamp -> int
.getDayOfYear timestamp string -> int
.getDayOfMonth timestamp -> int
.getDayOfMonth timestamp string -> int
.getDate timestamp -> int
.getDate timestamp string -> int
.getDayOfWeek timestamp -> int
.getDayOfWeek timestamp string -> int
.getHours timestamp -> int
.getHours timestamp string -> int
.getHours duration -> int
.getMinutes timestamp -> int
.getMinutes timestamp string -> int
.getMinutes duration -> int
.getSeconds timestamp -> int
.getSeconds timestamp string -> int
.getSeconds duration -> int
.getMilliseconds timestamp -> int
.getMilliseconds timestamp string -> int
.getMilliseconds duration -> int
optional.of A -> optional(A)
optional.ofNonZeroValue A -> optional(A)
optional.none -> optional(A)
optional.unwrap list(optional(A)) -> list(A)
.unwrapOpt list(optional(A)) -> list(A)
.value optional(A) -> A
.hasValue optional(A) -> bool
.or optional(A) optional(A) -> optional(A)
.orValue optional(A) A -> A
.charAt string int -> string
.format string list(dyn) -> string
.indexOf string string -> int
.indexOf string string int -> int
.lastIndexOf string string -> int
.lastIndexOf string string int -> int
.join list(string) -> string
.join list(string) string -> string
.lowerAscii string -> string
.upperAscii string -> string
.replace string string string -> string
.replace string string string int -> string
.split string string -> list(string)
.split string string int -> list(string)
.substring string int -> string
.substring string int int -> string
.trim string -> string
strings.quote string -> string
.slice list(A) int int -> list(A)
.flatten list(list(A)) -> list(A)
.flatten list(dyn) int -> list(dyn)
.reverse list(A) -> list(A)
.distinct list(A) -> list(A)
lists.range int -> list(int)
.sort list(int) -> list(int)
.sort list(uint) -> list(uint)
.sort list(double) -> list(double)
.sort list(bool) -> list(bool)
.sort list(duration) -> list(duration)
.sort list(timestamp) -> list(timestamp)
.sort list(string) -> list(string)
.sort list(bytes) -> list(bytes)
sets.contains list(A) list(A) -> bool
sets.equivalent list(A) list(A) -> bool
sets.intersects list(A) list(A) -> bool
.isSorted list(int) -> bool
.isSorted list(uint) -> bool
.isSorted list(double) -> bool
.isSorted list(bool) -> bool
.isSorted list(duration) -> bool
.isSorted list(timestamp) -> bool
.isSorted list(string) -> bool
.isSorted list(bytes) -> bool
.sum list(int) -> int
.sum list(uint) -> uint
.sum list(double) -> double
.sum list(duration) -> duration
.min list(int) -> int
.min list(uint) -> uint
.min list(double) -> double
.min list(bool) -> bool
.min list(duration) -> duration
.min list(timestamp) -> timestamp
.min list(string) -> string
.min list(bytes) -> bytes
.max list(int) -> int
.max list(uint) -> uint
.max list(double) -> double
.max list(bool) -> bool
.max list(duration) -> duration
.max list(timestamp) -> timestamp
.max list(string) -> string
.max list(bytes) -> bytes
.indexOf list(A) A -> int
.lastIndexOf list(A) A -> int
.find string string -> string
.findAll string string -> list(string)
.findAll string string int -> list(string)
url string -> URL
isURL string -> bool
.getScheme URL -> string
.getHost URL -> string
.getHostname URL -> string
.getPort URL -> string
.getEscapedPath URL -> string
.getQuery URL -> map(string,list(string))
quantity string -> Quantity
isQuantity string -> bool
sign Quantity -> int
.isGreaterThan Quantity Quantity -> bool
.isLessThan Quantity Quantity -> bool
.compareTo Quantity Quantity -> int
.asApproximateFloat Quantity -> double
.asInteger Quantity -> int
.isInteger Quantity -> bool
.add Quantity Quantity -> Quantity
.add Quantity int -> Quantity
.sub Quantity Quantity -> Quantity
.sub Quantity int -> Quantity
semver string -> Semver
semver string bool -> Semver
isSemver string -> bool
isSemver string bool -> bool
.isGreaterThan Semver Semver -> bool
.isLessThan Semver Semver -> bool
.compareTo Semver Semver -> int
.major Semver -> int
.minor Semver -> int
.patch Semver -> int
ip string -> IP
isIP string -> bool
ip.isCanonical string -> bool
.family IP -> int
.isUnspecified IP -> bool
.isLoopback IP -> bool
.isLinkLocalMulticast IP -> bool
.isLinkLocalUnicast IP -> bool
.isGlobalUnicast IP -> bool
string IP -> string
cidr string -> CIDR
isCIDR string -> bool
.containsIP CIDR string -> bool
.containsIP CIDR IP -> bool
.containsCIDR CIDR string -> bool
.containsCIDR CIDR CIDR -> bool
.ip CIDR -> IP
.prefixLength CIDR -> int
.masked CIDR -> CIDR
string CIDR -> string
format.named string -> optional(Format)
.validate Format string -> optional(list(string))
.path Authorizer string -> PathCheck
.group Authorizer string -> GroupCheck
.serviceAccount Authorizer string string -> Authorizer
.resource GroupCheck string -> ResourceCheck
.subresource ResourceCheck string -> ResourceCheck
.namespace ResourceCheck string -> ResourceCheck
.name ResourceCheck string -> ResourceCheck
.fieldSelector ResourceCheck string -> ResourceCheck
.labelSelector ResourceCheck string -> ResourceCheck
.check PathCheck string -> Decision
.check ResourceCheck string -> Decision
.errored Decision -> bool
.error Decision -> string
.allowed Decision -> bool
.reason Decision -> string
";

/// Named formats, each a function without parameters.
pub(super) const FORMATS: &[&str] = &[
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
];

/// The types that are known by their names.
const OPAQUE: &[(&str, &str)] = &[
    ("URL", "kubernetes.URL"),
    ("Quantity", "kubernetes.Quantity"),
    ("Semver", "kubernetes.Semver"),
    ("IP", "net.IP"),
    ("CIDR", "net.CIDR"),
    ("Format", "kubernetes.NamedFormat"),
    ("Authorizer", "kubernetes.authorization.Authorizer"),
    ("PathCheck", "kubernetes.authorization.PathCheck"),
    ("GroupCheck", "kubernetes.authorization.GroupCheck"),
    ("ResourceCheck", "kubernetes.authorization.ResourceCheck"),
    ("Decision", "kubernetes.authorization.Decision"),
];

/// The forms of a function; none for a name that no function has.
pub(super) fn overloads(name: &str) -> &'static [Overload] {
    static TABLE: OnceLock<HashMap<String, Vec<Overload>>> = OnceLock::new();
    TABLE.get_or_init(read).get(name).map_or(&[], Vec::as_slice)
}

fn read() -> HashMap<String, Vec<Overload>> {
    let mut table: HashMap<String, Vec<Overload>> = HashMap::new();
    let mut add = |line: &str| {
        let Some((left, result)) = line.split_once(" -> ").or(line.split_once("-> ")) else {
            return;
        };
        let mut words = left.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let params: Option<Vec<Ty>> = words.map(read_type).collect();
        let (Some(params), Some(result)) = (params, read_type(result)) else {
            return;
        };
        let plain = name.strip_prefix('.').unwrap_or(name);
        table.entry(plain.to_owned()).or_default().push(Overload {
            member: plain.len() < name.len(),
            params,
            result,
        });
    };
    for line in TEXT.lines() {
        add(line);
    }
    for format in FORMATS {
        add(&format!("format.{format} -> Format"));
    }
    const ORDERED: &[&str] = &[
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "timestamp",
        "duration",
    ];
    for name in ["_<_", "_<=_", "_>_", "_>=_"] {
        for ty in ORDERED {
            add(&format!("{name} {ty} {ty} -> bool"));
        }
        // Numbers are compared whatever their types.
        for (a, b) in [
            ("int", "uint"),
            ("int", "double"),
            ("uint", "int"),
            ("uint", "double"),
            ("double", "int"),
            ("double", "uint"),
        ] {
            add(&format!("{name} {a} {b} -> bool"));
        }
    }
    table
}

/// Reads a type as the tables write it.
pub(super) fn read_type(text: &str) -> Option<Ty> {
    let inner = |name: &str| {
        text.strip_prefix(name)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    if let Some(item) = inner("list") {
        return Some(Ty::list(read_type(item)?));
    }
    if let Some(item) = inner("optional") {
        return Some(Ty::optional(read_type(item)?));
    }
    if let Some(item) = inner("type") {
        return Some(Ty::Type(read_type(item)?.into()));
    }
    if let Some(both) = inner("map") {
        let (key, value) = both.split_once(',')?;
        return Some(Ty::map(read_type(key)?, read_type(value)?));
    }
    Some(match text {
        "dyn" => Ty::Dyn,
        "null" => Ty::Null,
        "bool" => Ty::Bool,
        "int" => Ty::Int,
        "uint" => Ty::Uint,
        "double" => Ty::Double,
        "string" => Ty::Text,
        "bytes" => Ty::Bytes,
        "duration" => Ty::Duration,
        "timestamp" => Ty::Timestamp,
        "A" => Ty::Open(0),
        "B" => Ty::Open(1),
        name => {
            if let Some(structure) = STRUCTURES.iter().find(|s| s.name == name) {
                return Some(Ty::Object(structure));
            }
            Ty::Opaque(OPAQUE.iter().find(|(short, _)| *short == name)?.1)
        }
    })
}

/// The structures of admission (`BuildRequestType` and `BuildNamespaceType` of
/// `admission/plugin/cel/compile.go`), of device selectors, and of patches.
pub(super) static STRUCTURES: &[Structure] = &[
    Structure {
        name: "kubernetes.GroupVersionKind",
        fields: &[
            ("group", "string"),
            ("version", "string"),
            ("kind", "string"),
        ],
    },
    Structure {
        name: "kubernetes.GroupVersionResource",
        fields: &[
            ("group", "string"),
            ("version", "string"),
            ("resource", "string"),
        ],
    },
    Structure {
        name: "kubernetes.UserInfo",
        fields: &[
            ("username", "string"),
            ("uid", "string"),
            ("groups", "list(string)"),
            ("extra", "map(string,list(string))"),
        ],
    },
    Structure {
        name: "kubernetes.AdmissionRequest",
        fields: &[
            ("kind", "kubernetes.GroupVersionKind"),
            ("resource", "kubernetes.GroupVersionResource"),
            ("subResource", "string"),
            ("requestKind", "kubernetes.GroupVersionKind"),
            ("requestResource", "kubernetes.GroupVersionResource"),
            ("requestSubResource", "string"),
            ("name", "string"),
            ("namespace", "string"),
            ("operation", "string"),
            ("userInfo", "kubernetes.UserInfo"),
            ("dryRun", "bool"),
            ("options", "dyn"),
        ],
    },
    Structure {
        name: "kubernetes.NamespaceSpec",
        fields: &[("finalizers", "list(string)")],
    },
    Structure {
        name: "kubernetes.NamespaceCondition",
        fields: &[
            ("status", "string"),
            ("type", "string"),
            ("lastTransitionTime", "timestamp"),
            ("message", "string"),
            ("reason", "string"),
        ],
    },
    Structure {
        name: "kubernetes.NamespaceStatus",
        fields: &[
            ("conditions", "list(kubernetes.NamespaceCondition)"),
            ("phase", "string"),
        ],
    },
    Structure {
        name: "kubernetes.NamespaceMetadata",
        fields: &[
            ("name", "string"),
            ("generateName", "string"),
            ("namespace", "string"),
            ("labels", "map(string,string)"),
            ("annotations", "map(string,string)"),
            ("UID", "string"),
            ("creationTimestamp", "timestamp"),
            ("deletionGracePeriodSeconds", "int"),
            ("deletionTimestamp", "timestamp"),
            ("generation", "int"),
            ("resourceVersion", "string"),
            ("finalizers", "list(string)"),
        ],
    },
    Structure {
        name: "kubernetes.Namespace",
        fields: &[
            ("metadata", "kubernetes.NamespaceMetadata"),
            ("spec", "kubernetes.NamespaceSpec"),
            ("status", "kubernetes.NamespaceStatus"),
        ],
    },
    Structure {
        name: "kubernetes.DRADevice",
        fields: &[
            ("driver", "string"),
            ("attributes", "map(string,map(string,dyn))"),
            ("capacity", "map(string,map(string,Quantity))"),
            ("allowMultipleAllocations", "bool"),
        ],
    },
    Structure {
        name: "JSONPatch",
        fields: &[
            ("op", "string"),
            ("path", "string"),
            ("from", "string"),
            ("value", "dyn"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_every_field_is_read() {
        let lines = TEXT.lines().filter(|line| !line.is_empty());
        for line in lines {
            let name = line.split(' ').next().unwrap();
            assert!(
                !overloads(name.trim_start_matches('.')).is_empty(),
                "{line}"
            );
        }
        let read: usize = read().values().map(Vec::len).sum();
        let lines = TEXT.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(read, lines + FORMATS.len() + 4 * 14);
        for structure in STRUCTURES {
            for (field, ty) in structure.fields {
                assert!(read_type(ty).is_some(), "{}.{field}", structure.name);
            }
        }
    }
}
