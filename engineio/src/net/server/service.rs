//! [`Service`] and [`Layer`]: the endpoint for tower and hyper.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tokio::sync::oneshot;

use super::core::Core;
use super::driver::{Driver, Opening};
use super::handshake::Handshake;
use super::http::{
    Body, answer, answer_script, check_head, empty, read_body, refused, switch, wants_websocket,
};
use super::io::Wire;
use super::layer::Layer;
use super::memory::Charge;
use super::metrics::Refused;
use super::options::Refusal;
use super::shared::{Command, Handle};
use super::{Options, Server, Upper, cors};
use crate::jsonp::{self, Callback};
use crate::net::sync::spawn;
use crate::net::trace::debug;
use crate::query::{Query, Route, Terms};
use crate::server::{Input, PostFailure, Reply, RequestId};
use crate::{Frame, HandshakeError, Transport};

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
        if options.cors.is_none() && head.is_none() {
            return self
                .respond(request)
                .unwrap_or_else(|error| done(self.reject(&error)));
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let response = self
            .respond(request)
            .unwrap_or_else(|error| done(self.reject(&error)));
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
                let (extensions, headers) = (request.extensions(), request.headers());
                if !self.core.is_its_client(sid, extensions, headers) {
                    self.core.counters.refused(Refused::OtherAddress);
                    let words = "Session of another address";
                    return Err(HandshakeError::Forbidden(words.into()));
                }
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

    // A new session

    fn open<B>(&self, mut request: Request<B>, query: Query, on: Transport) -> ResponseFuture {
        let wire = (on == Transport::WebSocket).then(|| Wire::after(&mut request));
        let (parts, _) = request.into_parts();
        let service = self.clone();
        Box::pin(async move {
            let opened = match (service.judge(&parts, &query).await, wire) {
                (Err(error), _) => Err(error),
                (Ok(terms), Some(wire)) => service.open_websocket(parts, terms, wire).await,
                (Ok(terms), None) => service.open_polling(parts, terms, query.callback()).await,
            };
            Ok(opened.unwrap_or_else(|error| service.reject(&error)))
        })
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

    async fn judge(&self, parts: &Parts, query: &Query) -> Result<Terms, HandshakeError> {
        if !self.core.may_shake(parts) {
            self.core.counters.refused(Refused::TooManyHandshakes);
            let words = "Too many handshakes from this address";
            return Err(HandshakeError::Forbidden(words.into()));
        }
        if !cors::allows(self.core.options.cors.as_ref(), parts) {
            return Err(self.forbid(Refused::Origin));
        }
        if let Some(allow) = &self.core.options.hooks.allow_request {
            let allowed = allow(parts);
            allowed.await.map_err(|Refusal(message)| {
                self.core.counters.refused(Refused::Hook);
                HandshakeError::Forbidden(message)
            })?;
        }
        let terms = query.terms()?;
        if terms.jsonp && !cors::allows_script(self.core.options.cors.as_ref(), parts) {
            return Err(self.forbid(Refused::Origin));
        }
        Ok(terms)
    }

    async fn open_websocket(
        &self,
        parts: Parts,
        terms: Terms,
        wire: Wire,
    ) -> Result<Response<Body>, HandshakeError> {
        let response = switch(&parts.method, parts.version, &parts.headers)?;
        let opening = |_| Opening::WebSocket(wire);
        self.start(parts, Transport::WebSocket, terms, opening)
            .await?;
        Ok(response)
    }

    async fn open_polling(
        &self,
        parts: Parts,
        terms: Terms,
        callback: Result<Option<Callback>, HandshakeError>,
    ) -> Result<Response<Body>, HandshakeError> {
        let callback = callback?;
        let (sender, receiver) = oneshot::channel();
        let opening = |request| Opening::Polling(request, sender);
        let started = self.start(parts, Transport::Polling, terms, opening);
        let (session, request) = started.await?;
        let sid = session.sid();
        let waiting = Waiting::new(session, request);
        let reply = receiver.await.map_err(|_| HandshakeError::UnknownSession)?;
        waiting.done();
        let mut response = respond_to(callback, reply);
        if let Some(cookie) = &self.core.options.cookie {
            let value = format!("{}={sid}; {}", cookie.name, cookie.attributes);
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(SET_COOKIE, value);
            }
        }
        Ok(response)
    }

    async fn start(
        &self,
        parts: Parts,
        transport: Transport,
        terms: Terms,
        opening: impl FnOnce(RequestId) -> Opening + Send,
    ) -> Result<(Handle, RequestId), HandshakeError> {
        let options = &self.core.options;
        let registered = match &options.hooks.generate_id {
            None => self.core.register(terms),
            Some(generate) => {
                let sid = generate(&parts).await;
                sid.and_then(|sid| self.core.register_as(sid, terms))
            }
        };
        let registered = registered.ok_or_else(|| self.forbid(Refused::Closing));
        let mut registration = registered?;
        let handle = Handle::clone(&registration);
        if let Some(packet) = &options.initial_packet {
            handle.send([Frame::message(packet)]).ok();
        }
        let request = self.core.next_request();
        let (protocol, trusted) = (terms.dialect.protocol, &options.trusted_proxies);
        let handshake = Arc::new(Handshake::new(parts, transport, protocol, trusted));
        if !registration.belong(handshake.client_addr()) {
            self.core.counters.refused(Refused::TooManySessions);
            let words = "Too many sessions from this address";
            return Err(HandshakeError::Forbidden(words.into()));
        }
        let upper = (self.make)(handshake, handle.clone());
        spawn(Driver::new(registration, opening(request), upper));
        Ok((handle, request))
    }

    // A session that is there

    fn upgrade<B>(
        &self,
        mut request: Request<B>,
        session: &Handle,
        base64: bool,
    ) -> Result<Response<Body>, HandshakeError> {
        let wire = Wire::after(&mut request);
        let (parts, _) = request.into_parts();
        if !cors::allows(self.core.options.cors.as_ref(), &parts) {
            return Err(self.forbid(Refused::Origin));
        }
        let response = switch(&parts.method, parts.version, &parts.headers)?;
        session
            .command(Command::Wire(wire, base64))
            .map_err(|_| HandshakeError::UnknownSession)?;
        Ok(response)
    }

    fn poll(
        &self,
        session: Handle,
        callback: Option<Callback>,
    ) -> Result<ResponseFuture, HandshakeError> {
        let request = self.core.next_request();
        let reply = send(&session, Input::Poll { request })?;
        let mut waiting = Waiting::new(session, request);
        waiting.callback = callback;
        Ok(Box::pin(async move { Ok(waiting.answer(reply).await) }))
    }

    fn post<B>(&self, http: Request<B>, session: Handle) -> Result<ResponseFuture, HandshakeError>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
    {
        let request = self.core.next_request();
        // a second POST is refused when its head is here, not when its body is
        let mut reply = send(&session, Input::Post { request })?;
        let Terms { dialect, jsonp } = session.terms();
        let mut waiting = Waiting::new(session, request);
        waiting.post = true;
        let (parts, body) = http.into_parts();
        let max = self.core.engine.max_payload;
        if let Err(failure) = check_head(&parts.headers, dialect.protocol, max) {
            waiting.fail(failure);
            return Ok(Box::pin(async move { Ok(waiting.answer(reply).await) }));
        }
        let timeout = self.core.options.body_timeout;
        let charge = Charge::new(&self.core.incoming);
        Ok(Box::pin(async move {
            let body = tokio::select! {
                biased;
                body = read_body(body, max, timeout, charge) => body,
                // the session has decided without the body
                decided = &mut reply => {
                    waiting.done();
                    return Ok(decided.map_or_else(|_| unknown(), answer));
                }
            };
            match body.and_then(|body| unwrapped(body, jsonp)) {
                Ok(body) => waiting.tell(Input::PostBody { request, body }),
                Err(failure) => waiting.fail(failure),
            }
            Ok(waiting.answer(reply).await)
        }))
    }
}

/// The session ended before it could answer.
fn unknown() -> Response<Body> {
    refused(&HandshakeError::UnknownSession)
}

/// The payload of a POST, which is the field of a form where somebody polls by script tags.
fn unwrapped(body: Bytes, is_form: bool) -> Result<Bytes, PostFailure> {
    if !is_form {
        return Ok(body);
    }
    jsonp::payload_of_form(&body).map_err(|_| PostFailure::WrongType)
}

fn respond_to(callback: Option<Callback>, reply: Reply) -> Response<Body> {
    match callback {
        None => answer(reply),
        Some(callback) => answer_script(reply, callback),
    }
}

fn done(response: Response<Body>) -> ResponseFuture {
    Box::pin(ready(Ok(response)))
}

fn send(session: &Handle, input: Input) -> Result<oneshot::Receiver<Reply>, HandshakeError> {
    let (sender, receiver) = oneshot::channel();
    let is_poll = matches!(input, Input::Poll { .. });
    let command = Command::Request(input, sender);
    let sent = match is_poll {
        true => session.poll(command),
        false => session.command(command),
    };
    sent.map_err(|_| HandshakeError::UnknownSession)?;
    Ok(receiver)
}

/// Reports a request whose client went away before its answer.
struct Waiting {
    session: Handle,
    request: RequestId,
    callback: Option<Callback>,
    post: bool,
    answered: bool,
}

impl Waiting {
    fn new(session: Handle, request: RequestId) -> Self {
        Self {
            session,
            request,
            callback: None,
            post: false,
            answered: false,
        }
    }

    /// Says how the body of the POST came out.
    fn tell(&mut self, input: Input) {
        self.post = false;
        self.session.command(Command::Input(input)).ok();
    }

    /// Says that there is no body.
    fn fail(&mut self, failure: PostFailure) {
        if let Some(why) = Refused::of_body(failure) {
            self.session.count_refused(why);
        }
        let request = self.request;
        self.tell(Input::PostFailed { request, failure });
    }

    async fn answer(self, reply: oneshot::Receiver<Reply>) -> Response<Body> {
        let (reply, callback) = (reply.await, self.callback);
        self.done();
        reply.map_or_else(|_| unknown(), |reply| respond_to(callback, reply))
    }

    fn done(mut self) {
        self.answered = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let request = self.request;
        let input = if self.post {
            Input::PostFailed {
                request,
                failure: PostFailure::Dropped,
            }
        } else {
            Input::PollDropped { request }
        };
        self.session.command(Command::Input(input)).ok();
    }
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
