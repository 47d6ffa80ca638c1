//! [`Handshake`]: what is kept of the request that opened a session.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use http::request::Parts;
use http::uri::Scheme;
use http::{Extensions, HeaderMap, HeaderValue};

use super::trusted::TrustedProxies;
use crate::query;
use crate::{Protocol, Transport};

/// The request that opened a session. It stays the same for the session's whole life.
#[derive(Clone)]
pub struct Handshake {
    headers: Headers,
    /// Path and query, and where the path ends.
    url: Box<str>,
    path_end: u32,
    issued: SystemTime,
    transport: Transport,
    protocol: Protocol,
    secure: bool,
    peer: Option<SocketAddr>,
    client: Option<IpAddr>,
    extensions: Option<Box<Extensions>>,
}

/// Says in the extensions of a request that it came by TLS. [`serve`](super::serve()) on
/// [`Tls`](super::Listener) sets it; other servers may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secure;

/// The address of the TCP peer, as [`serve`](super::serve()) puts it into requests that do not
/// continue a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

impl Handshake {
    pub(super) fn new(
        parts: Parts,
        transport: Transport,
        protocol: Protocol,
        trusted: &TrustedProxies,
    ) -> Self {
        let Parts {
            uri,
            headers,
            mut extensions,
            ..
        } = parts;
        extensions.remove::<hyper::upgrade::OnUpgrade>();
        let peer = extensions.remove::<PeerAddr>().map(|PeerAddr(peer)| peer);
        let own_tls =
            extensions.remove::<Secure>().is_some() || uri.scheme() == Some(&Scheme::HTTPS);
        let headers = Headers::copy(&headers);
        let (mut client, mut secure) = (peer.map(|peer| peer.ip()), own_tls);
        if !trusted.is_empty() {
            client = trusted.client(peer, &headers);
            secure |= trusted.is_secure(peer, &headers);
        }
        let url = uri.path_and_query().map_or("/", |url| url.as_str());
        Self {
            headers,
            path_end: url.find('?').unwrap_or(url.len()) as u32,
            url: url.into(),
            issued: issued(),
            transport,
            protocol,
            secure,
            peer,
            client,
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
        self.url
            .get(self.path_end as usize + 1..)
            .unwrap_or_default()
    }

    /// Path and query, as the client asked for them.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// When the session was opened.
    #[must_use]
    pub fn issued(&self) -> SystemTime {
        self.issued
    }

    /// Whether the client came by TLS: to this server, or to a
    /// [trusted proxy](super::TrustedProxies).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether a page of another origin opened it, or one that says where it is from: there is
    /// an `Origin`. Node's `xdomain`.
    #[must_use]
    pub fn is_cross_domain(&self) -> bool {
        self.headers.get("origin").is_some()
    }

    /// The address of the client: that of the TCP peer, or what
    /// [trusted proxies](super::TrustedProxies) say. `None` where nobody tells one.
    #[must_use]
    pub fn client_addr(&self) -> Option<IpAddr> {
        self.client
    }

    /// The query's parameters, percent-decoded.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        query::pairs(self.raw_query())
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

#[expect(
    clippy::disallowed_methods,
    reason = "the date of a handshake is for people and logs"
)]
fn issued() -> SystemTime {
    SystemTime::now()
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
    pub(super) fn copy(headers: &HeaderMap) -> Self {
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
