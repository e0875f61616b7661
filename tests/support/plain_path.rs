//! Paths as they are compared with a server's.

/// A path without indices and keys: `spec.ports.port` for `spec.ports[0].port`.
pub(crate) fn plain_path(path: &str) -> String {
    let mut depth = 0;
    let mut plain = String::new();
    for c in path.chars() {
        match c {
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.trim_matches('.').to_owned()
}
