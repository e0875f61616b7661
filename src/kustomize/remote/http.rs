//! Files over HTTP and HTTPS, with the client that talks to clusters.

use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::config::Config;

use crate::kustomize::outside::{Proxies, Remote};
use crate::manifest::read::{Limits, io_reason};
use crate::process::seconds;

/// How many redirections are followed, as Go does.
const HOPS: usize = 10;

/// Downloads a file.
///
/// # Errors
/// Why there is none, in words that follow a colon.
pub(super) fn get(remote: &Remote, url: &str) -> Result<Vec<u8>, String> {
    let download = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            match tokio::time::timeout(remote.timeout, follow(remote, url)).await {
                Ok(result) => result,
                Err(_) => Err(format!("no end after {}", seconds(remote.timeout))),
            }
        })
    };
    // Asking may be done from within another runtime, on whose threads nobody may block.
    std::thread::scope(|scope| {
        let thread = scope.spawn(download);
        thread
            .join()
            .unwrap_or_else(|_| Err("the client broke down".to_owned()))
    })
}

async fn follow(remote: &Remote, url: &str) -> Result<Vec<u8>, String> {
    let mut uri: http::Uri = without_fragment(url)
        .parse()
        .map_err(|error| format!("{error}"))?;
    for _ in 0..=HOPS {
        let response = ask(remote, &uri).await?;
        let status = response.status();
        if let Some(location) = response.headers().get(http::header::LOCATION)
            && status.is_redirection()
        {
            let location = location.to_str().map_err(|error| error.to_string())?;
            uri = resolve(&uri, location)?;
            continue;
        }
        if !status.is_success() {
            let reason = status.canonical_reason().unwrap_or_default();
            return Err(format!("HTTP status {} {reason}", status.as_u16())
                .trim_end()
                .to_owned());
        }
        let limit = usize::try_from(Limits::DEFAULT.bytes).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), limit).collect().await;
        return match body {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) => Err(error.to_string()),
        };
    }
    Err(format!("more than {HOPS} redirections"))
}

/// Asks one server. The user's certificates of clusters are not in play: there is no
/// authentication at all.
async fn ask(remote: &Remote, uri: &http::Uri) -> Result<http::Response<Body>, String> {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it has no host".to_owned());
    };
    if scheme != "http" && scheme != "https" {
        return Err(format!("`{scheme}:` is not followed"));
    }
    let server: http::Uri = format!("{scheme}://{authority}/")
        .parse()
        .map_err(|error| format!("{error}"))?;
    let mut config = Config::new(server);
    config.default_retry = false;
    config.connect_timeout = Some(remote.timeout);
    config.read_timeout = Some(remote.timeout);
    config.proxy_url = proxy(&remote.proxies, scheme, uri.host().unwrap_or_default());
    let agent = concat!("deployx/", env!("CARGO_PKG_VERSION"));
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_static(agent),
    ));
    let client = kube::Client::try_from(config).map_err(|error| reason(&error))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = http::Request::get(path)
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    client.send(request).await.map_err(|error| reason(&error))
}

/// The proxy for a host, if it has one.
fn proxy(proxies: &Proxies, scheme: &str, host: &str) -> Option<http::Uri> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let is_excepted = |name: &String| {
        let name = name.trim_start_matches('.');
        let below = host
            .strip_suffix(name)
            .is_some_and(|rest| rest.ends_with('.'));
        name == "*" || host == name || below
    };
    if is_local || proxies.none.iter().any(is_excepted) {
        return None;
    }
    let proxy = if scheme == "https" {
        &proxies.https
    } else {
        &proxies.http
    };
    let proxy = proxy.as_deref()?;
    let has_scheme = proxy.contains("://");
    let proxy = if has_scheme {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    proxy.parse().ok()
}

/// Where a redirection leads.
fn resolve(from: &http::Uri, location: &str) -> Result<http::Uri, String> {
    let location = without_fragment(location);
    let scheme = from.scheme_str().unwrap_or("https");
    let authority = from
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let path = from.path();
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        format!("{scheme}://{authority}{folder}{location}")
    };
    absolute
        .parse()
        .map_err(|error| format!("it leads to `{absolute}`: {error}"))
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

/// What is behind an error: of the many layers of the client, the innermost says it.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    loop {
        if let Some(error) = inner.downcast_ref::<std::io::Error>()
            && error.raw_os_error().is_some()
        {
            return io_reason(error);
        }
        match inner.source() {
            Some(source) => inner = source,
            None => return inner.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_resolved() {
        let from: http::Uri = "https://a.example/x/y?q=1".parse().unwrap();
        for (location, want) in [
            ("https://b.example/z#part", "https://b.example/z"),
            ("//b.example/z", "https://b.example/z"),
            ("/z?r=2", "https://a.example/z?r=2"),
            ("z", "https://a.example/x/z"),
        ] {
            assert_eq!(resolve(&from, location).unwrap().to_string(), want);
        }
    }

    #[test]
    fn proxies_are_heeded() {
        let proxies = Proxies {
            http: Some("proxy:3128".to_owned()),
            https: Some("socks5://proxy:1080".to_owned()),
            none: vec!["corp.example".to_owned(), ".internal".to_owned()],
        };
        for (scheme, host, want) in [
            ("http", "a.example", Some("http://proxy:3128/")),
            ("https", "a.example", Some("socks5://proxy:1080/")),
            ("https", "corp.example", None),
            ("https", "git.corp.example", None),
            ("https", "notcorp.example", Some("socks5://proxy:1080/")),
            ("http", "x.internal", None),
            ("http", "127.0.0.1", None),
            ("http", "localhost", None),
        ] {
            let got = proxy(&proxies, scheme, host).map(|uri| uri.to_string());
            assert_eq!(got.as_deref(), want, "{scheme} {host}");
        }
    }
}
