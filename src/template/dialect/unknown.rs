//! "Did you mean" for a key that no schema has: what other systems call it, then the nearest
//! sibling, then the same name elsewhere in the kind, then a field of Kubernetes itself.

use smol_str::SmolStr;

use crate::manifest::suggest;
use crate::schema::{Version, tables};

use super::Schema;

/// What to say about an unknown key.
pub(super) struct Unknown {
    /// At the caret.
    pub(super) remark: String,
    /// On a line of its own.
    pub(super) hint: Option<String>,
}

/// Explains an unknown key of an object of schema `here` within the kind's schema `root`.
pub(super) fn explain(root: &Schema, here: &Schema, key: &str) -> Unknown {
    let remark = |remark: String| Unknown { remark, hint: None };
    let same = |alias: &SmolStr| alias.eq_ignore_ascii_case(key);
    let usable = |schema: &Schema| schema.refused.is_none();
    if let Some((name, _)) = here
        .properties
        .iter()
        .find(|(_, schema)| usable(schema) && schema.aliases.iter().any(same))
    {
        return remark(format!("this is called `{name}` here"));
    }
    let siblings = here.properties.iter().map(|(name, _)| name.as_str());
    if let Some(near) = suggest::nearest(key, siblings) {
        return remark(format!("did you mean `{near}`?"));
    }
    let mut path = Vec::new();
    let by_name = |name: &str, _: &Schema| name == key;
    let by_alias = |_: &str, schema: &Schema| schema.aliases.iter().any(same);
    let elsewhere = find(root, &mut path, &by_name).or_else(|| {
        path.clear();
        find(root, &mut path, &by_alias)
    });
    if let Some(place) = elsewhere {
        return remark(format!("`{key}` belongs in `{place}`"));
    }
    Unknown {
        remark: String::new(),
        hint: kubernetes_field(root, key).map(|path| {
            format!("`{key}` is not an input, but a field of Kubernetes: `overrides.{path}`")
        }),
    }
}

/// Finds the first field that `wanted` accepts; shortest nesting first would need a queue, and
/// the declared order puts the likely ones first.
fn find(
    schema: &Schema,
    path: &mut Vec<SmolStr>,
    wanted: &dyn Fn(&str, &Schema) -> bool,
) -> Option<String> {
    let usable: Vec<_> = schema
        .properties
        .iter()
        .filter(|(_, schema)| schema.refused.is_none())
        .collect();
    if let Some((name, _)) = usable.iter().find(|(name, schema)| wanted(name, schema)) {
        path.push(name.clone());
        return Some(path.join("."));
    }
    let named = usable
        .into_iter()
        .map(|(name, schema)| (name.clone(), schema));
    let others = schema
        .additional
        .iter()
        .map(|s| (SmolStr::new_static("<name>"), s));
    for (name, below) in named.chain(others) {
        path.push(name);
        let below = below.forms.as_ref().map_or(below, |forms| &forms.map);
        if let Some(found) = find(below, path, wanted) {
            return Some(found);
        }
        path.pop();
    }
    None
}

/// Where Kubernetes has a field of this name in the workload that the kind makes.
fn kubernetes_field(root: &Schema, key: &str) -> Option<String> {
    let (workload, pod) = if root.property("schedule").is_some() {
        ("CronJob.spec.jobTemplate.spec", "template.spec")
    } else if root.property("image").is_some() {
        ("Deployment.spec", "template.spec")
    } else {
        return None;
    };
    let tables = tables(Version::newest());
    let has = |object: &str| {
        tables
            .object(object)
            .is_some_and(|object| object.field(key).is_some())
    };
    if has("io.k8s.api.core.v1.PodSpec") {
        return Some(format!("{workload}.{pod}.{key}"));
    }
    if has("io.k8s.api.core.v1.Container") {
        return Some(format!("{workload}.{pod}.containers[].{key}"));
    }
    let own = if workload.starts_with("Cron") {
        "io.k8s.api.batch.v1.JobSpec"
    } else {
        "io.k8s.api.apps.v1.DeploymentSpec"
    };
    has(own).then(|| format!("{workload}.{key}"))
}
