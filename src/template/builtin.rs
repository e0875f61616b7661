//! The schemas and templates that ship inside the binary.

macro_rules! schema_file {
    ($name:literal) => {
        (
            concat!($name, ".schema.json"),
            include_str!(concat!("../../schemas/", $name, ".schema.json")),
        )
    };
}
macro_rules! template_file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../templates/", $name)))
    };
}

/// Schema files by name.
pub(super) const SCHEMAS: &[(&str, &str)] = &[
    schema_file!("common"),
    schema_file!("cron-task"),
    schema_file!("release"),
    schema_file!("web-service"),
    schema_file!("worker"),
];

/// The kinds of group `deployx.dev`, each with its schema file.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("CronTask", "cron-task.schema.json"),
    ("Release", "release.schema.json"),
    ("WebService", "web-service.schema.json"),
    ("Worker", "worker.schema.json"),
];

/// Template files by name.
pub(super) const TEMPLATES: &[(&str, &str)] = &[
    template_file!("cron-task.yaml.j2"),
    template_file!("lib/account.j2"),
    template_file!("lib/deployment.j2"),
    template_file!("lib/network.j2"),
    template_file!("lib/pod.j2"),
    template_file!("lib/probes.j2"),
    template_file!("lib/volumes.j2"),
    template_file!("web-service.yaml.j2"),
    template_file!("worker.yaml.j2"),
];

/// Returns the text of a schema.
pub(super) fn schema(name: &str) -> Option<&'static str> {
    SCHEMAS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_folders_ships() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for (folder, suffix, known) in [
            ("schemas", ".schema.json", SCHEMAS),
            ("templates", ".j2", TEMPLATES),
        ] {
            let base = root.join(folder);
            for entry in walkdir::WalkDir::new(&base)
                .into_iter()
                .filter_map(Result::ok)
            {
                let below = entry.path().strip_prefix(&base).unwrap();
                let name = crate::manifest::source::display_path(below);
                if name.ends_with(suffix) {
                    assert!(
                        known.iter().any(|(k, _)| *k == name),
                        "{name} does not ship"
                    );
                }
            }
        }
    }
}
