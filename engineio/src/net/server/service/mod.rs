//! [`Service`] and [`Layer`]: the endpoint for tower and hyper.

mod open;
mod proceed;
mod waiting;

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::ORIGIN;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;

use super::core::Core;
use super::handshake::Handshake;
use super::http::{Body, empty, refused, wants_websocket};
use super::layer::Layer;
use super::metrics::Refused;
use super::shared::Handle;
use super::{Options, Server, Upper, cors};
use crate::net::trace::debug;
use crate::query::{Query, Route};
use crate::{HandshakeError, Transport};

/// Bytes of a query string, whatever the HTTP server in front allows.
const QUERY_BYTES: usize = 8 * 1024;

/// Serves Engine.IO sessions. Clones share them.
///
/// It is a [`tower_service::Service`] and a [`hyper::service::Service`] for requests with any
/// body. Requests outside the path are answered 404; see [`Layer`] to pass them on, and
/// [`ForeignUpgrade`](super::ForeignUpgrade) for requests of other HTTP servers than hyper 1.
pub struct Service<F> {
    core: Arc<Core>,
    make: Arc<F>,
}

impl<F> Clone for Service<F> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            make: Arc::clone(&self.make),
        }
    }
}

impl<F> fmt::Debug for Service<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("options", &self.core.options)
            .finish_non_exhaustive()
    }
}

pub(super) type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<F, U> Service<F>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
{
    /// A service whose sessions `make` gives a layer above.
    #[must_use]
    pub fn new(options: Options, make: F) -> Self {
        Self {
            core: Core::new(options),
            make: Arc::new(make),
        }
    }

    /// The handle for gauges and for closing.
    #[must_use]
    pub fn server(&self) -> Server {
        Server {
            core: Arc::clone(&self.core),
        }
    }

    /// The path of the endpoint, as it was set.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.core.options.path
    }

    /// Whether the request is for this endpoint.
    #[must_use]
    pub fn serves(&self, path: &str) -> bool {
        self.core.options.serves(path) || self.core.options.find_file(path).is_some()
    }

    /// Puts the endpoint in front of another service, which gets all other requests.
    #[must_use]
    pub fn into_layer(self) -> Layer<F> {
        Layer::new(self)
    }

    pub(super) fn handle<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
    {
        let options = &self.core.options;
        let path = request.uri().path();
        if !options.serves(path) {
            let file = options.find_file(path);
            let answer = file.map(|file| file.answer(request.method(), request.headers()));
            return done(answer.unwrap_or_else(|| empty(StatusCode::NOT_FOUND)));
        }
        if request.uri().query().map_or(0, str::len) > QUERY_BYTES {
            self.core.counters.refused(Refused::QueryTooLong);
            return done(empty(StatusCode::URI_TOO_LONG));
        }
        let head = options.hooks.keep(&request);
        let plain = options.cors.is_none() && head.is_none();
        let origin = match plain {
            true => None,
            false => request.headers().get(ORIGIN).cloned(),
        };
        let response = self
            .respond(request)
            .unwrap_or_else(|error| done(self.reject(&error)));
        if plain {
            return response;
        }
        let core = Arc::clone(&self.core);
        Box::pin(async move {
            let Ok(mut response) = response.await;
            let options = &core.options;
            cors::apply(
                options.cors.as_ref(),
                origin.as_ref(),
                response.headers_mut(),
            );
            if let Some(head) = head {
                options.hooks.apply(&head, &mut response);
            }
            Ok(response)
        })
    }

    /// Decides at once what is to be done; the futures hold no more of the request than they
    /// need.
    fn respond<B>(&self, request: Request<B>) -> Result<ResponseFuture, HandshakeError>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
    {
        if request.method() == Method::OPTIONS && self.core.options.cors.is_some() {
            let mut response = empty(StatusCode::NO_CONTENT);
            cors::preflight(request.headers(), response.headers_mut());
            return Ok(done(response));
        }
        let query = Query::parse(request.uri().query().unwrap_or_default(), &self.core.engine)?;
        let upgrade = wants_websocket(request.headers());
        match query.route(request.method() == Method::GET, upgrade)? {
            Route::Open(transport) => Ok(self.open(request, query, transport)),
            Route::Continue(sid, transport) => {
                let session = self.core.find(sid).ok_or(HandshakeError::UnknownSession)?;
                // one session, one version, one way of asking for its transport
                if !query.continues(session.terms())
                    || upgrade != (transport == Transport::WebSocket)
                {
                    return Err(HandshakeError::BadRequest);
                }
                self.check_address(&request, sid)?;
                match (transport, request.method()) {
                    (Transport::WebSocket, _) => {
                        let upgraded = self.upgrade(request, &session, query.base64());
                        upgraded.map(done)
                    }
                    (Transport::Polling, &Method::GET) => self.poll(session, query.callback()?),
                    (Transport::Polling, &Method::POST) => self.post(request, session),
                    (Transport::Polling, _) => Err(HandshakeError::BadRequest),
                }
            }
        }
    }

    /// Refuses a request, and says so to those who look for a fault. No byte of it is logged.
    fn reject(&self, error: &HandshakeError) -> Response<Body> {
        debug!("request refused with code {}", error.code());
        if let Some(why) = Refused::of(error) {
            self.core.counters.refused(why);
        }
        refused(error)
    }

    /// Forbids a request.
    fn forbid(&self, why: Refused) -> HandshakeError {
        self.core.counters.refused(why);
        HandshakeError::FORBIDDEN
    }

    fn forbid_saying(&self, why: Refused, words: impl Into<Cow<'static, str>>) -> HandshakeError {
        self.core.counters.refused(why);
        HandshakeError::Forbidden(words.into())
    }
}

fn done(response: Response<Body>) -> ResponseFuture {
    Box::pin(ready(Ok(response)))
}

impl<F, U, B> tower_service::Service<Request<B>> for Service<F>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.handle(request)
    }
}

impl<F, U, B> hyper::service::Service<Request<B>> for Service<F>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.handle(request)
    }
}
