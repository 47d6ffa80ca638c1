//! [`Handshake`]: what is kept of the request that opened a session.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use http::{Extensions, HeaderMap, HeaderValue, request::Parts};

use super::foreign::ForeignUpgrade;
use crate::query;
use crate::{Protocol, Transport};

/// The request that opened a session. It stays the same for the session's whole life.
#[derive(Clone)]
pub struct Handshake {
    headers: Headers,
    query: Box<str>,
    transport: Transport,
    protocol: Protocol,
    peer: Option<SocketAddr>,
    extensions: Option<Box<Extensions>>,
}

/// The address of the TCP peer, as [`serve`](super::serve()) puts it into requests that do not
/// continue a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl Handshake {
    pub(super) fn new(parts: Parts, transport: Transport, protocol: Protocol) -> Self {
        let Parts {
            uri,
            headers,
            mut extensions,
            ..
        } = parts;
        extensions.remove::<hyper::upgrade::OnUpgrade>();
        extensions.remove::<ForeignUpgrade>();
        let peer = extensions.remove::<PeerAddr>().map(|PeerAddr(peer)| peer);
        Self {
            headers: Headers::copy(&headers),
            query: uri.query().unwrap_or_default().into(),
            transport,
            protocol,
            peer,
            extensions: (!extensions.is_empty()).then(|| Box::new(extensions)),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The raw query string.
    #[must_use]
    pub fn raw_query(&self) -> &str {
        &self.query
    }

    /// The query's parameters, percent-decoded.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query::pairs(&self.query)
    }

    /// The transport that the session started on.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The revision of Engine.IO that the session speaks: Node's `conn.protocol`.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The address of the TCP peer; `None` behind a server that does not tell it.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What layers in front left in the request, such as axum's `ConnectInfo`.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.as_ref()?.get()
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("transport", &self.transport)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A copy of a request's headers in one allocation.
///
/// The request's own header values are slices of the HTTP server's read buffer and would keep
/// all of its kilobytes for as long as the session lives.
#[derive(Clone, PartialEq, Eq)]
pub struct Headers(Box<[u8]>);

const LENGTHS: usize = 8;

impl Headers {
    fn copy(headers: &HeaderMap) -> Self {
        let size = |(name, value): (&http::HeaderName, &HeaderValue)| {
            LENGTHS + name.as_str().len() + value.len()
        };
        let mut bytes = Vec::with_capacity(headers.iter().map(size).sum());
        for (name, value) in headers {
            for len in [name.as_str().len(), value.len()] {
                bytes.extend_from_slice(&(len as u32).to_be_bytes());
            }
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        Self(bytes.into())
    }

    /// Names (in lower case) and values, in the order of the request.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (name_len, tail) = rest.split_first_chunk::<4>()?;
            let (value_len, tail) = tail.split_first_chunk::<4>()?;
            let (name, tail) = tail.split_at_checked(u32::from_be_bytes(*name_len) as usize)?;
            let (value, tail) = tail.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
            rest = tail;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    /// The first value of a header; names compare without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The first value of a header, where it is UTF-8.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }
}

/// Names only: values carry secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_copied_whole() {
        let mut map = HeaderMap::new();
        map.append("cookie", HeaderValue::from_static("a=1"));
        map.append("cookie", HeaderValue::from_static("b=2"));
        map.append("x-empty", HeaderValue::from_static(""));
        let headers = Headers::copy(&map);
        assert_eq!(headers.get_str("Cookie"), Some("a=1"));
        assert_eq!(headers.get("x-empty"), Some(&b""[..]));
        assert_eq!(headers.get("x-none"), None);
        assert_eq!(headers.iter().count(), 3);
        assert!(!format!("{headers:?}").contains("a=1"));
    }
}
