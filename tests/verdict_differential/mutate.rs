//! Mutants: what people and programs do wrong to an object, and what merely looks wrong.

use deployx::schema::{Shape, Type};
use serde_json::{Map, Value, json};

use super::random::Random;
use super::seeds::Seed;
use super::{generate, values};

/// A manifest with what was done to it.
pub(crate) struct Mutant {
    pub(crate) object: Value,
    pub(crate) steps: Vec<String>,
}

/// A place in an object: names of fields and indices.
type Path = Vec<String>;

/// Changes an object once, sometimes more often.
pub(crate) fn mutate(seed: &Seed, others: &[Seed], random: &mut Random) -> Mutant {
    let mut mutant = Mutant {
        object: seed.object.clone(),
        steps: Vec::new(),
    };
    let times = *random.pick(&[1, 1, 1, 1, 2, 2, 3]);
    for _ in 0..times {
        let step = once(&mut mutant.object, seed, others, random);
        mutant.steps.push(step);
    }
    // The judge is asked by kind: a mutant of another kind has nobody to ask.
    if let Some(map) = mutant.object.as_object_mut() {
        for name in ["apiVersion", "kind"] {
            map.insert(name.to_owned(), seed.object[name].clone());
        }
    }
    mutant
}

fn once(object: &mut Value, seed: &Seed, others: &[Seed], random: &mut Random) -> String {
    let root = seed.kind.object().ty();
    let places = places(object, root);
    let (path, ty) = random.pick(&places).clone();
    let name = path
        .iter()
        .rev()
        .find(|step| step.parse::<usize>().is_err());
    let name = name.cloned().unwrap_or_default();
    let what = match random.below(20) {
        0 => remove(object, &path),
        1 => put(object, &path, Value::Null, "null"),
        2 => empty(object, &path),
        3 => put(object, &path, values::anything(random), "other"),
        4 | 5 => scalar(object, &path, ty, &name, random),
        6 => spelling(object, &path, random),
        7 => double(object, &path, random),
        8 => rename(object, &path, random),
        9 => add_unknown(object, &path, random),
        10..=13 => add_field(object, root, random),
        14 => match ty {
            Some(ty) => put(
                object,
                &path,
                generate::value(ty, &name, 3, random),
                "generate",
            ),
            None => "nothing".to_owned(),
        },
        15 => swap(object, &path, random),
        16 => move_to(object, &path, &places, random),
        17 => take(object, &path, &name, others, random),
        18 => add_item(object, root, random),
        _ => metadata(object, random),
    };
    format!("{what} {}", path.join("."))
}

/// All places below the object, with their types as far as they have one.
fn places(object: &Value, root: Type) -> Vec<(Path, Option<Type>)> {
    let mut places = Vec::new();
    let mut left = vec![(Path::new(), object, Some(root))];
    while let Some((path, value, ty)) = left.pop() {
        let below = |step: String| {
            let ty = ty.and_then(|ty| ty.step(&step));
            let mut path = path.clone();
            path.push(step);
            (path, ty)
        };
        for (key, value) in value.as_object().into_iter().flatten() {
            let (path, ty) = below(key.clone());
            left.push((path, value, ty));
        }
        for (index, value) in value.as_array().into_iter().flatten().enumerate() {
            let (path, ty) = below(index.to_string());
            left.push((path, value, ty));
        }
        if !path.is_empty() {
            places.push((path, ty));
        }
    }
    places
}

fn find<'v>(object: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    let mut value = object;
    for step in path {
        value = match value {
            Value::Object(map) => map.get_mut(step)?,
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

fn put(object: &mut Value, path: &[String], value: Value, what: &str) -> String {
    if let Some(place) = find(object, path) {
        *place = value;
    }
    what.to_owned()
}

fn remove(object: &mut Value, path: &[String]) -> String {
    if let Some((last, parent)) = path.split_last() {
        match find(object, parent) {
            Some(Value::Object(map)) => drop(map.remove(last)),
            Some(Value::Array(items)) => {
                let index = last.parse::<usize>().unwrap_or(0);
                if index < items.len() {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
    "drop".to_owned()
}

fn empty(object: &mut Value, path: &[String]) -> String {
    if let Some(place) = find(object, path) {
        *place = match place {
            Value::Object(_) => json!({}),
            Value::Array(_) => json!([]),
            Value::Number(_) => json!(0),
            _ => json!(""),
        };
    }
    "empty".to_owned()
}

/// Another value of the same type.
fn scalar(
    object: &mut Value,
    path: &[String],
    ty: Option<Type>,
    name: &str,
    random: &mut Random,
) -> String {
    let Some(place) = find(object, path) else {
        return String::new();
    };
    *place = match (&*place, ty.map(Type::shape)) {
        (Value::Object(_) | Value::Array(_), _) => return "nothing".to_owned(),
        (Value::Number(_), _) => json!(values::number(random)),
        (Value::Bool(flag), _) => json!(!flag),
        (_, Some(Shape::Quantity)) => values::quantity(random),
        (_, Some(Shape::IntOrString)) if random.percent(50) => json!(values::number(random)),
        _ if random.percent(40) => json!(values::text(name, random)),
        _ => json!(values::any_text(random)),
    };
    "value".to_owned()
}

/// A slip of the hand in a text, a number as text, a text as number.
fn spelling(object: &mut Value, path: &[String], random: &mut Random) -> String {
    let Some(place) = find(object, path) else {
        return String::new();
    };
    let changed = match &*place {
        Value::String(text) => match random.below(6) {
            0 => json!(text.to_uppercase()),
            1 => json!(text.to_lowercase()),
            2 => json!(text.parse::<i64>().unwrap_or(5)),
            3 => json!(format!("{text} ")),
            4 => json!(format!(
                "{text}{}",
                random.pick(&["/", ".", "-", "_", "%", "x", "1", "\n", "é"])
            )),
            _ => json!(slip(text, random)),
        },
        Value::Number(number) => match random.below(3) {
            0 => json!(number.to_string()),
            1 => json!(number.as_i64().unwrap_or(1).wrapping_neg()),
            _ => json!(number.as_f64().unwrap_or(1.0) + 0.5),
        },
        Value::Bool(flag) => json!(flag.to_string()),
        other => other.clone(),
    };
    *place = changed;
    "spelling".to_owned()
}

fn slip(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return "x".to_owned();
    }
    let at = random.below(chars.len());
    match random.below(3) {
        0 => drop(chars.remove(at)),
        1 => chars.insert(at, chars[at]),
        _ => {
            let last = chars.len() - 1;
            chars.swap(at, last);
        }
    }
    chars.into_iter().collect()
}

/// An item twice, a list backwards, a list cut.
fn double(object: &mut Value, path: &[String], random: &mut Random) -> String {
    let mut place = find(object, path);
    if !matches!(place, Some(Value::Array(_)))
        && let Some((last, parent)) = path.split_last()
        && last.parse::<usize>().is_ok()
    {
        place = find(object, parent);
    }
    if let Some(Value::Array(items)) = place
        && !items.is_empty()
    {
        match random.below(5) {
            0 => items.reverse(),
            1 => items.truncate(1),
            2 => items.push(Value::Null),
            _ => {
                let item = random.pick(items).clone();
                let at = random.below(items.len() + 1);
                items.insert(at, item);
            }
        }
    }
    "dup".to_owned()
}

fn rename(object: &mut Value, path: &[String], random: &mut Random) -> String {
    if let Some((last, parent)) = path.split_last()
        && let Some(Value::Object(map)) = find(object, parent)
        && let Some(value) = map.remove(last)
    {
        let new = match random.below(3) {
            0 => format!("{last}s"),
            1 => {
                let mut chars = last.chars();
                let first = chars.next().map(|c| match c.is_uppercase() {
                    true => c.to_ascii_lowercase(),
                    false => c.to_ascii_uppercase(),
                });
                first.into_iter().chain(chars).collect()
            }
            _ => slip(last, random),
        };
        map.insert(new, value);
    }
    "typo".to_owned()
}

/// A field that other types have.
fn add_unknown(object: &mut Value, path: &[String], random: &mut Random) -> String {
    const KEYS: &[&str] = &[
        "extra",
        "name",
        "namespace",
        "enabled",
        "value",
        "type",
        "port",
        "hostPort",
        "labels",
        "Name",
        "key",
        "spec",
        "replicas",
        "",
        "status",
        "metadata",
        "kind",
        "apiVersion",
        "image",
        "path",
    ];
    let mut path = path;
    while let Some((_, parent)) = path.split_last() {
        if let Some(Value::Object(map)) = find(object, path) {
            map.insert((*random.pick(KEYS)).to_owned(), values::anything(random));
            break;
        }
        path = parent;
    }
    "extra".to_owned()
}

/// A field that the type has and the object does not.
fn add_field(object: &mut Value, root: Type, random: &mut Random) -> String {
    let mut all = places(object, root);
    all.push((Path::new(), Some(root)));
    let structured: Vec<_> = all
        .into_iter()
        .filter_map(|(path, ty)| Some((path, ty?.as_object()?)))
        .collect();
    let (path, ty) = random.pick(&structured);
    let Some(Value::Object(map)) = find(object, path) else {
        return String::new();
    };
    let absent: Vec<_> = ty
        .fields()
        .filter(|field| !map.contains_key(field.name()) && field.name() != "status")
        .collect();
    if absent.is_empty() {
        return String::new();
    }
    let field = random.pick(&absent);
    let value = generate::value(field.ty(), field.name(), 3, random);
    map.insert(field.name().to_owned(), value);
    format!("field {}.{} at", path.join("."), field.name())
}

/// One more item of a list.
fn add_item(object: &mut Value, root: Type, random: &mut Random) -> String {
    let lists: Vec<_> = places(object, root)
        .into_iter()
        .filter_map(|(path, ty)| match ty?.shape() {
            Shape::List(list) => Some((path, list.item())),
            _ => None,
        })
        .collect();
    if lists.is_empty() {
        return String::new();
    }
    let (path, item) = random.pick(&lists);
    let name = path.last().map(String::as_str).unwrap_or_default();
    let item = generate::value(*item, name, 3, random);
    if let Some(Value::Array(items)) = find(object, path) {
        items.push(item);
    }
    format!("item {} at", path.join("."))
}

/// The values of two fields of a mapping change places.
fn swap(object: &mut Value, path: &[String], random: &mut Random) -> String {
    if let Some((last, parent)) = path.split_last()
        && let Some(Value::Object(map)) = find(object, parent)
    {
        let keys: Vec<String> = map.keys().cloned().collect();
        let other = random.pick(&keys).clone();
        if let (Some(a), Some(b)) = (map.get(last).cloned(), map.get(&other).cloned()) {
            map.insert(last.clone(), b);
            map.insert(other, a);
        }
    }
    "swap".to_owned()
}

/// A field goes to another level.
fn move_to(
    object: &mut Value,
    path: &[String],
    places: &[(Path, Option<Type>)],
    random: &mut Random,
) -> String {
    let Some(value) = find(object, path).cloned() else {
        return String::new();
    };
    if random.percent(60) {
        remove(object, path);
    }
    let target = random.pick(places).0.clone();
    if let (Some(last), Some(Value::Object(map))) = (path.last(), find(object, &target)) {
        map.insert(last.clone(), value);
    }
    format!("move to {} from", target.join("."))
}

/// A value of a field of the same name in another object.
fn take(
    object: &mut Value,
    path: &[String],
    name: &str,
    others: &[Seed],
    random: &mut Random,
) -> String {
    for _ in 0..20 {
        let other = random.pick(others);
        let found = named(&other.object, name);
        if !found.is_empty() {
            let value = (*random.pick(&found)).clone();
            return put(object, path, value, "take");
        }
    }
    "nothing".to_owned()
}

fn named<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    let mut found = Vec::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        for (key, value) in value.as_object().into_iter().flatten() {
            if key == name {
                found.push(value);
            }
            left.push(value);
        }
        left.extend(value.as_array().into_iter().flatten());
    }
    found
}

/// Something in the metadata, which every kind has.
fn metadata(object: &mut Value, random: &mut Random) -> String {
    let Some(Value::Object(map)) = object.get_mut("metadata") else {
        return String::new();
    };
    let text = values::any_text(random);
    let (name, value) = match random.below(8) {
        0 | 1 => ("name", json!(text)),
        2 => ("labels", json!({values::key("labels", random): text})),
        3 => ("annotations", json!({text: "a"})),
        4 => ("finalizers", json!([text])),
        5 => ("generateName", json!(text)),
        6 => (
            "ownerReferences",
            json!([{"apiVersion": text, "kind": "A", "name": "b", "uid": "c", "controller": true}]),
        ),
        _ => {
            let annotations = [
                "seccomp.security.alpha.kubernetes.io/pod",
                "container.apparmor.security.beta.kubernetes.io/a",
                "controller.kubernetes.io/pod-deletion-cost",
                "service.beta.kubernetes.io/load-balancer-source-ranges",
                "kubernetes.io/config.mirror",
                "deprecated.daemonset.template.generation",
                "endpoints.kubernetes.io/last-change-trigger-time",
                "api-approved.kubernetes.io",
            ];
            let annotation = (*random.pick(&annotations)).to_owned();
            let mut annotations = Map::new();
            annotations.insert(annotation, json!(text));
            ("annotations", Value::Object(annotations))
        }
    };
    map.insert(name.to_owned(), value);
    "metadata".to_owned()
}
