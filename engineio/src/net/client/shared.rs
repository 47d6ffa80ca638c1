//! [`Client`]: what consecutive connections to one server have in common.

use std::sync::Arc;
use std::time::SystemTime;

use http::header::{COOKIE, HeaderMap, HeaderValue};
use http::{Method, Request};

use super::connection::Connection;
use super::cookies::Jar;
use super::error::BuildError;
use super::options::Options;
use super::terms::Terms;
use crate::Transport;
use crate::net::sync::{AtomicBool, Mutex, Ordering};

/// Opens connections to one server. Clones are the same client: they share options, cookies, the
/// TLS configuration with its sessions, and whether an upgrade succeeded.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    terms: Mutex<Arc<Terms>>,
    jar: Mutex<Jar>,
    /// Whether the last connection was on a WebSocket, for `remember_upgrade`.
    upgraded: AtomicBool,
}

impl Client {
    /// A client that has not connected yet. Certificates are loaded and the environment is read
    /// here, nothing else is done.
    ///
    /// # Errors
    /// [`BuildError`] when the options cannot be used.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let terms = Mutex::new(Arc::new(Terms::new(options)?));
        let (jar, upgraded) = (Mutex::default(), AtomicBool::new(false));
        let shared = Shared {
            terms,
            jar,
            upgraded,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The options of the next connection.
    #[must_use]
    pub fn options(&self) -> Options {
        self.shared.terms.lock().options.clone()
    }

    /// Other options for connections to come, such as a new token in a header; those that are
    /// there go on with theirs. Cookies are kept.
    ///
    /// # Errors
    /// [`BuildError`] when they cannot be used; the old ones stay.
    pub fn set_options(&self, options: Options) -> Result<(), BuildError> {
        let terms = Arc::new(Terms::new(options)?);
        *self.shared.terms.lock() = terms;
        Ok(())
    }

    /// Begins a connection. Nothing happens before it is polled, on a runtime of tokio with time
    /// and I/O; its time begins now.
    #[must_use]
    pub fn connect(&self) -> Connection {
        let terms = Arc::clone(&self.shared.terms.lock());
        let shared = Arc::clone(&self.shared);
        Connection::new(Setting { shared, terms })
    }
}

/// What the requests of one connection need to know.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    shared: Arc<Shared>,
    pub(super) terms: Arc<Terms>,
}

impl Setting {
    pub(super) fn request<B>(
        &self,
        transport: Transport,
        method: Method,
        query: &str,
        body: B,
    ) -> Request<B> {
        let mut request = self.terms.request(transport, method, query, body);
        if self.terms.options.cookies {
            let own = request.headers().get(COOKIE);
            let own = own.and_then(|own| own.to_str().ok());
            let cookies = self.shared.jar.lock().header(own, date());
            if let Some(Ok(mut value)) = cookies.map(HeaderValue::try_from) {
                value.set_sensitive(true);
                request.headers_mut().insert(COOKIE, value);
            }
        }
        request
    }

    pub(super) fn take_cookies(&self, headers: &HeaderMap) {
        if self.terms.options.cookies {
            self.shared.jar.lock().take(headers, date());
        }
    }

    pub(super) fn was_upgraded(&self) -> bool {
        self.terms.options.remember_upgrade && self.shared.upgraded.load(Ordering::Relaxed)
    }

    pub(super) fn remember(&self, upgraded: bool) {
        self.shared.upgraded.store(upgraded, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "cookies expire at a date, not after a time"
)]
fn date() -> SystemTime {
    SystemTime::now()
}
