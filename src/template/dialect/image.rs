//! Image references: `registry:5000/path/name:tag@sha256:...` (distribution/reference).

/// The parts of an image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry and path, without tag and digest.
    pub name: &'a str,
    /// Tag, without the colon.
    pub tag: Option<&'a str>,
    /// Digest, with its algorithm.
    pub digest: Option<&'a str>,
}

/// Splits an image reference. A colon before the last slash belongs to the registry's port.
///
/// # Errors
/// What is wrong with it.
pub fn parse_image(text: &str) -> Result<Image<'_>, String> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest
        && !is_digest(digest)
    {
        return Err(format!(
            "`{digest}` is no digest: `sha256:` and 64 hexadecimal digits"
        ));
    }
    let path_start = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[path_start..].find(':') {
        Some(at) => (&rest[..path_start + at], Some(&rest[path_start + at + 1..])),
        None => (rest, None),
    };
    if let Some(tag) = tag
        && !is_tag(tag)
    {
        return Err(format!(
            "`{tag}` is no tag: at most 128 letters, digits, `_`, `.` and `-`"
        ));
    }
    if let Some(fault) = name_fault(name) {
        return Err(fault);
    }
    Ok(Image { name, tag, digest })
}

fn name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the image has no name".into());
    }
    let mut parts = name.split('/');
    let first = parts.next().unwrap_or_default();
    let has_registry = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let path = if has_registry {
        if !is_registry(first) {
            return Some(format!("`{first}` is no registry"));
        }
        &name[first.len() + 1..]
    } else {
        name
    };
    let bad = path.split('/').find(|part| !is_path_part(part))?;
    if bad.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some(format!("`{bad}` must be in lower case"));
    }
    Some(format!("`{bad}` is no part of an image name"))
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok())
        && host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

/// Lower-case letters and digits with single `.`, one or two `_`, or any `-` between them.
fn is_path_part(part: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends =
        bytes.first().copied().is_some_and(alnum) && bytes.last().copied().is_some_and(alnum);
    ends && part
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return false,
        };
        hex.len() == length
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let full = format!("registry.example.com:5000/a/b_c:1.2@{digest}");
        let image = parse_image(&full).unwrap();
        assert_eq!(image.name, "registry.example.com:5000/a/b_c");
        assert_eq!(image.tag, Some("1.2"));
        assert_eq!(image.digest, Some(digest.as_str()));
        for (text, name, tag) in [
            ("nginx", "nginx", None),
            ("nginx:1", "nginx", Some("1")),
            ("localhost:5000/x", "localhost:5000/x", None),
            ("a/b-c.d__e:v1", "a/b-c.d__e", Some("v1")),
        ] {
            let image = parse_image(text).unwrap();
            assert_eq!((image.name, image.tag), (name, tag), "{text}");
        }
    }

    #[test]
    fn faults_name_the_part() {
        for (text, part) in [
            ("", "no name"),
            (":1", "no name"),
            ("Nginx", "lower case"),
            ("a//b", "part"),
            ("a:b:c", "no tag"),
            ("a:", "no tag"),
            ("a@sha256:12", "no digest"),
            ("a b", "part"),
            ("a.b:x/c", "no registry"),
        ] {
            // An empty tag is refused by its length of zero having no first character.
            let message = parse_image(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
