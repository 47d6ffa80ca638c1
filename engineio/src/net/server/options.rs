//! [`Options`] of the HTTP side.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::cors::Cors;
use super::files::File;
use super::hooks::Hooks;
use super::trusted::TrustedProxies;
use crate::{Config, Data};

/// Why [`Options::allow_request`] refused: the message of the error body with code 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub(super) Cow<'static, str>);

impl Refusal {
    /// Refuses with these words.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

/// The cookie that a handshake over long-polling sets to the session id, for load balancers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub(super) name: Cow<'static, str>,
    pub(super) attributes: Cow<'static, str>,
}

impl Cookie {
    /// `NAME=sid; Path=/; HttpOnly; SameSite=Lax`, as Node sets it.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            attributes: "Path=/; HttpOnly; SameSite=Lax".into(),
        }
    }

    /// Other attributes, as they stand in the header.
    #[must_use]
    pub fn attributes(mut self, attributes: impl Into<Cow<'static, str>>) -> Self {
        self.attributes = attributes.into();
        self
    }
}

/// Settings of a server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Settings of its sessions.
    pub engine: Config,
    /// Path of the endpoint. It is served with and without trailing slash, and nothing below
    /// it. Default `/engine.io/`.
    pub path: Cow<'static, str>,
    /// Which other origins may use the server from a browser. Default: none. Requests without
    /// an `Origin` header and those from the server's own host and port are always allowed.
    pub cors: Option<Cors>,
    /// The cookie to set, if any. Default none.
    pub cookie: Option<Cookie>,
    /// Bytes that may wait for a client which takes nothing for 10 s. Default 1 MiB.
    pub soft_budget: usize,
    /// Bytes that may wait for a client at all. Default 16 MiB.
    pub hard_budget: usize,
    /// Bytes that may wait for all clients together; what a broadcast shares counts once. Over
    /// it, sessions end until seven eighths are left: first those whose clients do not take what
    /// waits for them, the largest first. Default: a quarter of the memory that the machine or
    /// the control group allows, 1 GiB where that cannot be known.
    ///
    /// As much again may be held of what came from all clients and is unfinished (messages, bodies of POSTs, packets
    /// without their attachments) or waits for handlers. Over it, a session whose client sends more ends with
    /// [`CloseReason::ServerError`](crate::CloseReason::ServerError), and a POST is answered 503.
    pub memory_budget: Option<usize>,
    /// Time for the whole body of a POST. Default 20 s. After 5 s it must also have come at
    /// 1 KB/s.
    pub body_timeout: Duration,
    /// Time for the head of a request, from the first wait for it; of [`serve`](super::serve())
    /// only. Default 10 s.
    pub head_timeout: Duration,
    /// Time for which a client may take nothing of an answer before [`serve`](super::serve())
    /// drops its connection. Default 20 s.
    pub write_timeout: Duration,
    /// Addresses of proxies that tell the truth about their clients. Default none.
    pub trusted_proxies: TrustedProxies,
    /// Most sessions of one client address ([trusted proxies](TrustedProxies) considered); more
    /// are refused with code 4. An IPv6 network of 64 bits counts as one address, here and below. Clients
    /// without an address are not counted: under another HTTP server than [`serve`](super::serve()), put
    /// [`PeerAddr`](super::PeerAddr) into every request. Default: no limit.
    pub max_sessions_per_address: Option<usize>,
    /// Most handshakes of one client address in a minute, whatever becomes of them: as many at once, then evenly in
    /// time. More are refused with code 4, before [`Options::allow_request`] is asked. Default: no limit.
    pub max_handshakes_per_address: Option<u32>,
    /// Whether the requests of a session must come from the address of its handshake. Those of others are refused
    /// with code 4, and the session goes on: a session id alone is of no use to who has seen it. But a client that
    /// changes its network, as phones do, needs a new session then; and one that has several addresses at a time (IPv4
    /// and IPv6, carriers and companies with several exits) may come from another with each connection, so that its upgrade
    /// fails. Needs an address in every request, like [`Options::max_sessions_per_address`]. Default `false`.
    pub same_address: bool,
    /// A message that every client gets first of all. Default none.
    pub initial_packet: Option<Data>,
    pub(super) hooks: Hooks,
    pub(super) files: Arc<BTreeMap<Cow<'static, str>, File>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: Config::default(),
            path: "/engine.io/".into(),
            cors: None,
            cookie: None,
            soft_budget: 1024 * 1024,
            hard_budget: 16 * 1024 * 1024,
            memory_budget: None,
            body_timeout: Duration::from_secs(20),
            head_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(20),
            trusted_proxies: TrustedProxies::default(),
            max_sessions_per_address: None,
            max_handshakes_per_address: None,
            same_address: false,
            initial_packet: None,
            hooks: Hooks::default(),
            files: Arc::default(),
        }
    }
}

impl Options {
    /// Whether it matters where clients come from.
    pub(super) fn go_by_address(&self) -> bool {
        self.same_address
            || self.max_sessions_per_address.is_some()
            || self.max_handshakes_per_address.is_some()
    }

    /// Serves one more file below the path, such as `socket.io.js`, to GET and HEAD. `etag` is
    /// what stands for this version of it; clients that have it get 304.
    #[must_use]
    pub fn file(
        mut self,
        name: impl Into<Cow<'static, str>>,
        content_type: &'static str,
        etag: &str,
        content: impl Into<Bytes>,
    ) -> Self {
        let file = File::new(content_type, etag, content.into());
        Arc::make_mut(&mut self.files).insert(name.into(), file);
        self
    }

    pub(super) fn find_file(&self, path: &str) -> Option<&File> {
        if self.files.is_empty() {
            return None;
        }
        let own = self.path.trim_end_matches('/');
        self.files.get(path.strip_prefix(own)?.strip_prefix('/')?)
    }

    /// Whether `path` is the endpoint.
    pub(super) fn serves(&self, path: &str) -> bool {
        let own = self.path.trim_end_matches('/');
        path.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest == "/")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("engine", &self.engine)
            .field("path", &self.path)
            .field("cors", &self.cors)
            .field("cookie", &self.cookie)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_served_with_and_without_slash_and_nothing_else() {
        let options = Options::default();
        for (path, served) in [
            ("/engine.io/", true),
            ("/engine.io", true),
            ("/engine.io/x", false),
            ("/engine.io-admin", false),
            ("/engine.io//", false),
            ("/", false),
        ] {
            assert_eq!(options.serves(path), served, "{path}");
        }
    }
}
