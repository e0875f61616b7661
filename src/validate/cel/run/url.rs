//! Addresses as Go's `net/url` takes them apart.

/// An address that names a scheme or begins with a slash.
#[derive(Debug)]
pub(super) struct Url {
    text: String,
    pub(super) scheme: String,
    /// With the port.
    pub(super) host: String,
    path: String,
    query: String,
}

impl Url {
    /// Takes an address apart; `None` for what is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        if !crate::validate::custom::has_format("uri", text) {
            return None;
        }
        let whole = text.split_once('#').map_or(text, |(before, _)| before);
        let (scheme, rest) = match whole.split_once(':') {
            Some((scheme, rest)) if !whole.starts_with('/') => (scheme, rest),
            _ => ("", whole),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
                rest.split_at(rest.find('/').unwrap_or(rest.len()))
            }
            _ => ("", rest),
        };
        let is_opaque = !scheme.is_empty() && !rest.starts_with('/');
        let host = host.rsplit('@').next().unwrap_or_default();
        Some(Self {
            text: text.to_owned(),
            scheme: scheme.to_ascii_lowercase(),
            host: decoded(host, false)?,
            path: if is_opaque {
                String::new()
            } else {
                path.to_owned()
            },
            query: query.to_owned(),
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The host without its port and brackets.
    pub(super) fn hostname(&self) -> &str {
        let host = &self.host;
        if let Some((inner, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            return inner;
        }
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    }

    pub(super) fn port(&self) -> &str {
        let after = self
            .host
            .rsplit_once(']')
            .map_or(self.host.as_str(), |(_, after)| after);
        after.rsplit_once(':').map_or("", |(_, port)| port)
    }

    /// The path, in which what needs it is escaped.
    pub(super) fn escaped_path(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
        let kept = |byte: u8| plain(byte) || b"!'()*[]%".contains(&byte);
        if self.path.bytes().all(kept) {
            return self.path.clone();
        }
        let Some(path) = decoded(&self.path, false) else {
            return self.path.clone();
        };
        let mut escaped = String::with_capacity(path.len());
        for byte in path.bytes() {
            match plain(byte) {
                true => escaped.push(char::from(byte)),
                false => escaped.push_str(&format!("%{byte:02X}")),
            }
        }
        escaped
    }

    /// The names of the query with their values, in order; what cannot be read is left out.
    pub(super) fn query(&self) -> Vec<(String, Vec<String>)> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for pair in self.query.split('&') {
            if pair.is_empty() || pair.contains(';') {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name, true), decoded(value, true)) else {
                continue;
            };
            match found.iter_mut().find(|(own, _)| *own == name) {
                Some((_, values)) => values.push(value),
                None => found.push((name, vec![value])),
            }
        }
        found
    }
}

/// A text without escapes; in queries a plus is a space.
fn decoded(text: &str, query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' if query => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                u8::try_from(value).ok()?
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts are those that Go 1.26 finds.
    #[test]
    fn addresses_are_taken_apart_as_go_does_it() {
        let url = Url::read("HTTPS://u:p@[::1]:80/a%20b/c?x=1&y=a+b&x=2#f").unwrap();
        assert_eq!(
            (url.scheme.as_str(), url.host.as_str()),
            ("https", "[::1]:80")
        );
        assert_eq!((url.hostname(), url.port()), ("::1", "80"));
        assert_eq!(url.escaped_path(), "/a%20b/c");
        let query = url.query();
        assert_eq!(
            query[0],
            ("x".to_owned(), vec!["1".to_owned(), "2".to_owned()])
        );
        assert_eq!(query[1].1, ["a b"]);
        let url = Url::read("/a b?c").unwrap();
        assert_eq!(
            (url.hostname(), url.escaped_path().as_str()),
            ("", "/a%20b")
        );
        assert!(Url::read("a b").is_none());
    }
}
