use std::fs;
use std::path::Path;

use super::*;
use crate::kustomize::expand::{Expansion, NoValidators, TypedField, TypedFieldSpec};

/// Two kinds of our group: `WebService`, which becomes four objects, and `Release`.
struct Kinds(Vec<TypedFieldSpec>);

impl Kinds {
    fn new() -> Self {
        let spec = |field, path: &str, create| TypedFieldSpec {
            field,
            group: GROUP.into(),
            kind: "WebService".into(),
            path: path.into(),
            create,
        };
        Self(vec![
            spec(TypedField::Images, "spec/image", false),
            spec(TypedField::Replicas, "spec/replicas", true),
            spec(TypedField::Selectors, "spec/selector", true),
            spec(TypedField::Templates, "spec/pod/labels", true),
            spec(TypedField::Annotations, "spec/pod/annotations", true),
        ])
    }
}

impl TypedResources for Kinds {
    fn is_typed(&self, group: &str, kind: &str) -> bool {
        group == GROUP && ["WebService", "Release"].contains(&kind)
    }

    fn field_specs(&self) -> &[TypedFieldSpec] {
        &self.0
    }

    fn expand(&self, input: &ExpandInput<'_>) -> Result<Vec<Expansion>, Diagnostics> {
        let mut expansions = Vec::new();
        for (from, resource) in input.resources.iter().enumerate() {
            let object = Object::from_node(resource.node.clone()).unwrap();
            if !object.is(GROUP, "WebService") {
                continue;
            }
            let name = object.name();
            let mut text = String::new();
            for (kind, name, more) in [
                ("Deployment", name.to_owned(), ""),
                ("Service", format!("{name}-headless"), ""),
                ("ConfigMap", "of-its-own".to_owned(), ""),
                (
                    "ConfigMap",
                    format!("{name}-files"),
                    "  annotations: {kustomize.config.k8s.io/needs-hash: 'true'}\n",
                ),
            ] {
                text += &format!(
                    "---\napiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"
                );
            }
            let file = input.sources.add("<made>", text);
            let made = read::read_all(input.sources, file, &ReadOptions::kustomize_resource())?;
            expansions.push(Expansion {
                from,
                objects: made.into_iter().map(|document| document.root).collect(),
            });
        }
        Ok(expansions)
    }
}

struct Refusing;

impl Validators for Refusing {
    fn validate(&self, config: &Node, input: &ExpandInput<'_>) -> Result<(), Diagnostics> {
        let names: Vec<&str> = input
            .resources
            .iter()
            .map(|resource| resource.original_name.as_str())
            .collect();
        let name = Object::from_node(config.clone()).unwrap().describe();
        Err(Diagnostic::error("x", format!("{name} refuses {}", names.join(" "))).into())
    }
}

fn call_in(root: &Path, validators: &dyn Validators, input: &str) -> Result<String, String> {
    let sources = Sources::new();
    let call = Call {
        root,
        sources: &sources,
        typed: &Kinds::new(),
        validators,
    };
    run(&call, input.as_bytes().to_vec()).map_err(|faults| faults.to_string())
}

fn call(input: &str) -> Result<String, String> {
    let nowhere = tempfile::tempdir().unwrap();
    call_in(nowhere.path(), &NoValidators, input)
}

fn list(items: &str, kind: &str) -> String {
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}functionConfig:\n  \
         apiVersion: deployx.dev/v1\n  kind: {kind}\n  metadata:\n    name: it\n"
    )
}

const WEB: &str = "\
- apiVersion: deployx.dev/v1
  kind: WebService
  metadata:
    annotations:
      config.kubernetes.io/index: '0'
      config.kubernetes.io/origin: |
        path: web.yaml
      internal.config.kubernetes.io/prefixes: a-,p-
      internal.config.kubernetes.io/previousKinds: WebService,WebService
      internal.config.kubernetes.io/previousNames: web,a-web
      internal.config.kubernetes.io/previousNamespaces: default,shop
      internal.config.kubernetes.io/suffixes: -s
      kustomize.config.k8s.io/id: |
        kind: WebService
    name: p-a-web-s
    namespace: shop
  spec:
    image: app:1
";

#[test]
fn what_is_made_inherits_the_history_under_its_own_kind() {
    let output = call(&list(WEB, "Expand")).unwrap();
    insta::assert_snapshot!(output, @r"
    apiVersion: config.kubernetes.io/v1
    kind: ResourceList
    items:
    - apiVersion: v1
      kind: Deployment
      metadata:
        annotations:
          config.kubernetes.io/origin: |
            path: web.yaml
          internal.config.kubernetes.io/prefixes: a-,p-
          internal.config.kubernetes.io/previousKinds: Deployment,Deployment
          internal.config.kubernetes.io/previousNames: web,a-web
          internal.config.kubernetes.io/previousNamespaces: default,shop
          internal.config.kubernetes.io/suffixes: -s
        name: p-a-web-s
    - apiVersion: v1
      kind: Service
      metadata:
        annotations:
          config.kubernetes.io/origin: |
            path: web.yaml
          internal.config.kubernetes.io/prefixes: a-,p-
          internal.config.kubernetes.io/previousKinds: Service,Service
          internal.config.kubernetes.io/previousNames: web-headless,a-web-headless
          internal.config.kubernetes.io/previousNamespaces: default,shop
          internal.config.kubernetes.io/suffixes: -s
        name: p-a-web-s-headless
    - apiVersion: v1
      kind: ConfigMap
      metadata:
        annotations:
          config.kubernetes.io/origin: |
            path: web.yaml
        name: of-its-own
    - apiVersion: v1
      kind: ConfigMap
      metadata:
        annotations:
          config.kubernetes.io/origin: |
            path: web.yaml
          internal.config.kubernetes.io/needsHashSuffix: enabled
          internal.config.kubernetes.io/prefixes: a-,p-
          internal.config.kubernetes.io/previousKinds: ConfigMap,ConfigMap
          internal.config.kubernetes.io/previousNames: web-files,a-web-files
          internal.config.kubernetes.io/previousNamespaces: default,shop
          internal.config.kubernetes.io/suffixes: -s
        name: p-a-web-s-files
    ");
}

#[test]
fn what_was_never_renamed_has_no_history() {
    let web = "- apiVersion: deployx.dev/v1\n  kind: WebService\n  metadata:\n    name: web\n";
    let output = call(&list(web, "Expand")).unwrap();
    assert!(!output.contains("previous"), "{output}");
    assert!(output.contains("needsHashSuffix: enabled"), "{output}");
}

#[test]
fn what_is_not_typed_goes_out_in_its_own_words() {
    let plain = "# a remark\n- apiVersion: v1\n  kind: ConfigMap # here too\n  metadata: {name: c}\n  data:\n    f: 1.0\n    t: 2001-01-01\n";
    let input = list(&format!("{}{WEB}{}", &plain[11..], &plain[11..]), "Expand");
    let output = call(&input).unwrap();
    let head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n";
    let want = format!(
        "{head}{0}{0}- apiVersion: v1\nkind: Deployment",
        &plain[11..]
    );
    assert!(
        output
            .replace("  kind: Deployment", "kind: Deployment")
            .starts_with(&want),
        "{output}"
    );
}

#[test]
fn other_forms_of_the_same_list_are_read_too() {
    let item = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#;
    let config = r#"{"apiVersion":"deployx.dev/v1","kind":"Expand","metadata":{"name":"x"}}"#;
    let json = |items: &str| {
        format!(
            r#"{{"apiVersion":"config.kubernetes.io/v1beta1","kind":"ResourceList","items":{items},"functionConfig":{config}}}"#
        )
    };
    let head = "apiVersion: config.kubernetes.io/v1beta1\nkind: ResourceList\nitems:";
    for (items, want) in [
        (
            format!("[{item}]"),
            "\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: c\n",
        ),
        ("[]".to_owned(), " []\n"),
        ("null".to_owned(), " []\n"),
    ] {
        assert_eq!(call(&json(&items)).unwrap(), format!("{head}{want}"));
    }
}

#[test]
fn a_release_is_kept_for_later_layers_and_never_printed() {
    let release = "- apiVersion: deployx.dev/v1\n  kind: Release\n  metadata:\n    name: r\n";
    assert_eq!(
        call(&list(release, "Expand")).unwrap(),
        format!(
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{}",
            "- apiVersion: deployx.dev/v1\n  kind: Release\n  metadata:\n    annotations:\n      \
             config.kubernetes.io/local-config: \"true\"\n    name: r\n"
        )
    );
}

#[test]
fn a_validator_prints_nothing_or_fails() {
    let nowhere = tempfile::tempdir().unwrap();
    let input = list(WEB, "Validate");
    assert_eq!(call(&input).unwrap(), "");
    assert_eq!(
        call_in(nowhere.path(), &Refusing, &input).unwrap_err(),
        "Validate it refuses web"
    );
}

#[test]
fn a_validator_among_the_transformers_would_empty_the_build() {
    let file = "apiVersion: deployx.dev/v1\nkind: Validate\nmetadata:\n  name: it\n";
    let inline = format!("|-\n  {}", file.trim_end().replace('\n', "\n  "));
    let other = file.replace("it", "other");
    for (field, entry, text, refused) in [
        ("transformers", "v.yaml", file, true),
        ("transformers", "folder", file, true),
        ("transformers", inline.as_str(), file, true),
        ("transformers", "v.yaml", other.as_str(), false),
        ("validators", "v.yaml", file, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "kustomization.yaml",
            &format!("{field}:\n- {entry}\n"),
        );
        write(dir.path(), "v.yaml", text);
        write(
            dir.path(),
            "folder/kustomization.yaml",
            "resources: [v.yaml]\n",
        );
        write(dir.path(), "folder/v.yaml", text);
        let result = call_in(dir.path(), &NoValidators, &list(WEB, "Validate"));
        let message = "`Validate` is a validator; as a transformer it would empty the build";
        let want = if refused {
            Err(message.to_owned())
        } else {
            Ok(String::new())
        };
        assert_eq!(result, want, "{field} {entry}");
    }
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_reason() {
    let generator = "- apiVersion: deployx.dev/v1\n  kind: Expand\n  metadata:\n    name: it\n";
    let versioned = list("", "Expand").replace("deployx.dev/v1", "deployx.dev/v9");
    let foreign = list("", "Expand").replace("deployx.dev/v1", "v1");
    let nothing = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";
    for (input, want) in [
        ("", "there is nothing on standard input"),
        ("# nothing\n", "there is nothing on standard input"),
        ("a: [\n", "not YAML: unclosed bracket"),
        (
            "apiVersion: v1\nkind: List\nitems: []\n",
            "standard input holds no ResourceList",
        ),
        (
            "apiVersion: x/v1\nkind: ResourceList\n",
            "standard input holds no ResourceList",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "more than one document on standard input",
        ),
        (nothing, "the function has no configuration"),
        (
            &format!("{nothing}items: {{}}\n"),
            "`items` must be a list, not a mapping",
        ),
        (
            &list("- 1\n- kind: x\n", "Expand"),
            "this item is no Kubernetes object\nthis item is no",
        ),
        (
            &list("", "Expnad"),
            "`Expnad` of `deployx.dev/v1` is no configuration of deployx",
        ),
        (
            &list("", "WebService"),
            "`WebService` of `deployx.dev/v1` is no configuration",
        ),
        (&versioned, "`deployx.dev/v9` has no kind `Expand`"),
        (&foreign, "`Expand` of `v1` is no configuration of deployx"),
        (
            &list(generator, "Expand"),
            "`Expand` is no generator: there it is handed no resources",
        ),
        ("a: \u{1}", ""),
    ] {
        let said = call(input).unwrap_err();
        assert!(said.contains(want), "{input:?}\n{said}");
    }
    let sources = Sources::new();
    let nowhere = tempfile::tempdir().unwrap();
    let call = Call {
        root: nowhere.path(),
        sources: &sources,
        typed: &Kinds::new(),
        validators: &NoValidators,
    };
    assert!(
        run(&call, vec![0xff, 0xfe])
            .unwrap_err()
            .to_string()
            .contains("not UTF-8")
    );
}

#[test]
fn the_legacy_plugin_speaks_in_documents() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    let legacy = |kind: &str, input: &str| {
        let text = format!("apiVersion: deployx.dev/v1\nkind: {kind}\nmetadata: {{name: it}}\n");
        fs::write(&config, text).unwrap();
        let sources = Sources::new();
        let call = Call {
            root: dir.path(),
            sources: &sources,
            typed: &Kinds::new(),
            validators: &NoValidators,
        };
        let input = input.as_bytes().to_vec();
        run_legacy(&call, &config, input).map_err(|faults| faults.to_string())
    };
    let web = WEB.replacen("- ", "  ", 1);
    let input = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n---\n{web}");
    let output = legacy("Expand", &input).unwrap();
    let kinds: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("kind:"))
        .collect();
    assert_eq!(
        kinds,
        [
            "kind: ConfigMap",
            "kind: Deployment",
            "kind: Service",
            "kind: ConfigMap",
            "kind: ConfigMap"
        ]
    );
    assert!(
        output.contains("previousNames: web-headless,a-web-headless\n"),
        "{output}"
    );
    assert_eq!(legacy("Validate", &input).unwrap(), "");
    assert_eq!(legacy("Expand", "").unwrap(), "");
    assert!(
        legacy("Nothing", &input)
            .unwrap_err()
            .contains("no configuration of deployx")
    );
    assert!(
        legacy("Expand", "a: 1\n")
            .unwrap_err()
            .contains("no Kubernetes object")
    );
}

#[test]
fn a_configuration_is_known_by_group_and_kind() {
    for (text, want) in [
        ("apiVersion: deployx.dev/v1\nkind: Expand\n", true),
        ("kind: Validate\napiVersion: deployx.dev/v2\n", true),
        ("apiVersion: deployx.dev/v1\nkind: WebService\n", false),
        ("apiVersion: v1\nkind: Expand\n", false),
        ("a: [", false),
    ] {
        assert_eq!(is_config(text), want, "{text}");
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The places and fields that are refused in `prod`, over `base` with a WebService `web` and a
/// Deployment.
fn refused(base: &str, prod: &str, more: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let web = "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata:\n  name: web\nspec:\n  image: app:1\n";
    write(dir.path(), "base/web.yaml", web);
    write(
        dir.path(),
        "base/kustomization.yaml",
        &format!("resources: [web.yaml]\n{base}"),
    );
    write(
        dir.path(),
        "plain/d.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
    );
    write(dir.path(), "prod/kustomization.yaml", prod);
    for (name, text) in more {
        write(dir.path(), name, text);
    }
    let root = dir.path().canonicalize().unwrap();
    let sources = Sources::new();
    let call = Call {
        root: &root.join("prod"),
        sources: &sources,
        typed: &Kinds::new(),
        validators: &NoValidators,
    };
    let input = list(WEB, "Expand").into_bytes();
    let Err(faults) = run(&call, input) else {
        return Vec::new();
    };
    let said = faults.0.iter().map(|fault| {
        let place = fault.primary.as_ref().map_or_else(String::new, |label| {
            sources
                .locate(label.span)
                .replace(&format!("{}/", root.display()), "")
        });
        format!(
            "{place} {}",
            fault.field.as_deref().unwrap_or(&fault.message)
        )
    });
    said.collect()
}

const FIELDS: &str = "\
images:
- {path: spec/image, group: deployx.dev, kind: WebService}
replicas:
- {path: spec/replicas, group: deployx.dev, kind: WebService, create: true}
commonLabels:
- {path: spec/selector, kind: WebService, create: true}
templateLabels:
- {path: spec/pod/labels, create: true}
commonAnnotations:
- {path: spec/pod/annotations, version: v1, create: true}
";

const TOUCHING: &str = "\
images: [{name: app, newTag: '2'}]
replicas: [{name: a-web, count: 2}]
commonLabels: {a: b}
commonAnnotations: {c: d}
labels:
- {pairs: {e: f}, includeSelectors: true}
- {pairs: {g: h}, includeTemplates: true}
";

#[test]
fn a_field_that_does_not_reach_a_typed_resource_is_refused() {
    let all = [
        "prod/kustomization.yaml:2:17 spec.image",
        "prod/kustomization.yaml:3:12 spec.replicas",
        "prod/kustomization.yaml:7:3 spec.selector",
        "prod/kustomization.yaml:8:3 spec.pod.labels",
        "prod/kustomization.yaml:4:19 spec.selector",
        "prod/kustomization.yaml:5:24 spec.pod.annotations",
    ];
    let prod = format!("resources: [../base]\n{TOUCHING}");
    assert_eq!(refused("", &prod, &[]), all);
    // A configuration counts from where it is listed upwards.
    let listed = [("base/fields.yaml", FIELDS), ("prod/fields.yaml", FIELDS)];
    let none: [&str; 0] = [];
    assert_eq!(
        refused("configurations: [fields.yaml]\n", &prod, &listed),
        none
    );
    let own = format!("{prod}configurations: [fields.yaml]\n");
    assert_eq!(refused("", &own, &listed), none);
    assert_eq!(
        refused("images: [{name: app, newTag: '2'}]\n", &own, &listed),
        ["base/kustomization.yaml:2:17 spec.image"]
    );
}

#[test]
fn only_what_concerns_a_typed_resource_is_refused() {
    let none: [&str; 0] = [];
    let other = "images: [{name: other, newTag: '2'}]\nreplicas: [{name: other, count: 2}]\n\
                 labels:\n- {pairs: {a: b}}\n";
    assert_eq!(
        refused("", &format!("resources: [../base]\n{other}"), &[]),
        none
    );
    // In a base beside it, the same fields concern others.
    let plain = format!("resources: [d.yaml]\n{TOUCHING}");
    let more = [("plain/kustomization.yaml", plain.as_str())];
    assert_eq!(refused("", "resources: [../base, ../plain]\n", &more), none);
    // An image may be named as the file has it, or as a patch has made it.
    let web = "apiVersion: deployx.dev/v1\nkind: WebService\nmetadata: {name: web}\nspec: {image: first}\n";
    let prod =
        "resources: [../base]\nimages:\n- {name: app, newTag: '2'}\n- {name: first, newTag: '2'}\n";
    assert_eq!(
        refused("", prod, &[("base/web.yaml", web)]),
        [
            "prod/kustomization.yaml:3:10 spec.image",
            "prod/kustomization.yaml:4:10 spec.image"
        ]
    );
    // A component acts on what the kustomization has that lists it.
    let component = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n\
                     images: [{name: app, newTag: '2'}]\n";
    let more = [("part/kustomization.yaml", component)];
    assert_eq!(
        refused("", "resources: [../base]\ncomponents: [../part]\n", &more),
        ["part/kustomization.yaml:3:17 spec.image"]
    );
    // The path is another, or the field would not be made where the native build makes it.
    let fields = FIELDS
        .replace("spec/image", "spec/picture")
        .replace(", create: true", "");
    let more = [("prod/fields.yaml", fields.as_str())];
    let prod = format!("resources: [../base]\nconfigurations: [fields.yaml]\n{TOUCHING}");
    assert_eq!(refused("", &prod, &more).len(), 6);
    // What an entry lists itself is reached.
    let own = "resources: [../base]\nlabels:\n- pairs: {a: b}\n  includeTemplates: true\n  \
               fields: [{path: spec/pod/labels, create: true}]\n";
    assert_eq!(refused("", own, &[]), none);
}

#[test]
fn a_typed_resource_from_afar_may_have_come_through_any_kustomization() {
    let plain = format!("resources: [d.yaml]\n{TOUCHING}");
    let more = [("plain/kustomization.yaml", plain.as_str())];
    let prod = "resources: [../plain, 'https://example.com/web.yaml']\n";
    assert_eq!(refused("", prod, &more).len(), 6);
}
