//! What a release is called and where its records are, and the policy that the overlay brings.

use std::time::Duration;

use super::error::ReleaseError;
use crate::diff::Release;
use crate::manifest::duration;
use crate::manifest::node::Node;
use crate::manifest::object::Object;
use crate::plan::Strategy;

/// Helm's limit: a revision number and a suffix still have to fit into 63 characters.
const MAX_NAME: usize = 53;

/// What the Release resource of an overlay says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleasePolicy {
    /// Its final name.
    pub object_name: String,
    /// `spec.name`.
    pub name: Option<String>,
    /// Its final namespace.
    pub object_namespace: Option<String>,
    /// `spec.cluster.namespace`.
    pub namespace: Option<String>,
    /// `spec.strategy.type`.
    pub strategy: Option<Strategy>,
    /// `spec.timeouts.workload`.
    pub timeout: Option<Duration>,
}

impl ReleasePolicy {
    /// Takes the Release resource out of the objects; it never goes to the cluster.
    ///
    /// # Errors
    /// There are two.
    pub fn take(objects: &mut Vec<Object>) -> Result<Option<Self>, ReleaseError> {
        let is_release = |object: &Object| object.is("deployx.dev", "Release");
        let found: Vec<Object> = objects.iter().filter(|o| is_release(o)).cloned().collect();
        objects.retain(|object| !is_release(object));
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(Self::read(one))),
            several => Err(ReleaseError::TwoReleases {
                names: several.iter().map(|o| o.name().to_owned()).collect(),
            }),
        }
    }

    fn read(object: &Object) -> Self {
        let text = |path: &[&str]| {
            let node = object.root.at(path).and_then(Node::scalar_text);
            node.map(str::to_owned)
        };
        let strategy = text(&["spec", "strategy", "type"]).and_then(|word| match word.as_str() {
            "auto" => Some(Strategy::Auto),
            "rolling" => Some(Strategy::Rolling),
            "recreate" => Some(Strategy::Recreate),
            _ => None,
        });
        let timeout = text(&["spec", "timeouts", "workload"])
            .and_then(|text| duration::Duration::parse(&text))
            .map(|limit| Duration::from_millis(limit.as_millis()));
        Self {
            object_name: object.name().to_owned(),
            name: text(&["spec", "name"]),
            object_namespace: Some(object.namespace().to_owned()).filter(|ns| !ns.is_empty()),
            namespace: text(&["spec", "cluster", "namespace"]),
            strategy,
            timeout,
        }
    }
}

/// Decides name and namespace: the command line, else what the Release resource says, else its
/// own name and namespace, else (for the namespace) the context's.
///
/// # Errors
/// No name is to be had, it is no valid one, or the command line differs from a written one.
pub fn resolve(
    asked: Option<&str>,
    asked_namespace: Option<&str>,
    policy: Option<&ReleasePolicy>,
    context_namespace: &str,
) -> Result<Release, ReleaseError> {
    let written = policy.and_then(|policy| policy.name.as_deref());
    if let (Some(asked), Some(written)) = (asked, written)
        && asked != written
    {
        return Err(ReleaseError::NameDiffers {
            asked: asked.to_owned(),
            written: written.to_owned(),
        });
    }
    let name = asked
        .or(written)
        .or(policy.map(|policy| policy.object_name.as_str()))
        .filter(|name| !name.is_empty())
        .ok_or(ReleaseError::NoName)?;
    if !is_valid(name) {
        return Err(ReleaseError::BadName {
            name: name.to_owned(),
        });
    }
    let namespace = asked_namespace
        .or(policy.and_then(|policy| policy.namespace.as_deref()))
        .or(policy.and_then(|policy| policy.object_namespace.as_deref()))
        .unwrap_or(context_namespace);
    Ok(Release {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
    })
}

/// Helm's rule for names: DNS labels joined by dots.
fn is_valid(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::json::from_json;
    use crate::manifest::source::Span;

    fn object(value: Value) -> Object {
        Object::from_node(from_json(&value, Span::NONE)).unwrap()
    }

    fn release(name: &str, spec: Value) -> Object {
        object(json!({"apiVersion": "deployx.dev/v1", "kind": "Release",
            "metadata": {"name": name, "namespace": "from-object"}, "spec": spec}))
    }

    #[test]
    fn names_come_from_the_nearest_place() {
        let mut objects = vec![release("own", json!({"timeouts": {"workload": "90s"}}))];
        let policy = ReleasePolicy::take(&mut objects).unwrap().unwrap();
        assert!(objects.is_empty());
        assert_eq!(policy.timeout, Some(Duration::from_secs(90)));
        let found = resolve(None, None, Some(&policy), "ctx").unwrap();
        assert_eq!(
            (found.name.as_str(), found.namespace.as_str()),
            ("own", "from-object")
        );
        let found = resolve(Some("asked"), Some("ns"), Some(&policy), "ctx").unwrap();
        assert_eq!(
            (found.name.as_str(), found.namespace.as_str()),
            ("asked", "ns")
        );

        let spec = json!({"name": "written", "cluster": {"namespace": "spec"},
            "strategy": {"type": "recreate"}});
        let policy = ReleasePolicy::take(&mut vec![release("own", spec)])
            .unwrap()
            .unwrap();
        assert_eq!(policy.strategy, Some(Strategy::Recreate));
        let found = resolve(None, None, Some(&policy), "ctx").unwrap();
        assert_eq!(
            (found.name.as_str(), found.namespace.as_str()),
            ("written", "spec")
        );
        assert!(matches!(
            resolve(Some("asked"), None, Some(&policy), "ctx"),
            Err(ReleaseError::NameDiffers { .. })
        ));
        assert_eq!(
            resolve(Some("a"), None, None, "ctx").unwrap().namespace,
            "ctx"
        );
        assert!(matches!(
            resolve(None, None, None, "ctx"),
            Err(ReleaseError::NoName)
        ));
    }

    #[test]
    fn two_policies_are_an_error() {
        let mut objects = vec![release("a", json!({})), release("b", json!({}))];
        assert!(matches!(
            ReleasePolicy::take(&mut objects),
            Err(ReleaseError::TwoReleases { names }) if names == ["a", "b"]
        ));
    }

    #[test]
    fn helm_has_rules_for_names() {
        for (name, valid) in [
            ("shop", true),
            ("a.b-c", true),
            ("A", false),
            ("-a", false),
            ("", false),
        ] {
            assert_eq!(is_valid(name), valid, "{name}");
        }
        assert!(is_valid(&"a".repeat(53)));
        assert!(!is_valid(&"a".repeat(54)));
    }
}
