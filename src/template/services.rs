//! The URLs of a build's services, for inputs that name a typed resource instead of an address.

use std::collections::{BTreeMap, HashMap};

use smol_str::SmolStr;

use crate::kustomize::expand::ExpandResource;
use crate::manifest::{Node, Value};

use super::dialect::{scalar_text, split_port};
use super::expand::Prepared;

/// URLs by port name; "" is the main port.
type Urls = BTreeMap<SmolStr, String>;

/// The services of all typed resources of a build.
#[derive(Debug, Default)]
pub(super) struct Services {
    /// By name as written: index of the resource, and its URLs.
    by_name: HashMap<SmolStr, Vec<(usize, Urls)>>,
}

impl Services {
    /// Collects them, where any resource names one.
    pub(super) fn of(prepared: &[Prepared<'_>], resources: &[ExpandResource]) -> Self {
        let mut services = Self::default();
        if !prepared.iter().any(|one| !named(&one.spec).is_empty()) {
            return services;
        }
        for one in prepared {
            if let Some(urls) = urls(one) {
                let name = resources[one.at].original_name.clone();
                services
                    .by_name
                    .entry(name)
                    .or_default()
                    .push((one.at, urls));
            }
        }
        services
    }

    /// What one resource sees under each name: where several were written with it (two instances
    /// of one base), the one with its own prefixes and suffixes.
    pub(super) fn seen_by(
        &self,
        one: &Prepared<'_>,
        resources: &[ExpandResource],
    ) -> BTreeMap<SmolStr, Urls> {
        let wanted = named(&one.spec);
        if wanted.is_empty() {
            return BTreeMap::new();
        }
        let own = &resources[one.at];
        let kin = |at: usize| {
            let other = &resources[at];
            other.prefixes == own.prefixes && other.suffixes == own.suffixes
        };
        // All of them only where one is missing, for the did-you-mean.
        let all = wanted.iter().any(|name| !self.by_name.contains_key(*name));
        self.by_name
            .iter()
            .filter(|(name, _)| all || wanted.contains(&name.as_str()))
            .filter_map(|(name, candidates)| {
                let near = candidates.iter().find(|(at, _)| kin(*at));
                let (_, urls) = near.or(candidates.first())?;
                Some((name.clone(), urls.clone()))
            })
            .collect()
    }
}

/// The names that `env` entries give as `service`.
fn named(spec: &Node) -> Vec<&str> {
    let env = spec.get("env").and_then(Node::as_map);
    env.into_iter()
        .flatten()
        .filter_map(|entry| entry.value.get("service")?.as_str())
        .collect()
}

fn urls(one: &Prepared<'_>) -> Option<Urls> {
    let service = one.spec.get("service")?;
    if service.get("type").and_then(Node::as_str) == Some("none") {
        return None;
    }
    let host = service
        .get("name")
        .and_then(Node::as_str)
        .unwrap_or(one.object.name());
    let ports = one.spec.get("ports")?.as_map()?;
    let main = one
        .spec
        .get("mainPort")
        .and_then(Node::as_str)
        .or_else(|| ports.get("http").map(|_| "http"))
        .or_else(|| (ports.len() == 1).then(|| ports.keys().next())?);
    let mut urls = Urls::new();
    for entry in ports {
        let own = service.at(&["ports", &entry.key]).and_then(text);
        let number = match own.as_deref() {
            Some("none") => continue,
            Some(own) => own.parse().ok()?,
            None if main == Some(entry.key.as_str()) => 80,
            None => split_port(&text(&entry.value)?)?.0,
        };
        let url = url(&entry.key, host, number);
        if main == Some(entry.key.as_str()) {
            urls.insert(SmolStr::default(), url.clone());
        }
        urls.insert(entry.key.clone(), url);
    }
    Some(urls)
}

/// `https` by the port's name; the scheme's own port is left out.
fn url(port: &str, host: &str, number: u16) -> String {
    let (scheme, usual) = if port.starts_with("https") {
        ("https", 443)
    } else {
        ("http", 80)
    };
    if number == usual {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{number}")
    }
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar(scalar) => Some(scalar_text(scalar)),
        _ => None,
    }
}
