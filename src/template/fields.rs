//! Where kustomize's transformers reach into typed kinds, natively and by a `configurations:` file.

use smol_str::SmolStr;

use crate::kustomize::expand::{TypedField, TypedFieldSpec};
use crate::manifest::{Map, Node, Span, emit};

use super::dialect::Schema;
use super::library::Kind;

/// The field specs of the built-in kinds, written out: they are asked for in every build, also
/// where no typed resource is met and no schema is read.
pub(super) fn built_in() -> Vec<TypedFieldSpec> {
    use TypedField::{Annotations, Images, Replicas, Selectors, Templates};
    let workload = [
        (Images, "spec/image", false),
        (Replicas, "spec/replicas", true),
        (Selectors, "spec/selector", true),
        (Selectors, "spec/pod/labels", true),
        (Templates, "spec/pod/labels", true),
        (Annotations, "spec/pod/annotations", true),
    ];
    let task =
        workload.map(|row| (row.1 != "spec/replicas" && row.1 != "spec/selector").then_some(row));
    let rows = |kind: &'static str, rows: Vec<(TypedField, &'static str, bool)>| {
        rows.into_iter()
            .map(move |(field, path, create)| TypedFieldSpec {
                field,
                group: SmolStr::new_static("deployx.dev"),
                kind: SmolStr::new_static(kind),
                path: SmolStr::new_static(path),
                create,
            })
    };
    rows("CronTask", task.into_iter().flatten().collect())
        .chain(rows("WebService", workload.to_vec()))
        .chain(rows("Worker", workload.to_vec()))
        .collect()
}

/// The field specs of a kind: images where the schema says so, replicas, selectors and pod
/// metadata where the kind has such fields.
pub(super) fn specs(kind: &Kind) -> Vec<TypedFieldSpec> {
    let mut specs = Vec::new();
    let mut add = |field, path: &str, create| {
        specs.push(TypedFieldSpec {
            field,
            group: kind.info.group.clone(),
            kind: kind.info.kind.clone(),
            path: SmolStr::new(path),
            create,
        });
    };
    let mut images = Vec::new();
    image_paths(&kind.schema, "spec", &mut images);
    for path in images {
        add(TypedField::Images, &path, false);
    }
    let has = |name: &str| {
        let property = kind.schema.property(name);
        property.is_some_and(|property| property.refused.is_none())
    };
    if has("replicas") {
        add(TypedField::Replicas, "spec/replicas", true);
    }
    if has("selector") {
        add(TypedField::Selectors, "spec/selector", true);
    }
    let pod = kind.schema.property("pod");
    if pod.is_some_and(|pod| pod.property("labels").is_some()) {
        add(TypedField::Selectors, "spec/pod/labels", true);
        add(TypedField::Templates, "spec/pod/labels", true);
    }
    if pod.is_some_and(|pod| pod.property("annotations").is_some()) {
        add(TypedField::Annotations, "spec/pod/annotations", true);
    }
    specs
}

/// Paths of images that stand under named fields; kustomize has no wildcard for map keys.
fn image_paths(schema: &Schema, path: &str, found: &mut Vec<String>) {
    if schema.image {
        found.push(path.to_owned());
    }
    for (name, property) in &schema.properties {
        image_paths(property, &format!("{path}/{name}"), found);
    }
}

/// The specs as a file for `configurations:`, for plain kustomize.
pub fn configuration(specs: &[TypedFieldSpec]) -> String {
    let sections = [
        (TypedField::Images, "images"),
        (TypedField::Replicas, "replicas"),
        (TypedField::Selectors, "commonLabels"),
        (TypedField::Templates, "templateLabels"),
        (TypedField::Annotations, "commonAnnotations"),
    ];
    let mut root = Map::new();
    for (field, section) in sections {
        let entries: Vec<Node> = specs
            .iter()
            .filter(|spec| spec.field == field)
            .map(entry)
            .collect();
        if !entries.is_empty() {
            root.set(section, Node::seq(entries, Span::NONE));
        }
    }
    emit::emit(&Node::map(root, Span::NONE))
}

fn entry(spec: &TypedFieldSpec) -> Node {
    let mut map = Map::new();
    map.set("path", Node::string(spec.path.clone(), Span::NONE));
    map.set("group", Node::string(spec.group.clone(), Span::NONE));
    map.set("kind", Node::string(spec.kind.clone(), Span::NONE));
    if spec.create {
        map.set("create", Node::bool(true, Span::NONE));
    }
    Node::map(map, Span::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Sources;
    use crate::template::Library;

    #[test]
    fn the_written_out_specs_are_those_of_the_schemas() {
        let sources = Sources::new();
        let empty = tempfile::tempdir().unwrap();
        let library = Library::load(empty.path(), &sources).unwrap();
        let kinds = library.kinds(&sources).unwrap();
        let computed: Vec<TypedFieldSpec> = kinds.into_iter().flat_map(specs).collect();
        assert_eq!(built_in(), computed);
    }

    #[test]
    fn the_configuration_names_group_and_kind_everywhere() {
        insta::assert_snapshot!(configuration(&built_in()));
    }
}
