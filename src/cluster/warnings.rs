//! Collects the `Warning:` headers that the kube client drops; kubectl prints them.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

/// The warnings of all requests of one client; each text once.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Takes out what was collected.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock())
    }

    fn collect(&self, headers: &HeaderMap) {
        for value in headers.get_all(http::header::WARNING) {
            let Some(text) = value.to_str().ok().and_then(warning_text) else {
                continue;
            };
            let mut warnings = self.lock();
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the list")
    }
}

impl<S> Layer<S> for Warnings {
    type Service = Collecting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Collecting {
            inner,
            warnings: self.clone(),
        }
    }
}

/// The service that looks at each answer's headers.
pub(super) struct Collecting<S> {
    inner: S,
    warnings: Warnings,
}

impl<S, A, B: 'static> Service<Request<A>> for Collecting<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let warnings = self.warnings.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            warnings.collect(answer.headers());
            Ok(answer)
        })
    }
}

/// Returns the text of a header value `299 - "text"` (RFC 7234, section 5.5).
fn warning_text(value: &str) -> Option<String> {
    let quoted = value.splitn(3, ' ').nth(2)?.trim();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted_and_kept_once() {
        let warnings = Warnings::default();
        let mut headers = HeaderMap::new();
        for value in [
            r#"299 - "spec.x: \"y\" is deprecated""#,
            r#"299 - "spec.x: \"y\" is deprecated""#,
            "199 nonsense",
        ] {
            headers.append(http::header::WARNING, value.parse().unwrap());
        }
        warnings.collect(&headers);
        assert_eq!(warnings.take(), [r#"spec.x: "y" is deprecated"#]);
        assert!(warnings.take().is_empty());
    }
}
