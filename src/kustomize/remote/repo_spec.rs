//! Addresses of git repositories as kustomize 5.8.1 takes them apart: what git is to fetch, the
//! folder inside, and the query.

use std::time::Duration;

/// How long git may take where the address does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(27);

const SSH: &str = "ssh://";
const HTTPS: &str = "https://";
const HTTP: &str = "http://";
const FILE: &str = "file://";

/// The parts of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepoSpec {
    /// As it was written.
    pub(crate) raw: String,
    /// Scheme, user and host, with what separates them from the rest.
    pub(crate) host: String,
    /// The repository on that host.
    pub(crate) repo: String,
    /// The folder in the repository; empty for its root.
    pub(crate) path: String,
    /// Branch, tag or commit; empty for the default branch.
    pub(crate) reference: String,
    /// Longest time for each call of git.
    pub(crate) timeout: Duration,
    /// Whether submodules are fetched too.
    pub(crate) submodules: bool,
}

impl RepoSpec {
    /// Takes an address apart.
    ///
    /// # Errors
    /// Why it is no address of a repository: local paths are none.
    pub(crate) fn parse(raw: &str) -> Result<Self, &'static str> {
        if raw.starts_with('/') {
            return Err("it is an absolute path");
        }
        let (address, query) = raw.split_once('?').unwrap_or((raw, ""));
        let query = Query::parse(query);
        let (host, rest) = split_host(address)?;
        let (repo, path) = split_path(&rest, host == FILE)?;
        Ok(Self {
            raw: raw.to_owned(),
            host,
            repo,
            path,
            reference: query.reference,
            timeout: query.timeout,
            submodules: query.submodules,
        })
    }

    /// What git is told to fetch.
    pub(crate) fn address(&self) -> String {
        format!("{}{}", self.host, self.repo)
    }

    /// What messages show for the folder: `github.com/org/repo@v1/deploy`.
    pub(crate) fn shown(&self) -> String {
        let address = self.address();
        let address = address
            .split_once("://")
            .map_or(address.as_str(), |(_, rest)| rest);
        let address = address.trim_end_matches('/');
        let reference = if self.reference.is_empty() {
            "HEAD"
        } else {
            &self.reference
        };
        let path = self.path.trim_matches('/');
        if path.is_empty() {
            format!("{address}@{reference}")
        } else {
            format!("{address}@{reference}/{path}")
        }
    }
}

/// Splits off scheme, user and host.
fn split_host(address: &str) -> Result<(String, String), &'static str> {
    let address = strip_prefix_ignoring_case(address, "git::").unwrap_or(address);
    let (scheme, address) = [SSH, HTTPS, HTTP, FILE]
        .into_iter()
        .find_map(|scheme| Some((scheme, strip_prefix_ignoring_case(address, scheme)?)))
        .unwrap_or(("", address));
    let (user, rest) = split_user(address);
    let lower = rest.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let is_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !is_scp {
        return Err("it has no scheme");
    }
    if scheme == FILE {
        return Ok((FILE.to_owned(), format!("{user}{rest}")));
    }
    let (host, path) = match separator(rest, is_scp) {
        Some(at) => rest.split_at(at + 1),
        None => (rest, ""),
    };
    let whole = if is_github {
        // These are brought into one form, which may drop the scheme and the user.
        if scheme == SSH || !user.is_empty() {
            format!("{user}github.com:")
        } else {
            "https://github.com/".to_owned()
        }
    } else {
        if host.is_empty() {
            return Err("it has no host");
        }
        format!("{scheme}{user}{host}")
    };
    Ok((whole, path.to_owned()))
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// Splits off `user@`.
fn split_user(text: &str) -> (&str, &str) {
    let Some(at) = text.find('@') else {
        return ("", text);
    };
    let user = &text.as_bytes()[..at];
    let is_user = user.first().is_some_and(u8::is_ascii_alphabetic)
        && user
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if is_user {
        text.split_at(at + 1)
    } else {
        ("", text)
    }
}

/// Where the host ends: at a slash, or at the colon of `user@host:path`.
fn separator(text: &str, is_scp: bool) -> Option<usize> {
    let slash = text.find('/');
    if !is_scp {
        return slash;
    }
    let colon = text.find(':');
    match (slash, colon) {
        (None, colon) => colon,
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    }
}

/// Splits the repository from the folder in it: behind `_git/NAME`, at `//`, behind `.git`, else
/// after two parts; a local address is the repository as a whole.
fn split_path(path: &str, is_file: bool) -> Result<(String, String), &'static str> {
    let (repo, inner) = if let Some(at) = path.find("_git/") {
        let name = at + "_git/".len();
        match path[name..].find('/') {
            Some(end) => (&path[..name + end], &path[name + end + 1..]),
            None => (path, ""),
        }
    } else if let Some((repo, inner)) = path.split_once("//") {
        (repo, inner)
    } else if let Some(at) = path.find(".git") {
        path.split_at(at + ".git".len())
    } else if is_file {
        (path, "")
    } else {
        let mut slashes = path.match_indices('/').map(|(at, _)| at);
        slashes.next().ok_or("it names no repository")?;
        match slashes.next() {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (path, ""),
        }
    };
    if repo.is_empty() {
        return Err("it names no repository");
    }
    if leaves(inner) {
        return Err("it leaves the repository");
    }
    Ok((
        repo.to_owned(),
        inner.strip_prefix('/').unwrap_or(inner).to_owned(),
    ))
}

/// Whether a path inside leads out.
fn leaves(inner: &str) -> bool {
    let mut depth = 0_i32;
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    if inner.starts_with('/') {
        return false;
    }
    for part in inner.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// What stands behind the question mark.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    reference: String,
    timeout: Duration,
    submodules: bool,
}

impl Query {
    /// Reads a query; what makes no sense is as if it were not there.
    fn parse(text: &str) -> Self {
        let mut query = Self {
            reference: String::new(),
            timeout: DEFAULT_TIMEOUT,
            submodules: true,
        };
        let Some(pairs) = pairs(text) else {
            return query;
        };
        let first = |key: &str| {
            let found = pairs.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let reference = Some(first("ref")).filter(|text| !text.is_empty());
        first("version").clone_into(&mut query.reference);
        if let Some(reference) = reference {
            reference.clone_into(&mut query.reference);
        }
        query.timeout = timeout(first("timeout")).unwrap_or(DEFAULT_TIMEOUT);
        query.submodules = !matches!(
            first("submodules"),
            "0" | "f" | "F" | "false" | "FALSE" | "False"
        );
        query
    }
}

/// Seconds, or a duration as Go writes it.
fn timeout(text: &str) -> Option<Duration> {
    let duration = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => crate::manifest::duration::Duration::parse(text)?.into(),
    };
    (!duration.is_zero()).then_some(duration)
}

/// The pairs of a query; `None` where one is not well-formed.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            if part.contains(';') {
                return None;
            }
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(key)?, decoded(value)?))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
