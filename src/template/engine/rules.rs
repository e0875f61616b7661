//! Expressions of schemas: rules across fields and computed defaults.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, Value};

use crate::manifest::Node;
use crate::manifest::path::{FieldPath, Step};

use super::filters::{scalar_text, seconds};
use super::functions::main_port;
use super::{Answer, Shared, input};

type Result<T = Value> = std::result::Result<T, Error>;

/// Inputs prepared for many expressions.
#[derive(Clone, Debug)]
pub struct Scope {
    spec: Value,
}

/// Prepares inputs. Their origins go with them: rules point at fields by path.
pub(super) fn scope(spec: &Node) -> Scope {
    Scope {
        spec: input::value(spec, &Shared::default()).unwrap_or_default(),
    }
}

/// Evaluates `expression` over the fields of the object at `path` below `spec`.
pub(super) fn evaluate(
    env: &Environment<'static>,
    expression: &str,
    scope: &Scope,
    path: &FieldPath,
) -> std::result::Result<Answer, String> {
    let explain = |error: Error| match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let mut here = scope.spec.clone();
    for step in &path.0 {
        here = match step {
            Step::Key(key) => here.get_attr(key),
            Step::Index(index) => here.get_item_by_index(*index),
        }
        .map_err(explain)?;
    }
    let mut context: BTreeMap<String, Value> = super::json::entries(&here)
        .map_err(explain)?
        .into_iter()
        .map(|(key, (_, value))| (key, value))
        .collect();
    context.insert("this".into(), here);
    context.insert("spec".into(), scope.spec.clone());
    let compiled = env
        .compile_expression_owned(expression.to_owned())
        .map_err(explain)?;
    let value = compiled.eval(Value::from(context)).map_err(explain)?;
    answer(&value)
}

fn answer(value: &Value) -> std::result::Result<Answer, String> {
    match value.kind() {
        ValueKind::None => Ok(Answer::Nothing),
        ValueKind::Bool => Ok(Answer::Bool(value.is_true())),
        ValueKind::Number => i64::try_from(value.clone())
            .map(Answer::Int)
            .map_err(|_| "an expression gives a whole number".to_owned()),
        ValueKind::String => Ok(Answer::Text(value.as_str().unwrap_or_default().to_owned())),
        kind => Err(format!("an expression gives a scalar, not {kind}")),
    }
}

/// Adds the functions that rules need beside those of templates.
pub(super) fn add(env: &mut Environment<'static>) {
    env.add_function("seconds", |value: &Value| seconds(value));
    env.add_function("is_zero", |value: &Value| {
        scalar_text(value).map(|text| matches!(text.as_str(), "0" | "0%"))
    });
    env.add_function("unique_values", |map: &Value, field: String| {
        let values = values_of(map, &field)?;
        Ok::<_, Error>(values.len() == values.iter().collect::<BTreeSet<_>>().len())
    });
    env.add_function("total_length", |map: &Value, field: String| {
        let values = values_of(map, &field)?;
        Ok::<_, Error>(values.iter().map(String::len).sum::<usize>())
    });
    env.add_function("unique_paths", |files: &Value, volumes: &Value| {
        let files = values_of(files, "path")?;
        let volumes = values_of(volumes, "path")?;
        Ok::<_, Error>(!files.iter().any(|path| volumes.contains(path)))
    });
    env.add_function("keys_in", |map: &Value, other: &Value| {
        let known: Vec<Value> = other.try_iter()?.collect();
        Ok::<_, Error>(map.try_iter()?.all(|key| known.contains(&key)))
    });
    env.add_function("route_ports_in", |routes: &Value, ports: &Value| {
        let known: Vec<Value> = ports.try_iter()?.collect();
        let named = values_of(routes, "port")?;
        Ok::<_, Error>(
            named
                .iter()
                .all(|port| known.iter().any(|k| k.as_str() == Some(port))),
        )
    });
    env.add_function("one_node", |volumes: &Value| one_node(volumes, true));
    env.add_function("one_node_storage", |volumes: &Value| {
        one_node(volumes, false)
    });
    env.add_function("budget_reachable", budget_reachable);
    env.add_function("checks_port", checks_port);
    env.add_function(
        "unique_service_ports",
        |ports: &Value, own: &Value, main: Value| {
            let list = service_ports(ports, own, Some(main))?;
            let mut seen = BTreeSet::new();
            for port in list.try_iter()? {
                let number = scalar_text(&port.get_attr("port")?)?;
                let protocol = port.get_attr("protocol")?;
                if !seen.insert((number, protocol.to_string())) {
                    return Ok(false);
                }
            }
            Ok::<_, Error>(true)
        },
    );
    env.add_function(
        "service_ports",
        |ports: &Value, own: &Value, options: Kwargs| {
            let main: Option<Value> = options.get("main")?;
            options.assert_all_used()?;
            service_ports(ports, own, main)
        },
    );
}

/// The Service's ports as `{name, port, protocol}`: what `own` says, else 80 for the main port and
/// the container's number for the others. The main port comes first, the others by name.
fn service_ports(ports: &Value, own: &Value, main: Option<Value>) -> Result {
    let main = main_port(ports, main)?;
    let mut names: Vec<Value> = ports.try_iter()?.collect();
    names.sort_by_key(|name| (*name != main, name.to_string()));
    let mut list = Vec::new();
    for name in names {
        let container = ports.get_item(&name)?;
        let text = scalar_text(&container)?;
        let (number, protocol) = super::super::dialect::split_port(&text).unwrap_or((0, "TCP"));
        let own = own.get_item(&name)?;
        let port = if own.is_undefined() {
            if name == main {
                Value::from(80)
            } else {
                Value::from(number)
            }
        } else if own.as_str() == Some("none") {
            continue;
        } else {
            own.as_str()
                .and_then(|text| text.parse::<u16>().ok())
                .map_or(own.clone(), Value::from)
        };
        list.push(Value::from(BTreeMap::from([
            ("name", name),
            ("port", port),
            ("protocol", Value::from(protocol)),
        ])));
    }
    Ok(Value::from(list))
}

fn values_of(map: &Value, field: &str) -> Result<Vec<String>> {
    let mut values = Vec::new();
    for key in map.try_iter()? {
        let value = map.get_item(&key)?.get_attr(field)?;
        if !value.is_undefined() {
            values.push(scalar_text(&value)?);
        }
    }
    Ok(values)
}

/// Whether a volume can be mounted on one node alone. A claim's access is not known here; one
/// that is written to is taken for such.
fn one_node(volumes: &Value, claims: bool) -> Result<bool> {
    for key in volumes.try_iter()? {
        let volume = volumes.get_item(&key)?;
        let storage = volume.get_attr("storage")?;
        if !storage.is_undefined() {
            let access = storage.get_attr("access")?;
            if matches!(access.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod")) {
                return Ok(true);
            }
        }
        let claim = volume.get_attr("claim")?;
        if claims && !claim.is_undefined() && !volume.get_attr("readOnly")?.is_true() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a node drain can ever take a pod: fewer than `floor` must stay.
fn budget_reachable(least: &Value, floor: &Value) -> Result<bool> {
    let text = scalar_text(least)?;
    let floor = i64::try_from(floor.clone())?;
    match text.strip_suffix('%').map(str::parse::<i64>) {
        // The server rounds the percentage up.
        Some(Ok(percent)) => Ok((percent * floor + 99) / 100 < floor),
        _ => Ok(text.parse::<i64>().is_ok_and(|least| least < floor)),
    }
}

/// Whether one of the checks goes over the network.
fn checks_port(health: &Value) -> Result<bool> {
    for check in ["ready", "live", "startup"] {
        let check = health.get_attr(check)?;
        if check.is_undefined() {
            continue;
        }
        for way in ["http", "tcp", "grpc"] {
            if !check.get_attr(way)?.is_undefined() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
