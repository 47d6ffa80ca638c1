//! [`File`]: what is served below the path beside the protocol, such as the client's bundle.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::http::{Body, empty, whole};

/// A file in memory.
#[derive(Clone, Debug)]
pub(super) struct File {
    content_type: &'static str,
    etag: HeaderValue,
    content: Bytes,
}

impl File {
    /// An `etag` with other than visible characters is none: nobody gets a 304 then.
    pub(super) fn new(content_type: &'static str, etag: &str, content: Bytes) -> Self {
        let etag = HeaderValue::from_str(&format!("\"{etag}\""));
        Self {
            content_type,
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")),
            content,
        }
    }

    pub(super) fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<Body> {
        if method != Method::GET && method != Method::HEAD {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let known = headers.get_all(IF_NONE_MATCH).iter();
        let known = known.filter_map(|value| value.to_str().ok());
        let mut known = known.flat_map(|list| list.split(','));
        let is_known = |etag: &str| {
            let etag = etag.trim();
            let etag = etag.strip_prefix("W/").unwrap_or(etag);
            etag.as_bytes() == self.etag.as_bytes() && etag.len() > 2
        };
        let mut response = if known.any(is_known) {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            whole(self.content.clone())
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        let always_ask = HeaderValue::from_static("public, max-age=0");
        headers.insert(CACHE_CONTROL, always_ask);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
