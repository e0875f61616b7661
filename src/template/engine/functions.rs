//! Functions of templates: names and labels of the resource, lists with rules of their own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use crate::manifest::{Diagnostic, Node, Severity};

use super::filters::{bad, k8s_name, scalar_text, seconds};
use super::input::{self, span_of};
use super::{Shared, Subject, json};

type Result<T = Value> = std::result::Result<T, Error>;

/// Annotations that tools keep on resources; they say nothing about what is generated.
const TOOL_ANNOTATIONS: [&str; 6] = [
    "config.kubernetes.io/",
    "config.k8s.io/",
    "internal.config.kubernetes.io/",
    "kustomize.config.k8s.io/",
    "alpha.config.kubernetes.io/",
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// Adds all functions. The engine's `debug` goes: it prints whatever is in scope.
pub(super) fn add(env: &mut Environment<'static>, shared: &Shared) {
    env.remove_global("debug");
    env.add_function("k8s_name", k8s_name);
    env.add_filter("k8s_name", |first: Value, options: Kwargs| {
        k8s_name(Rest(vec![first]), options)
    });
    metadata(env, shared);
    messages(env, shared);
    env.add_function("main_port", main_port);
    env.add_function("merge", |a: &Value, b: &Value| merge(a, b));
    env.add_filter("merge", |a: &Value, b: &Value| merge(a, b));
    env.add_function("default_from", |values: Rest<Value>| {
        let set = |v: &&Value| !matches!(v.kind(), ValueKind::Undefined | ValueKind::None);
        values.iter().find(set).cloned().unwrap_or(Value::from(()))
    });
    let cell = shared.clone();
    env.add_function("kube_at_least", move |version: String| {
        let wanted = version
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let wanted: (u8, u8) =
            wanted.ok_or_else(|| bad(format!("`{version}` is no version such as `1.30`")))?;
        Ok::<_, Error>(cell.lock().kube >= wanted)
    });
    let cell = shared.clone();
    env.add_function("env_list", move |env: &Value| env_list(env, &cell));
    env.add_function("add_seconds", |a: &Value, b: &Value| {
        let whole = |v: &Value| seconds(v).and_then(i64::try_from);
        Ok::<_, Error>(whole(a)? + whole(b)?)
    });
    env.add_function("attempts", |within: &Value, every: &Value| {
        let whole = |v: &Value| seconds(v).and_then(i64::try_from);
        let (within, every) = (whole(within)?, whole(every)?.max(1));
        Ok::<_, Error>(((within + every - 1) / every).max(1))
    });
    env.add_function("needs_tmp", needs_tmp);
    env.add_function("capabilities", capabilities);
    env.add_function("issuer", issuer);
}

/// Whether the read-only root needs a writable /tmp that no volume of the user's brings.
fn needs_tmp(spec: &Value) -> Result<bool> {
    let read_only = spec.get_attr("security")?.get_attr("readOnlyRoot")?;
    let volumes = json::entries(&spec.get_attr("volumes")?)?;
    let mut paths = volumes.values().map(|(_, volume)| volume.get_attr("path"));
    let taken = paths.any(|path| path.is_ok_and(|path| path.as_str() == Some("/tmp")));
    Ok(read_only.is_true() && !taken)
}

/// Capabilities to add: those of the user, and the one that ports below 1024 need.
fn capabilities(security: &Value, ports: &Value) -> Result {
    let mut add: Vec<Value> = Vec::new();
    let own = security.get_attr("capabilities")?;
    if !own.is_undefined() {
        let own = own.get_attr("add")?;
        if !own.is_undefined() {
            add.extend(own.try_iter()?);
        }
    }
    let low = json::entries(ports)?.into_values().any(|(_, port)| {
        let text = scalar_text(&port).unwrap_or_default();
        super::super::dialect::split_port(&text).is_some_and(|(number, _)| number < 1024)
    });
    let bind = Value::from("NET_BIND_SERVICE");
    if low && security.get_attr("profile")?.as_str() != Some("none") && !add.contains(&bind) {
        add.push(bind);
    }
    add.sort();
    Ok(if add.is_empty() {
        Value::from(())
    } else {
        Value::from(add)
    })
}

/// The annotation that asks cert-manager for a certificate.
fn issuer(tls: &Value) -> Result {
    let mut annotations = Labels::new();
    if !tls.is_undefined() {
        let name = tls.get_attr("issuer")?;
        if !name.is_undefined() {
            let key = match tls.get_attr("issuerKind")?.as_str() {
                Some("Issuer") => "cert-manager.io/issuer",
                _ => "cert-manager.io/cluster-issuer",
            };
            annotations.insert(key.into(), name);
        }
    }
    Ok(Value::from(annotations))
}

fn metadata(env: &mut Environment<'static>, shared: &Shared) {
    let cell = shared.clone();
    env.add_function("labels", move || object_labels(&cell).map(Value::from));
    let cell = shared.clone();
    env.add_function("selector", move || selector(&cell).map(Value::from));
    let cell = shared.clone();
    env.add_function("service_selector", move || {
        service_selector(&cell).map(Value::from)
    });
    let cell = shared.clone();
    env.add_function("pod_labels", move || pod_labels(&cell).map(Value::from));
    let cell = shared.clone();
    env.add_function("namespace_of", move || -> Result {
        let namespace = with_subject(&cell, |s| s.metadata.get("namespace").cloned())?;
        match namespace {
            Some(node) => input::value(&node, &cell).map_err(|_| bad("not a namespace")),
            None => Ok(Value::from(())),
        }
    });
    let cell = shared.clone();
    env.add_function("meta", move |name: &Value, options: Kwargs| {
        meta(name, &options, &cell)
    });
}

fn messages(env: &mut Environment<'static>, shared: &Shared) {
    let cell = shared.clone();
    env.add_function("fail", move |message: String, options: Kwargs| {
        let at: Option<Value> = options.get("at")?;
        options.assert_all_used()?;
        Err::<Value, _>(failure(&cell, &message, at.as_ref()))
    });
    let cell = shared.clone();
    env.add_function(
        "warn",
        move |id: String, message: String, options: Kwargs| {
            let at: Option<Value> = options.get("at")?;
            options.assert_all_used()?;
            let mut warning = Diagnostic::new(Severity::Warning, id, message);
            if let Some(span) = at.as_ref().and_then(|value| span_of(value, &cell)) {
                warning = warning.at(span, "");
            }
            cell.lock().warnings.push(warning);
            Ok::<_, Error>(Value::from(""))
        },
    );
}

/// An error at the input that `at` came from.
pub(super) fn failure(shared: &Shared, message: &str, at: Option<&Value>) -> Error {
    let mut fault = Diagnostic::error("input", message);
    if let Some(span) = at.and_then(|value| span_of(value, shared)) {
        fault = fault.at(span, "");
    }
    shared.lock().failure = Some(fault);
    bad(message)
}

fn with_subject<T>(shared: &Shared, read: impl FnOnce(&Subject) -> T) -> Result<T> {
    let cell = shared.lock();
    let subject = cell
        .subject
        .as_ref()
        .ok_or_else(|| bad("labels are known in templates alone"))?;
    Ok(read(subject))
}

type Labels = BTreeMap<String, Value>;

/// The entries of a map node as values with their origins. `null` entries come as none.
fn entries(node: Option<&Node>, shared: &Shared) -> Result<Vec<(String, Value)>> {
    node.and_then(Node::as_map)
        .into_iter()
        .flatten()
        .map(|entry| {
            let value = input::value(&entry.value, shared)
                .map_err(|_| bad("a character that Unicode reserves for programs"))?;
            Ok((entry.key.to_string(), value))
        })
        .collect()
}

fn object_labels(shared: &Shared) -> Result<Labels> {
    let (name, component, own) = with_subject(shared, |s| {
        let own = s.metadata.get("labels").cloned();
        (s.name.clone(), s.kind.component.clone(), own)
    })?;
    let mut labels = Labels::new();
    labels.insert("app.kubernetes.io/name".into(), name.into());
    if let Some(component) = component {
        labels.insert(
            "app.kubernetes.io/component".into(),
            component.as_str().into(),
        );
    }
    labels.extend(entries(own.as_ref(), shared)?);
    Ok(labels)
}

/// The workload's selector: name and track, then what `spec.selector` says, `null` removing a key.
fn selector(shared: &Shared) -> Result<Labels> {
    let (name, track, own) = with_subject(shared, |s| {
        let own = s.spec.get("selector").cloned();
        (s.name.clone(), s.kind.track.clone(), own)
    })?;
    let mut labels = Labels::new();
    labels.insert("app.kubernetes.io/name".into(), name.into());
    labels.insert("deployx.dev/track".into(), track.as_str().into());
    for (key, value) in entries(own.as_ref(), shared)? {
        if value.is_none() {
            labels.remove(&key);
        } else {
            labels.insert(key, value);
        }
    }
    Ok(labels)
}

/// The Service's selector: serving pods of the name; where the workload's selector is the user's,
/// the same as that, since pods from before lack the serving label.
fn service_selector(shared: &Shared) -> Result<Labels> {
    let (name, own) = with_subject(shared, |s| {
        (s.name.clone(), s.spec.get("selector").is_some())
    })?;
    if own {
        return selector(shared);
    }
    let mut labels = Labels::new();
    labels.insert("app.kubernetes.io/name".into(), name.into());
    labels.insert("deployx.dev/serving".into(), "true".into());
    Ok(labels)
}

fn pod_labels(shared: &Shared) -> Result<Labels> {
    let (name, kind, own) = with_subject(shared, |s| {
        let own = s.spec.at(&["pod", "labels"]).cloned();
        (s.name.clone(), s.kind.clone(), own)
    })?;
    let selected = selector(shared)?;
    let mut labels = Labels::new();
    labels.insert("app.kubernetes.io/name".into(), name.into());
    if let Some(component) = kind.component {
        labels.insert(
            "app.kubernetes.io/component".into(),
            component.as_str().into(),
        );
    }
    if kind.serving {
        labels.insert("deployx.dev/serving".into(), "true".into());
    }
    labels.insert("deployx.dev/track".into(), kind.track.as_str().into());
    for (key, value) in entries(own.as_ref(), shared)? {
        let contradicts = selected.get(&key).is_some_and(|wanted| *wanted != value);
        if contradicts || key.starts_with("deployx.dev/") {
            let message = format!("the pod label `{key}` belongs to the selector");
            return Err(failure(shared, &message, Some(&value)));
        }
        labels.insert(key, value);
    }
    labels.extend(selected);
    Ok(labels)
}

/// `metadata` of a generated object: the resource's labels and annotations, more of both.
fn meta(name: &Value, options: &Kwargs, shared: &Shared) -> Result {
    let more_labels: Option<Value> = options.get("labels")?;
    let more_annotations: Option<Value> = options.get("annotations")?;
    options.assert_all_used()?;
    let (namespace, own) = with_subject(shared, |s| {
        let own = s.metadata.get("annotations").cloned();
        (s.metadata.get("namespace").cloned(), own)
    })?;
    let mut labels = object_labels(shared)?;
    extend(&mut labels, more_labels.as_ref())?;
    let mut annotations: Labels = entries(own.as_ref(), shared)?
        .into_iter()
        .filter(|(key, _)| !TOOL_ANNOTATIONS.iter().any(|tool| key.starts_with(tool)))
        .collect();
    extend(&mut annotations, more_annotations.as_ref())?;
    let mut meta = BTreeMap::from([
        ("name".to_owned(), name.clone()),
        ("labels".to_owned(), Value::from(labels)),
    ]);
    if !annotations.is_empty() {
        meta.insert("annotations".into(), Value::from(annotations));
    }
    if let Some(namespace) = namespace {
        let value = input::value(&namespace, shared).map_err(|_| bad("not a namespace"))?;
        meta.insert("namespace".into(), value);
    }
    Ok(Value::from(meta))
}

fn extend(labels: &mut Labels, more: Option<&Value>) -> Result<()> {
    let Some(more) = more.filter(|v| v.kind() == ValueKind::Map) else {
        return Ok(());
    };
    for (key, (_, value)) in json::entries(more)? {
        if !value.is_none() {
            labels.insert(key, value);
        }
    }
    Ok(())
}

/// The port that everything means which names none: `mainPort`, else `http`, else the only one;
/// none where there are no ports.
pub(super) fn main_port(ports: &Value, main: Option<Value>) -> Result {
    if let Some(main) = main.filter(|m| !m.is_none() && !m.is_undefined()) {
        return Ok(main);
    }
    let keys: Vec<Value> = ports.try_iter()?.collect();
    match keys.as_slice() {
        [] => Ok(Value::from(())),
        [only] => Ok(only.clone()),
        several => several
            .iter()
            .find(|key| key.as_str() == Some("http"))
            .cloned()
            .ok_or_else(|| bad("several ports and none is called `http`")),
    }
}

/// Deep merge of maps; the right wins, and its `none` deletes.
fn merge(a: &Value, b: &Value) -> Result {
    if a.kind() != ValueKind::Map || b.kind() != ValueKind::Map {
        return Ok(b.clone());
    }
    let mut merged: Labels = json::entries(a)?
        .into_iter()
        .map(|(key, (_, value))| (key, value))
        .collect();
    for (key, (_, value)) in json::entries(b)? {
        if value.is_none() {
            merged.remove(&key);
            continue;
        }
        let value = match merged.get(&key) {
            Some(old) => merge(old, &value)?,
            None => value,
        };
        merged.insert(key, value);
    }
    Ok(Value::from(merged))
}

/// The `env` list: what a value uses by `$(NAME)` comes before it, else by name.
fn env_list(env: &Value, shared: &Shared) -> Result {
    let all = json::entries(env)?;
    let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wakes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, (_, value)) in &all {
        let used = literal(value)?.map(|text| uses(&text)).unwrap_or_default();
        let known = used
            .iter()
            .filter_map(|used| all.get_key_value(used.as_str()));
        let mut count = 0;
        for (used, _) in known.filter(|(used, _)| *used != name) {
            wakes.entry(used).or_default().push(name);
            count += 1;
        }
        waits.insert(name, count);
    }
    let mut ready: BinaryHeap<Reverse<&str>> = waits
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| Reverse(*name))
        .collect();
    let mut list = Vec::with_capacity(all.len());
    while let Some(Reverse(name)) = ready.pop() {
        waits.remove(name);
        let (key, value) = &all[name];
        list.push(env_entry(name, key, value, shared)?);
        for woken in wakes.remove(name).unwrap_or_default() {
            if let Some(count) = waits.get_mut(woken) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(woken));
                }
            }
        }
    }
    if let Some(name) = waits.keys().next() {
        let names: Vec<String> = waits.keys().map(|name| format!("`{name}`")).collect();
        let message = format!("variables use each other in a circle: {}", names.join(", "));
        return Err(failure(shared, &message, Some(&all[*name].0)));
    }
    Ok(Value::from(list))
}

/// The text of a literal; `None` for a source.
fn literal(value: &Value) -> Result<Option<String>> {
    let value = if value.kind() == ValueKind::Map {
        value.get_attr("value")?
    } else {
        value.clone()
    };
    if value.is_undefined() {
        return Ok(None);
    }
    scalar_text(&value).map(Some)
}

/// The names in `$(NAME)`; `$$(NAME)` is an escape.
pub(in crate::template) fn uses(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
            rest = after;
        }
    }
    names
}

fn env_entry(name: &str, key: &Value, value: &Value, shared: &Shared) -> Result {
    let mut entry = BTreeMap::from([("name", key.clone())]);
    if value.kind() != ValueKind::Map {
        entry.insert("value", as_text(value, shared)?);
        return Ok(map(entry));
    }
    let get = |field: &str| {
        value
            .get_attr(field)
            .ok()
            .filter(|v| !v.is_undefined() && !v.is_none())
    };
    if let Some(text) = get("value") {
        entry.insert("value", as_text(&text, shared)?);
    } else if let Some(service) = get("service") {
        entry.insert(
            "value",
            service_url(&service, get("port").as_ref(), shared)?,
        );
    } else if let Some(field) = get("field") {
        entry.insert("valueFrom", one("fieldRef", map([("fieldPath", field)])));
    } else if let Some(resource) = get("resource") {
        let source = map([("resource", resource)]);
        entry.insert("valueFrom", one("resourceFieldRef", source));
    } else {
        let (kind, object) = match (get("secret"), get("config")) {
            (Some(secret), _) => ("secretKeyRef", secret),
            (None, Some(config)) => ("configMapKeyRef", config),
            (None, None) => return Err(bad(format!("`{name}` has no source"))),
        };
        let mut source = BTreeMap::from([("name", object)]);
        source.insert("key", get("key").unwrap_or_else(|| key.clone()));
        if let Some(optional) = get("optional") {
            source.insert("optional", optional);
        }
        entry.insert("valueFrom", one(kind, map(source)));
    }
    Ok(map(entry))
}

fn as_text(value: &Value, shared: &Shared) -> Result {
    if value.kind() == ValueKind::String {
        return Ok(value.clone());
    }
    let text = scalar_text(value)?;
    Ok(shared.lock().trace.derive(value, text.into()))
}

fn service_url(service: &Value, port: Option<&Value>, shared: &Shared) -> Result {
    let name = scalar_text(service)?;
    let port_name = port.map(scalar_text).transpose()?.unwrap_or_default();
    let (known, url) = with_subject(shared, |s| {
        let known: Vec<String> = s.services.keys().map(ToString::to_string).collect();
        let ports = s.services.get(name.as_str());
        (
            known,
            ports.map(|ports| ports.get(port_name.as_str()).cloned()),
        )
    })?;
    match url {
        Some(Some(url)) => Ok(shared.lock().trace.derive(service, url.into())),
        Some(None) => {
            let message = format!("the Service of `{name}` has no port `{port_name}`");
            Err(failure(shared, &message, port.or(Some(service))))
        }
        None => {
            let near = crate::manifest::suggest::nearest(&name, known.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let message = format!("no WebService `{name}` with a Service in this build{near}");
            Err(failure(shared, &message, Some(service)))
        }
    }
}

fn one(key: &'static str, value: Value) -> Value {
    map([(key, value)])
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::from(entries.into_iter().collect::<BTreeMap<_, _>>())
}
