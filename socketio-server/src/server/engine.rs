//! Settings of the transports and of HTTP.

use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use engineio::net::server::{ConnectionError, Cookie, Cors, Refusal, TrustedProxies};
use engineio::{Sid, Transport};
use http::HeaderMap;
use http::request::Parts;

use super::{Builder, bundle};

/// What clients, browsers and proxies see of the endpoint. [`Builder::engine`] takes further
/// settings; it comes first.
impl Builder {
    /// Time between two pings. Default 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.options.engine.ping_interval = interval;
        self
    }

    /// Time in which a pong must follow. Default 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.options.engine.ping_timeout = timeout;
        self
    }

    /// Largest POST body and WebSocket message, in bytes; Node's `maxHttpBufferSize`. Default
    /// 1 000 000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.options.engine.max_payload = bytes;
        self
    }

    /// Sessions that one client address (or IPv6 network of 64 bits) may have; more are refused. Default: no limit.
    pub fn max_sessions_per_address(mut self, count: usize) -> Self {
        self.options.max_sessions_per_address = Some(count);
        self
    }

    /// Handshakes that one client address may ask for in a minute; more are refused. Default: no limit. See
    /// [`Options::max_handshakes_per_address`](crate::Options::max_handshakes_per_address).
    pub fn max_handshakes_per_address(mut self, a_minute: u32) -> Self {
        self.options.max_handshakes_per_address = Some(a_minute);
        self
    }

    /// Whether a session is for the address of its handshake alone. Default `false`. See
    /// [`Options::same_address`](crate::Options::same_address).
    pub fn same_address(mut self, same: bool) -> Self {
        self.options.same_address = same;
        self
    }

    /// Which other origins may use the server from a browser. Default: none.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.options.cors = Some(cors);
        self
    }

    /// The cookie that carries the session id, for load balancers. Default: none.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.options.cookie = Some(cookie);
        self
    }

    /// Which transports a session may start with, and be upgraded to. Default: both.
    pub fn transports(mut self, transports: &[Transport]) -> Self {
        let engine = &mut self.options.engine;
        engine.polling = transports.contains(&Transport::Polling);
        engine.websocket = transports.contains(&Transport::WebSocket);
        self
    }

    /// Whether a client on long-polling may move to WebSocket. Default yes.
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.options.engine.allow_upgrades = allow;
        self
    }

    /// Time in which an upgrade must be finished. Later only the probe is dropped, and polling
    /// goes on. Default 10 s.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.options.engine.upgrade_timeout = timeout;
        self
    }

    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, for
    /// [`Handshake::address`](crate::Handshake::address) and
    /// [`is_secure`](crate::Handshake::is_secure). Default none.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.options.trusted_proxies = proxies;
        self
    }

    /// Makes the secret ids of sessions; Node's `generateId`. See
    /// [`Options::generate_id`](crate::Options::generate_id).
    pub fn generate_id<F, Fut>(mut self, generate: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<Sid>> + Send + 'static,
    {
        self.options = self.options.generate_id(generate);
        self
    }

    /// Changes the headers of the answer to each handshake; Node's `initial_headers`.
    pub fn initial_headers<F>(mut self, change: F) -> Self
    where
        F: Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static,
    {
        self.options = self.options.initial_headers(change);
        self
    }

    /// Changes the headers of every answer; Node's `headers`.
    pub fn headers<F>(mut self, change: F) -> Self
    where
        F: Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static,
    {
        self.options = self.options.headers(change);
        self
    }

    /// Hears of every request that is refused; Node's `connection_error`.
    pub fn on_connection_error<F>(mut self, observe: F) -> Self
    where
        F: Fn(&ConnectionError<'_>) + Send + Sync + 'static,
    {
        self.options = self.options.on_connection_error(observe);
        self
    }

    /// Serves the official client's bundle below the path (`/socket.io/socket.io.js`, minified
    /// ones, ES module, source maps), from the `dist` folder of the npm package
    /// `socket.io-client`; Node's `serveClient`. The files are read now and kept in memory.
    /// Their version is their `ETag`.
    ///
    /// # Errors
    /// There is no such bundle in the folder.
    pub fn serve_client(mut self, dist: impl AsRef<Path>) -> io::Result<Self> {
        self.options = bundle::add(self.options, dist.as_ref())?;
        Ok(self)
    }

    /// Judges a handshake before it is made; Node's `allowRequest`.
    pub fn allow_request<F, Fut>(mut self, allow: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        self.options = self.options.allow_request(allow);
        self
    }
}
