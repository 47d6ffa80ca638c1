//! [`Handshake`]: who asks to connect, and with what.

use std::net::IpAddr;
use std::time::SystemTime;

use engineio::Text;
use engineio::net::server::Handshake as Request;
use serde::de::DeserializeOwned;
use socketio_proto::{ConnectError, NamespaceId};

use crate::namespace::Params;
use crate::sync::Arc;

/// The request that opened the connection, and the auth payload of one namespace.
#[derive(Clone, Debug)]
pub struct Handshake {
    request: Arc<Request>,
    namespace: NamespaceId,
    auth: Option<Arc<str>>,
    params: Option<Arc<Params>>,
}

impl Handshake {
    pub(crate) fn new(request: Arc<Request>, namespace: NamespaceId, auth: Option<Text>) -> Self {
        Self {
            request,
            namespace,
            auth: auth.map(|auth| auth.as_str().into()),
            params: None,
        }
    }

    pub(crate) fn with_params(mut self, params: Arc<Params>) -> Self {
        self.params = (!params.is_empty()).then_some(params);
        self
    }

    /// What a [`Matcher`](crate::Matcher) took from the name of the namespace.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let params = self.params.as_ref()?.iter();
        let found = params.clone().find(|(own, _)| **own == *name);
        found.map(|(_, value)| &**value)
    }

    /// The auth payload, `{}` when the client sent none.
    ///
    /// # Errors
    /// A [`ConnectError`] that says what is wrong, fit to refuse the client with.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, ConnectError> {
        serde_json::from_str(self.auth_json())
            .map_err(|error| ConnectError::new(format!("invalid auth payload: {error}")))
    }

    /// The auth payload as JSON, `{}` when the client sent none. Clients of Socket.IO 1.x and 2.x
    /// have a query behind the namespace's name instead (`/chat?token=x`), an object of strings.
    #[must_use]
    pub fn auth_json(&self) -> &str {
        self.auth.as_deref().unwrap_or("{}")
    }

    /// The namespace that is asked for.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceId {
        &self.namespace
    }

    /// The address of the client: of the TCP peer, or what
    /// [trusted proxies](crate::Builder::trusted_proxies) say. `None` where nobody tells one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.request.client_addr()
    }

    /// Whether the client came by TLS, to this server or to a trusted proxy.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.request.is_secure()
    }

    /// When the connection was opened.
    #[must_use]
    pub fn issued(&self) -> SystemTime {
        self.request.issued()
    }

    /// Path and query of the request that opened the connection.
    #[must_use]
    pub fn url(&self) -> &str {
        self.request.url()
    }

    /// Whether the request told an origin; Node's `xdomain`.
    #[must_use]
    pub fn is_cross_domain(&self) -> bool {
        self.request.is_cross_domain()
    }

    /// The HTTP request that opened the connection: headers, query, peer address. It is the
    /// same for all namespaces of a connection.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }
}
