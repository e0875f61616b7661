//! `namespace:`: where all namespaced objects go, and what must follow.

use super::decode::Text;
use super::fieldspec::{FieldError, FieldSpec, Make};
use super::resmap::{ResMap, duplicate};
use super::resource::Resource;
use crate::manifest::{Diagnostic, Node};
use crate::merge::strategic::keep_style;

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// All service accounts.
    AllServiceAccounts,
    None,
}

/// What the transformer does.
#[derive(Debug)]
pub(crate) struct NamespaceRule<'k> {
    pub(crate) namespace: &'k Text,
    pub(crate) specs: &'k [FieldSpec],
    pub(crate) subjects: Subjects,
    /// Whether what is set stays.
    pub(crate) unset_only: bool,
}

/// Sets the namespace of all resources.
///
/// # Errors
/// Fields that cannot hold a namespace, and two resources that become one.
pub(crate) fn transform(map: &mut ResMap, rule: &NamespaceRule<'_>) -> Result<(), Vec<Diagnostic>> {
    let metadata = FieldSpec::new("", "", "", "metadata/namespace", true);
    let mut faults = Vec::new();
    for resource in map.iter_mut().filter(|resource| !resource.from_helm) {
        resource.store_previous();
        if let Err(error) = transform_one(resource, rule, &metadata) {
            let message = format!("cannot set the namespace: {}", error.message);
            let fault = Diagnostic::error("field-spec", message).at(error.span, "");
            faults.push(fault.in_object(resource.describe()));
        }
        resource.refresh_names();
    }
    map.renamed();
    if let Some((first, second)) = map.conflict() {
        let fault = duplicate(map.get(first), map.get(second));
        let note = format!(
            "`namespace: {}` makes two objects one",
            rule.namespace.value
        );
        faults.push(fault.also(rule.namespace.span, note));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Sets the namespace of one resource.
pub(crate) fn transform_one(
    resource: &mut Resource,
    rule: &NamespaceRule<'_>,
    metadata: &FieldSpec,
) -> Result<(), FieldError> {
    let mut set = |node: &mut Node| set_namespace(node, rule);
    let gvk = resource.gvk.clone();
    if !resource.cluster_scoped {
        metadata.apply(&mut resource.node, Make::Scalar, &mut set)?;
    }
    let is_binding = is_role_binding(&gvk.kind);
    if is_binding {
        set_subjects(&mut resource.node, rule)?;
    }
    let is_core = gvk.group.is_empty() && gvk.version == "v1";
    for spec in rule.specs {
        let skipped = spec.path == "metadata/namespace"
            || !is_core && spec.path == "metadata/name"
            || is_binding && is_role_binding(&spec.gvk.kind) && spec.path == "subjects/namespace";
        if !skipped && spec.selects(&gvk) {
            spec.apply(&mut resource.node, Make::Scalar, &mut set)?;
        }
    }
    Ok(())
}

fn set_namespace(node: &mut Node, rule: &NamespaceRule<'_>) -> Result<(), FieldError> {
    let Some(scalar) = node.as_scalar() else {
        return Err(FieldError {
            message: format!("a namespace is a string, not {}", node.describe()),
            span: node.span,
        });
    };
    if !rule.unset_only || node.is_null() || scalar.text.is_empty() {
        let mut new = Node::string(rule.namespace.value.clone(), rule.namespace.span);
        keep_style(node, &mut new);
        *node = new;
    }
    Ok(())
}

fn is_role_binding(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}

fn set_subjects(node: &mut Node, rule: &NamespaceRule<'_>) -> Result<(), FieldError> {
    let (key, wanted) = match rule.subjects {
        Subjects::DefaultOnly => ("name", "default"),
        Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        Subjects::None => return Ok(()),
    };
    let is_meant = |subject: &Node| subject.get(key).and_then(Node::scalar_text) == Some(wanted);
    let Some(subjects) = node.get("subjects").filter(|subjects| !subjects.is_null()) else {
        return Ok(());
    };
    match subjects.as_seq() {
        None => {
            return Err(FieldError {
                message: format!("`subjects` is {}, not a list", subjects.describe()),
                span: subjects.span,
            });
        }
        Some(items) => {
            if let Some(fault) = items.iter().find_map(|item| odd_subject(item, key)) {
                return Err(fault);
            }
            if !items.iter().any(is_meant) {
                return Ok(());
            }
        }
    }
    let subjects = node.get_mut("subjects").and_then(Node::as_seq_mut);
    for subject in subjects.into_iter().flatten().filter(|item| is_meant(item)) {
        let span = subject.span;
        if let Some(map) = subject.as_map_mut() {
            let namespace = map.get_or_insert_with("namespace", || Node::string("", span));
            set_namespace(namespace, rule)?;
        }
    }
    Ok(())
}

/// What is wrong with a subject, if anything.
fn odd_subject(subject: &Node, key: &str) -> Option<FieldError> {
    if subject.is_null() {
        return None;
    }
    let (wanted, odd) = match subject.get(key) {
        _ if subject.as_map().is_none() => ("a subject is a mapping".to_owned(), subject),
        Some(field) if field.as_scalar().is_none() => {
            (format!("the `{key}` of a subject is a string"), field)
        }
        _ => return None,
    };
    Some(FieldError {
        message: format!("{wanted}, not {}", odd.describe()),
        span: odd.span,
    })
}
