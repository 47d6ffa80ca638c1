//! [`Options`]: where to connect, and how.

use std::fmt;
use std::time::Duration;

use super::proxy::Proxy;
#[cfg(feature = "rustls")]
use super::tls::Tls;
use super::url::{Target, UrlError};
use crate::Transport;
use crate::client::Config;

/// Settings of a client. What is wrong in them is told by [`Client::new`](super::Client::new).
#[derive(Clone)]
pub struct Options {
    pub(super) target: Target,
    pub(super) general: TransportOptions,
    pub(super) polling: TransportOptions,
    pub(super) websocket: TransportOptions,
    pub(super) trailing_slash: bool,
    pub(super) config: Config,
    pub(super) remember_upgrade: bool,
    pub(super) request_timeout: Option<Duration>,
    pub(super) protocols: Vec<String>,
    pub(super) cookies: bool,
    pub(super) timestamps: Option<bool>,
    pub(super) timestamp_param: String,
    pub(super) proxy: Proxy,
    #[cfg(feature = "rustls")]
    pub(super) tls: Tls,
    pub(super) max_message: usize,
}

/// What is different on one transport; see [`Options::transport_options`].
#[derive(Clone, Default)]
pub struct TransportOptions {
    pub(super) path: Option<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

impl TransportOptions {
    /// Nothing different.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another path; see [`Options::path`].
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// One more parameter of the query; see [`Options::query`].
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.query.retain(|(own, _)| *own != name);
        self.query.push((name, value.into()));
        self
    }

    /// One more header; see [`Options::header`].
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers
            .retain(|(own, _)| !own.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
        self
    }
}

/// Names only: values carry secrets.
impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| {
            let names = pairs.iter().map(|(name, _)| name.clone());
            names.collect::<Vec<_>>()
        };
        f.debug_struct("TransportOptions")
            .field("path", &self.path)
            .field("query", &names(&self.query))
            .field("headers", &names(&self.headers))
            .finish()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("origin", &self.origin())
            .field("general", &self.general)
            .field("session", &self.config)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The server at `url`: http, https, ws or wss, with or without port, IPv6 addresses in
    /// brackets; without a scheme (`localhost:3000`) it is http. The transports do not follow
    /// from the scheme: `ws` is `http`, `wss` is `https`.
    ///
    /// A query in the URL is kept for every request. Its path is *not* that of the endpoint, which
    /// is [`Options::path`]: it stays in [`Options::url_path`] for the layer above.
    ///
    /// # Errors
    /// [`UrlError`] when it names no server.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let mut target = Target::parse(url)?;
        let general = TransportOptions {
            query: std::mem::take(&mut target.query),
            ..TransportOptions::default()
        };
        Ok(Self {
            target,
            general,
            polling: TransportOptions::default(),
            websocket: TransportOptions::default(),
            trailing_slash: true,
            config: Config::default(),
            remember_upgrade: false,
            request_timeout: None,
            protocols: Vec::new(),
            cookies: false,
            timestamps: None,
            timestamp_param: "t".to_owned(),
            proxy: Proxy::env(),
            #[cfg(feature = "rustls")]
            tls: Tls::default(),
            max_message: 100 * 1024 * 1024,
        })
    }

    /// Path of the endpoint. Default `/engine.io/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.general.path = Some(path.into());
        self
    }

    /// Whether the path ends with a slash, whatever [`Options::path`] says. Default yes.
    #[must_use]
    pub fn add_trailing_slash(mut self, add: bool) -> Self {
        self.trailing_slash = add;
        self
    }

    /// A parameter of the query of every request, in place of one of the same name; both are
    /// percent-encoded. `EIO`, `transport` and `sid` belong to the session and are left out.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.general = self.general.query(name, value);
        self
    }

    /// A header of every request, in place of one of the same name. `Host` may be among them;
    /// those that frame a message or open a WebSocket may not.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.general = self.general.header(name, value);
        self
    }

    /// What is different on one transport: its path goes before the general one, its headers and
    /// parameters are added to the others and replace those of the same name.
    #[must_use]
    pub fn transport_options(mut self, transport: Transport, options: TransportOptions) -> Self {
        match transport {
            Transport::Polling => self.polling = options,
            Transport::WebSocket => self.websocket = options,
        }
        self
    }

    /// All settings of the session at once: transports, timeouts, bounds of its queues.
    #[must_use]
    pub fn session(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// What to start on, the first one first; see [`Config::transports`].
    #[must_use]
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.config.transports = transports.into_iter().collect();
        self
    }

    /// Whether to move from long-polling to WebSocket; see [`Config::upgrade`]. Default yes.
    #[must_use]
    pub fn upgrade(mut self, upgrade: bool) -> Self {
        self.config.upgrade = upgrade;
        self
    }

    /// Whether the next transport is tried when one gives no handshake. Default no.
    #[must_use]
    pub fn try_all_transports(mut self, all: bool) -> Self {
        self.config.try_all_transports = all;
        self
    }

    /// Whether a [`Client`](super::Client) that was on WebSocket once starts on it the next time,
    /// until that fails. Default no.
    #[must_use]
    pub fn remember_upgrade(mut self, remember: bool) -> Self {
        self.remember_upgrade = remember;
        self
    }

    /// Whether binary travels as base64 text on every transport. Default no.
    #[must_use]
    pub fn force_base64(mut self, force: bool) -> Self {
        self.config.force_base64 = force;
        self
    }

    /// Time for the handshake of one transport: name resolution, TCP, proxy, TLS and the open
    /// packet. Default 20 s.
    #[must_use]
    pub fn open_timeout(mut self, time: Duration) -> Self {
        self.config.open_timeout = time;
        self
    }

    /// Time for a whole POST, and for a GET beyond the server's ping interval and ping timeout
    /// (the first one: time for all of it). Default: none, as in Node; the heartbeat notices a
    /// server that is gone.
    #[must_use]
    pub fn request_timeout(mut self, time: Duration) -> Self {
        self.request_timeout = Some(time);
        self
    }

    /// Subprotocols that the WebSocket offers. Default none.
    #[must_use]
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether cookies of the server's answers are sent back on later requests, on both
    /// transports. They live as long as the [`Client`](super::Client), at most 50 of 4 KiB; those
    /// that expired are dropped, other attributes are ignored: there is one server. Default no.
    #[must_use]
    pub fn cookies(mut self, keep: bool) -> Self {
        self.cookies = keep;
        self
    }

    /// Whether requests carry a parameter that is always new, against caches on the way. Default:
    /// on long-polling only.
    #[must_use]
    pub fn timestamp_requests(mut self, when: impl Into<Option<bool>>) -> Self {
        self.timestamps = when.into();
        self
    }

    /// The name of that parameter. Default `t`.
    #[must_use]
    pub fn timestamp_param(mut self, name: impl Into<String>) -> Self {
        self.timestamp_param = name.into();
        self
    }

    /// What stands between, for both transports. Default [`Proxy::env`].
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Whom to trust, and who the client is, where the URL is https or wss.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The largest message on a WebSocket and the largest answer of long-polling that is read, in
    /// bytes. Default 100 MiB, as the `ws` package of Node has it. A larger one ends the session.
    #[must_use]
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// The settings of the session.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Scheme, host and port: `http://localhost:3000`, without a port that the scheme implies.
    /// `ws` is `http` here.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}", self.target.authority())
    }

    /// Host and port, without a port that the scheme implies.
    #[must_use]
    pub fn authority(&self) -> String {
        self.target.authority()
    }

    /// The host; an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.target.host
    }

    /// The port, also where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// Whether the URL's scheme is https or wss.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.target.secure
    }

    /// The path of the URL, from the first slash on; empty or `/` where it has none.
    #[must_use]
    pub fn url_path(&self) -> &str {
        &self.target.path
    }

    /// The path of the endpoint, as requests of `transport` have it.
    #[must_use]
    pub fn endpoint_path(&self, transport: Transport) -> String {
        let own = self.of(transport).path.as_deref();
        let path = own.or(self.general.path.as_deref()).unwrap_or("/engine.io");
        let path = path.trim_matches('/');
        let slash = if self.trailing_slash && !path.is_empty() {
            "/"
        } else {
            ""
        };
        format!("/{path}{slash}")
    }

    pub(super) fn of(&self, transport: Transport) -> &TransportOptions {
        match transport {
            Transport::Polling => &self.polling,
            Transport::WebSocket => &self.websocket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_options_not_the_urls() {
        let options = Options::new("https://h/admin?x=1").unwrap();
        assert_eq!(options.url_path(), "/admin");
        assert_eq!(options.origin(), "https://h");
        assert_eq!(options.endpoint_path(Transport::Polling), "/engine.io/");
        let options = options.path("custom/io");
        assert_eq!(options.endpoint_path(Transport::Polling), "/custom/io/");
        let websocket = TransportOptions::new().path("/ws/");
        let options = options
            .transport_options(Transport::WebSocket, websocket)
            .add_trailing_slash(false);
        assert_eq!(options.endpoint_path(Transport::Polling), "/custom/io");
        assert_eq!(options.endpoint_path(Transport::WebSocket), "/ws");
        assert_eq!(options.path("/").endpoint_path(Transport::Polling), "/");
    }

    #[test]
    fn values_are_not_shown() {
        let options = Options::new("http://h?token=hidden").unwrap();
        let shown = format!("{:?}", options.header("authorization", "hidden"));
        assert!(shown.contains("token") && shown.contains("authorization"));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
