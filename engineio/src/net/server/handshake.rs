//! [`Handshake`]: what is kept of the request that opened a session.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use http::Extensions;
use http::request::Parts;
use http::uri::Scheme;

use super::foreign::ForeignUpgrade;
use super::headers::Headers;
use super::peer::{PeerAddr, Secure};
use super::trusted::TrustedProxies;
use crate::query;
use crate::{Protocol, Transport};

/// The request that opened a session. It stays the same for the session's whole life.
#[derive(Clone)]
pub struct Handshake {
    headers: Headers,
    /// Where the path ends in the URL.
    path_end: u32,
    issued: SystemTime,
    transport: Transport,
    protocol: Protocol,
    secure: bool,
    peer: Option<SocketAddr>,
    client: Option<IpAddr>,
    extensions: Option<Box<Extensions>>,
}

impl Handshake {
    pub(super) fn new(
        parts: Parts,
        transport: Transport,
        protocol: Protocol,
        trusted: &TrustedProxies,
    ) -> Self {
        let client = trusted.client(&parts.extensions, &parts.headers);
        let Parts {
            uri,
            headers,
            mut extensions,
            ..
        } = parts;
        extensions.remove::<hyper::upgrade::OnUpgrade>();
        extensions.remove::<ForeignUpgrade>();
        let peer = extensions.remove::<PeerAddr>().map(|PeerAddr(peer)| peer);
        let own_tls =
            extensions.remove::<Secure>().is_some() || uri.scheme() == Some(&Scheme::HTTPS);
        let url = uri.path_and_query().map_or("/", |url| url.as_str());
        let headers = Headers::copy(url, &headers);
        let secure = own_tls || trusted.is_secure(peer, &headers);
        Self {
            headers,
            path_end: url.find('?').unwrap_or(url.len()) as u32,
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
        self.url()
            .get(self.path_end as usize + 1..)
            .unwrap_or_default()
    }

    /// Path and query, as the client asked for them.
    #[must_use]
    pub fn url(&self) -> &str {
        self.headers.url()
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
