//! Files of a volume that get in each other's way (`warningsForOverlappingVirtualPaths` of
//! `pkg/api/pod/warnings.go`).

use super::{Warnings, field, items, text};
use crate::manifest::{Node, Span};

/// A file, and what it comes from; empty within a volume of one source.
struct File {
    path: String,
    source: String,
    at: Span,
}

impl File {
    fn shown(&self) -> String {
        match self.source.as_str() {
            "" => format!("{:?}", self.path),
            source => format!("{:?} ({source})", self.path),
        }
    }

    fn collides(&self, other: &File) -> bool {
        if self.path.is_empty() || other.path.is_empty() {
            return false;
        }
        let (one, two) = (format!("{}/", self.path), format!("{}/", other.path));
        one.starts_with(&two) || two.starts_with(&one)
    }
}

/// Warns of the files of each volume.
pub(super) fn overlaps(warn: &mut Warnings<'_>, spec: Option<&Node>) {
    for (_, volume) in items(spec, "volumes") {
        let name = text(Some(volume), "name");
        for (kind, title, by) in [
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("downwardAPI", "DownwardAPI", ""),
        ] {
            let Some(source) = field(Some(volume), kind) else {
                continue;
            };
            let shown = match by {
                "" => title.to_owned(),
                by => format!("{title} {:?}", text(Some(source), by)),
            };
            let mut seen = Vec::new();
            for file in files(source, "") {
                add(warn, name, &shown, file, &mut seen);
            }
        }
        let mut seen = Vec::new();
        for (_, source) in items(field(Some(volume), "projected"), "sources") {
            let empty = source
                .as_map()
                .is_none_or(|map| map.iter().all(|entry| entry.value.is_null()));
            if empty {
                let words = format!("volume {name:?} (Projected) has no sources provided");
                warn.plain("overlapping-paths", source.span, "", words);
                continue;
            }
            for file in projected(source) {
                add(warn, name, "Projected", file, &mut seen);
            }
        }
    }
}

/// Adds a file to those of its volume, and tells with which of them it collides.
fn add(warn: &mut Warnings<'_>, volume: &str, title: &str, mut file: File, seen: &mut Vec<File>) {
    file.path.truncate(file.path.trim_end_matches('/').len());
    for other in seen.iter().filter(|other| file.collides(other)) {
        let words = format!(
            "volume {volume:?} ({title}): overlapping paths: {} with {}",
            file.shown(),
            other.shown()
        );
        warn.plain("overlapping-paths", file.at, "", words);
    }
    seen.push(file);
}

fn files(source: &Node, from: &str) -> Vec<File> {
    let items = items(Some(source), "items");
    items
        .filter_map(|(_, item)| file(item, "path", from.to_owned()))
        .collect()
}

fn file(node: &Node, name: &str, source: String) -> Option<File> {
    let path = node.get(name)?;
    Some(File {
        path: path.as_str()?.to_owned(),
        source,
        at: path.span,
    })
}

fn projected(source: &Node) -> Vec<File> {
    let of = |name: &str| field(Some(source), name);
    if let Some(node) = of("configMap").filter(|node| node.get("items").is_some()) {
        return files(node, &format!("ConfigMap {:?}", text(Some(node), "name")));
    }
    if let Some(node) = of("secret").filter(|node| node.get("items").is_some()) {
        return files(node, &format!("Secret {:?}", text(Some(node), "name")));
    }
    if let Some(node) = of("downwardAPI").filter(|node| node.get("items").is_some()) {
        return files(node, "DownwardAPI");
    }
    if let Some(node) = of("serviceAccountToken") {
        return file(node, "path", "ServiceAccountToken".to_owned())
            .into_iter()
            .collect();
    }
    if let Some(node) = of("clusterTrustBundle") {
        let name = match text(Some(node), "name") {
            "" => text(Some(node), "signerName"),
            name => name,
        };
        return file(node, "path", format!("ClusterTrustBundle {name:?}"))
            .into_iter()
            .collect();
    }
    let node = of("podCertificate");
    [
        ("certificateChainPath", "PodCertificate chain"),
        ("keyPath", "PodCertificate key"),
        ("credentialBundlePath", "PodCertificate credential bundle"),
    ]
    .into_iter()
    .filter_map(|(name, source)| file(node?, name, source.to_owned()))
    .filter(|file| !file.path.is_empty())
    .collect()
}
