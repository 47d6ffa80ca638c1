//! Who may use the server from a browser: same-origin check and CORS headers.

use std::borrow::Cow;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HOST,
    ORIGIN, REFERER, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

/// Which other origins are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Any,
    List(Vec<Cow<'static, str>>),
}

impl Cors {
    /// Every origin, without credentials: a page of anybody's can then use the server, but not
    /// with the cookies of the person in front of it.
    #[must_use]
    pub fn any() -> Self {
        Self {
            origins: Origins::Any,
            credentials: false,
        }
    }

    /// These origins, written as browsers send them (`https://example.org`, `null`).
    #[must_use]
    pub fn origins(list: impl IntoIterator<Item = impl Into<Cow<'static, str>>>) -> Self {
        let list = list.into_iter().map(Into::into).collect();
        Self {
            origins: Origins::List(list),
            credentials: false,
        }
    }

    /// Allows cookies and authentication for the listed origins. Has no effect on
    /// [`Cors::any`]: together they would give every page the person's session.
    #[must_use]
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    fn allows(&self, origin: &[u8]) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::List(list) => list.iter().any(|listed| listed.as_bytes() == origin),
        }
    }

    fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if let Origins::List(_) = &self.origins {
            // also where there is no origin: a cache must not give that answer to a browser
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = origin else {
            return;
        };
        match &self.origins {
            Origins::Any => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Origins::List(_) => {
                if self.allows(origin.as_bytes()) {
                    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                    if self.credentials {
                        let yes = HeaderValue::from_static("true");
                        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
                    }
                }
            }
        }
    }
}

/// Whether a browser's request may pass: it comes from the server's own host and port (the
/// scheme may differ behind a TLS proxy), or its origin is allowed. Other programs send no
/// origin.
pub(super) fn allows(cors: Option<&Cors>, parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(ORIGIN) else {
        return true;
    };
    let host = parts.headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = parts
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    same_origin(origin.as_bytes(), host.or(authority))
        || cors.is_some_and(|cors| cors.allows(origin.as_bytes()))
}

/// Whether a page may poll by script tags, which browsers send without `Origin` and let every
/// page read. What they say instead counts: `Sec-Fetch-Site` and, for the name, `Referer`.
pub(super) fn allows_script(cors: Option<&Cors>, parts: &Parts) -> bool {
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let site = text("sec-fetch-site");
    if matches!(site, Some("same-origin" | "none")) {
        return true;
    }
    let referer = parts.headers.get(REFERER).map(HeaderValue::as_bytes);
    match referer.map(origin_of) {
        Some(origin) => {
            let host = parts.headers.get(HOST).map(HeaderValue::as_bytes);
            same_origin(origin, host) || cors.is_some_and(|cors| cors.allows(origin))
        }
        None => site.is_none() || cors.is_some_and(|cors| cors.origins == Origins::Any),
    }
}

/// `https://example.org` of `https://example.org/page`.
fn origin_of(url: &[u8]) -> &[u8] {
    let slashes = url.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let end = slashes.map(|(at, _)| at).nth(2).unwrap_or(url.len());
    url.get(..end).unwrap_or(url)
}

fn same_origin(origin: &[u8], host: Option<&[u8]>) -> bool {
    let mut schemes = [(&b"http://"[..], &b":80"[..]), (b"https://", b":443")].into_iter();
    schemes.any(|(scheme, port)| {
        let Some((rest, host)) = origin.strip_prefix(scheme).zip(host) else {
            return false;
        };
        let bare = |name: &[u8]| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
        bare(rest) == bare(host)
    })
}

/// Adds the headers that a browser of another origin needs to read the answer.
pub(super) fn apply(cors: Option<&Cors>, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if let Some(cors) = cors {
        cors.apply(origin, headers);
    }
}

/// The answer to a preflight request.
pub(super) fn preflight(request: &HeaderMap, headers: &mut HeaderMap) {
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET,POST"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_origin_is_host_and_port() {
        for (origin, host, same) in [
            ("http://example.org", "example.org", true),
            ("https://example.org", "example.org", true),
            ("https://example.org", "example.org:443", true),
            ("http://Example.org:8080", "example.org:8080", true),
            ("http://example.org:8080", "example.org", false),
            ("https://evil.example", "example.org", false),
            ("https://example.org.evil.example", "example.org", false),
            ("null", "example.org", false),
            ("ftp://example.org", "example.org", false),
        ] {
            assert_eq!(
                same_origin(origin.as_bytes(), Some(host.as_bytes())),
                same,
                "{origin}"
            );
        }
        assert!(!same_origin(b"http://example.org", None));
    }

    #[test]
    fn any_never_comes_with_credentials() {
        let origin = HeaderValue::from_static("https://evil.example");
        let headers = |cors: Cors| {
            let mut headers = HeaderMap::new();
            cors.apply(Some(&origin), &mut headers);
            headers
        };
        let any = headers(Cors::any().credentials());
        assert_eq!(any[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!any.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let listed = headers(Cors::origins(["https://evil.example"]).credentials());
        assert_eq!(listed[ACCESS_CONTROL_ALLOW_ORIGIN], "https://evil.example");
        assert_eq!(listed[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        let other = headers(Cors::origins(["https://good.example"]).credentials());
        assert!(!other.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(other[VARY], "Origin");
        let mut headers = HeaderMap::new();
        Cors::origins(["https://good.example"]).apply(None, &mut headers);
        assert_eq!(headers[VARY], "Origin");
        assert_eq!(headers.len(), 1);
    }
}
