//! Which workloads an autoscaler rules: their `replicas` are left to it.

use std::collections::HashMap;

use serde_json::Value;

use crate::cluster::value::Read;

/// The workload that an autoscaler names: kind, namespace, name.
pub type Target = (String, String, String);

/// Returns the autoscaler of each workload. Later ones win where two name the same.
pub fn targets<'a>(autoscalers: impl IntoIterator<Item = &'a Value>) -> HashMap<Target, String> {
    autoscalers
        .into_iter()
        .filter(|object| object.kind() == "HorizontalPodAutoscaler")
        .map(|object| {
            let reference = |field| object.text(&["spec", "scaleTargetRef", field]).to_owned();
            let target = (
                reference("kind"),
                object.namespace().to_owned(),
                reference("name"),
            );
            (target, object.name().to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_autoscaler_names_its_workload() {
        let autoscaler = json!({"kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "backend"}}});
        let other = json!({"kind": "ConfigMap", "metadata": {"name": "x"}});
        let found = targets([&autoscaler, &other]);
        let target = ("Deployment".into(), "shop".into(), "backend".into());
        assert_eq!(found.get(&target).map(String::as_str), Some("web"));
        assert_eq!(found.len(), 1);
    }
}
