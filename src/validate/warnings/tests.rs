use super::*;
use crate::manifest::{ReadOptions, Sources, read};

/// The warnings of an object, as the server would send them, each after its rule.
fn warnings(version: &str, text: &str) -> Vec<String> {
    let sources = Sources::new();
    let file = sources.add("a.yaml", text);
    let root = read::read_one(&sources, file, &ReadOptions::kubectl())
        .unwrap()
        .root;
    let object = Object::from_node(root).unwrap();
    let judgement = crate::validate::Validator::new(version.parse().unwrap()).judge(&object);
    let shown = |finding: &Diagnostic| {
        let words = finding
            .notes
            .iter()
            .find_map(|note| note.split_once(") would warn: "));
        Some(format!("{}: {}", finding.rule, words?.1))
    };
    judgement.findings.iter().filter_map(shown).collect()
}

#[test]
fn warnings_depend_on_the_version() {
    let headless = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None, loadBalancerIP: 010.0.0.1, trafficDistribution: PreferClose, ports: [{port: 1}]}\n";
    assert_eq!(
        warnings("1.33", headless),
        [
            "non-standard-address: spec.loadBalancerIP: non-standard IP address \"010.0.0.1\" is invalid: use \"10.0.0.1\""
        ]
    );
    assert_eq!(
        warnings("1.37", headless).len(),
        3,
        "{:?}",
        warnings("1.37", headless)
    );
    let external = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {externalIPs: [1.2.3.4], ports: [{port: 1}]}\n";
    assert_eq!(warnings("1.35", external), [] as [&str; 0]);
    assert_eq!(
        warnings("1.36", external),
        [
            "deprecated-field: spec.externalIPs is deprecated and may no longer be implemented in some clusters"
        ]
    );
}

#[test]
fn what_is_refused_is_not_warned_of() {
    let text = "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: a}\ntemplate: {spec: {terminationGracePeriodSeconds: -1, containers: [{name: A, image: b}]}}\n";
    assert_eq!(warnings("1.37", text), [] as [&str; 0]);
    let text = text.replace("name: A", "name: a");
    assert_eq!(
        warnings("1.37", &text),
        [
            "negative-value: template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ]
    );
}
