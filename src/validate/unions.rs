//! Mappings of which one of several fields must be given, or at most one.
//!
//! The rules and the server's words are those of `pkg/apis/*/validation` of Kubernetes 1.37,
//! tried on the real server.

use super::fault::Faults;
use super::place::Place;
use crate::manifest::{Entry, Map, Span};
use crate::schema::Object;

/// One rule about the fields of a type.
struct Union {
    /// The type's name in OpenAPI without `io.k8s.api.`.
    object: &'static str,
    members: &'static [&'static str],
    /// The server's words when none is given; empty where that is allowed.
    none: &'static str,
    many: Many,
}

/// What the server says when several are given.
enum Many {
    /// Once, about the mapping.
    Whole(&'static str),
    /// About each but the first.
    Each(&'static str),
}

const HANDLERS: Many = Many::Each("Forbidden: may not specify more than 1 handler type");
const VOLUMES: Many = Many::Each("Forbidden: may not specify more than 1 volume type");
const ONE_FIELD: Many =
    Many::Whole("Invalid value: \"\": may not have more than one field specified at a time");
const CLIENT: &str = "Required value: exactly one of url or service is required";

static UNIONS: &[Union] = &[
    Union {
        object: "admissionregistration.v1.WebhookClientConfig",
        members: &["url", "service"],
        none: CLIENT,
        many: Many::Whole(CLIENT),
    },
    Union {
        object: "core.v1.DownwardAPIVolumeFile",
        members: &["fieldRef", "resourceFieldRef"],
        none: "Required value: one of fieldRef and resourceFieldRef is required",
        many: Many::Whole(
            "Invalid value: \"resource\": fieldRef and resourceFieldRef can not be specified simultaneously",
        ),
    },
    Union {
        object: "core.v1.EnvFromSource",
        members: &["configMapRef", "secretRef"],
        none: "Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
        many: ONE_FIELD,
    },
    Union {
        object: "core.v1.EnvVarSource",
        members: &[
            "fieldRef",
            "resourceFieldRef",
            "configMapKeyRef",
            "secretKeyRef",
            "fileKeyRef",
        ],
        none: "Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        many: ONE_FIELD,
    },
    Union {
        object: "core.v1.LifecycleHandler",
        members: &["exec", "httpGet", "tcpSocket", "sleep"],
        none: "Required value: must specify a handler type",
        many: HANDLERS,
    },
    Union {
        object: "core.v1.PersistentVolumeSpec",
        members: &[
            "hostPath",
            "gcePersistentDisk",
            "awsElasticBlockStore",
            "glusterfs",
            "flocker",
            "nfs",
            "rbd",
            "quobyte",
            "cephfs",
            "iscsi",
            "cinder",
            "fc",
            "flexVolume",
            "azureFile",
            "vsphereVolume",
            "photonPersistentDisk",
            "portworxVolume",
            "azureDisk",
            "scaleIO",
            "local",
            "storageos",
            "csi",
        ],
        none: "Required value: must specify a volume type",
        many: VOLUMES,
    },
    Union {
        object: "core.v1.Probe",
        members: &["exec", "httpGet", "tcpSocket", "grpc"],
        none: "Required value: must specify a handler type",
        many: HANDLERS,
    },
    Union {
        object: "core.v1.Volume",
        members: &[
            "emptyDir",
            "hostPath",
            "gitRepo",
            "gcePersistentDisk",
            "awsElasticBlockStore",
            "secret",
            "nfs",
            "iscsi",
            "glusterfs",
            "persistentVolumeClaim",
            "rbd",
            "cinder",
            "cephfs",
            "flocker",
            "downwardAPI",
            "fc",
            "configMap",
            "azureFile",
            "flexVolume",
            "vsphereVolume",
            "azureDisk",
            "photonPersistentDisk",
            "portworxVolume",
            "quobyte",
            "scaleIO",
            "storageos",
            "projected",
            "csi",
            "ephemeral",
            "image",
        ],
        // It becomes an emptyDir.
        none: "",
        many: VOLUMES,
    },
    Union {
        object: "core.v1.VolumeProjection",
        members: &[
            "clusterTrustBundle",
            "configMap",
            "downwardAPI",
            "podCertificate",
            "secret",
            "serviceAccountToken",
        ],
        none: "",
        many: Many::Whole("Forbidden: may not specify more than 1 volume type per source"),
    },
    Union {
        object: "networking.v1.IngressBackend",
        members: &["service", "resource"],
        none: "Invalid value: \"\": resource or service backend is required",
        many: Many::Whole("Invalid value: \"\": cannot set both resource and service backends"),
    },
    Union {
        object: "networking.v1.NetworkPolicyPeer",
        members: &["ipBlock", "namespaceSelector", "podSelector"],
        none: "Required value: must specify a peer",
        // Two selectors go together; ipBlock goes with none (see neighbours.rs).
        many: Many::Whole(""),
    },
];

/// Checks a mapping of a type. `at` is where it stands.
pub(super) fn check(
    faults: &mut Faults<'_>,
    object: Object,
    map: &Map,
    place: &Place<'_>,
    at: Span,
) {
    let Some(name) = object.name().strip_prefix("io.k8s.api.") else {
        return;
    };
    let Ok(index) = UNIONS.binary_search_by(|union| union.object.cmp(name)) else {
        return;
    };
    let union = &UNIONS[index];
    let is_given = |entry: &&Entry| {
        union.members.contains(&entry.key.as_str())
            && object
                .field(&entry.key)
                .is_some_and(|field| !field.unchecked())
            && !entry.value.is_null()
            && entry.value.as_str() != Some("")
    };
    let mut given: Vec<&Entry> = map.iter().filter(is_given).collect();
    // The server takes the first of its own order.
    let order = |entry: &&Entry| union.members.iter().position(|name| *name == entry.key);
    given.sort_by_key(order);
    match (given.as_slice(), &union.many) {
        ([], _) if !union.none.is_empty() => {
            let message = format!("none of {} is given", either(union.members));
            let remark = "exactly one is required";
            faults.refuse("one-of", message, at, remark, place, union.none);
        }
        ([first, rest @ ..], Many::Each(words)) => {
            // This one of a cluster's volumes is not counted against those before it.
            let counts = |extra: &&&Entry| {
                !(union.object == "core.v1.PersistentVolumeSpec" && extra.key == "flexVolume")
            };
            for extra in rest.iter().filter(counts) {
                let place = place.field(match extra.key.as_str() {
                    "cephfs" => "cephFS",
                    key => key,
                });
                faults.refuse(
                    "one-of",
                    format!("`{}` stands beside `{}`", extra.key, first.key),
                    extra.key_span,
                    "only one of them is allowed",
                    &place,
                    words,
                );
            }
        }
        ([first, second, ..], Many::Whole(words)) if !words.is_empty() => faults.refuse(
            "one-of",
            format!("`{}` stands beside `{}`", second.key, first.key),
            second.key_span,
            "only one of them is allowed",
            place,
            words,
        ),
        _ => {}
    }
}

fn either(members: &[&str]) -> String {
    let ticked: Vec<String> = members.iter().map(|name| format!("`{name}`")).collect();
    match ticked.split_last() {
        Some(_) if members.len() > 6 => "its sources".to_owned(),
        Some((last, head)) => format!("{} and {last}", head.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Version, tables};

    #[test]
    fn unions_are_sorted_and_name_fields_that_exist() {
        assert!(UNIONS.is_sorted_by_key(|union| union.object));
        for union in UNIONS {
            let name = format!("io.k8s.api.{}", union.object);
            let object = tables(Version::newest()).object(&name).unwrap();
            for member in union.members {
                assert!(object.field(member).is_some(), "{name}.{member}");
            }
        }
    }
}
