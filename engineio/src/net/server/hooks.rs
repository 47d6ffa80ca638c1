//! What an application may add to answers, and hear of refused requests.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};

use super::options::{Options, Refusal};
use crate::{HandshakeError, Sid, query};

type Allowing = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;
type Naming = Pin<Box<dyn Future<Output = Option<Sid>> + Send>>;
type Hook<F> = Option<Arc<F>>;
type Headers = dyn Fn(&mut HeaderMap, &Parts) + Send + Sync;

/// The functions among the options.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) allow_request: Hook<dyn Fn(&Parts) -> Allowing + Send + Sync>,
    pub(super) generate_id: Hook<dyn Fn(&Parts) -> Naming + Send + Sync>,
    pub(super) initial_headers: Hook<Headers>,
    headers: Hook<Headers>,
    connection_error: Hook<dyn Fn(&ConnectionError<'_>) + Send + Sync>,
}

/// A request that was refused; see [`Options::on_connection_error`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConnectionError<'a> {
    /// The request, without its body.
    pub request: &'a Parts,
    /// Why.
    pub error: &'a HandshakeError,
}

impl ConnectionError<'_> {
    /// Node's number, 0 to 5.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.error.code()
    }

    /// Node's words, or those of [`Options::allow_request`].
    #[must_use]
    pub fn message(&self) -> String {
        self.error.to_string()
    }

    /// What of the request was wrong: its transport, session id, method or version. It is the
    /// peer's, of any content; do not log it as it is.
    #[must_use]
    pub fn context(&self) -> Option<Cow<'_, str>> {
        let parameter = |wanted: &str| {
            let query = self.request.uri.query().unwrap_or_default();
            let found = query::pairs(query).find(|(name, _)| name == wanted);
            found.map(|(_, value)| value)
        };
        match self.error {
            HandshakeError::UnknownTransport => parameter("transport"),
            HandshakeError::UnknownSession => parameter("sid"),
            HandshakeError::BadMethod => Some(self.request.method.as_str().into()),
            HandshakeError::UnsupportedVersion => parameter("EIO"),
            _ => None,
        }
    }
}

/// Marks an answer as a refusal, for those who want to know.
#[derive(Clone)]
pub(super) struct Refused(pub(super) HandshakeError);

impl Options {
    /// Judges a handshake before it is made. A refusal is answered 403 with code 4.
    #[must_use]
    pub fn allow_request<F, Fut>(mut self, allow: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        self.hooks.allow_request = Some(Arc::new(move |parts| Box::pin(allow(parts))));
        self
    }

    /// Makes the secret ids of sessions; Node's `generateId`. `None` refuses the handshake, and
    /// so does an id that somebody has. Whoever can guess an id can speak for its client: without
    /// this, ids are 120 bits from the system's generator.
    #[must_use]
    pub fn generate_id<F, Fut>(mut self, generate: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<Sid>> + Send + 'static,
    {
        self.hooks.generate_id = Some(Arc::new(move |parts| Box::pin(generate(parts))));
        self
    }

    /// Changes the headers of the answer to each handshake, on both transports; Node's
    /// `initial_headers`.
    #[must_use]
    pub fn initial_headers<F>(mut self, change: F) -> Self
    where
        F: Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static,
    {
        self.hooks.initial_headers = Some(Arc::new(change));
        self
    }

    /// Changes the headers of every answer, refusals too; Node's `headers`. Runs after
    /// [`Options::initial_headers`].
    #[must_use]
    pub fn headers<F>(mut self, change: F) -> Self
    where
        F: Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static,
    {
        self.hooks.headers = Some(Arc::new(change));
        self
    }

    /// Hears of every request that is refused; Node's `connection_error`.
    #[must_use]
    pub fn on_connection_error<F>(mut self, observe: F) -> Self
    where
        F: Fn(&ConnectionError<'_>) + Send + Sync + 'static,
    {
        self.hooks.connection_error = Some(Arc::new(observe));
        self
    }
}

impl Hooks {
    /// The head of a request, where it will be asked for when the answer is there.
    pub(super) fn keep<B>(&self, request: &Request<B>) -> Option<Parts> {
        let wanted = self.headers.is_some()
            || self.connection_error.is_some()
            || (self.initial_headers.is_some() && is_handshake(request));
        wanted.then(|| {
            let mut head = Request::new(());
            *head.method_mut() = request.method().clone();
            *head.uri_mut() = request.uri().clone();
            *head.version_mut() = request.version();
            *head.headers_mut() = request.headers().clone();
            head.into_parts().0
        })
    }

    pub(super) fn apply<B>(&self, request: &Parts, response: &mut Response<B>) {
        let refused = response.extensions_mut().remove::<Refused>();
        if let (Some(Refused(error)), Some(observe)) = (&refused, &self.connection_error) {
            observe(&ConnectionError { request, error });
        }
        let opened = refused.is_none() && request.method == Method::GET && is_first(&request.uri);
        if let Some(change) = self.initial_headers.as_ref().filter(|_| opened) {
            change(response.headers_mut(), request);
        }
        if let Some(change) = &self.headers {
            change(response.headers_mut(), request);
        }
    }
}

fn is_handshake<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && is_first(request.uri())
}

fn is_first(uri: &http::Uri) -> bool {
    !query::pairs(uri.query().unwrap_or_default()).any(|(name, _)| name == "sid")
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
