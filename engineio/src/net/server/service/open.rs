//! A request that opens a session.

use std::sync::Arc;

use http::header::SET_COOKIE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use tokio::sync::oneshot;

use super::waiting::{Waiting, respond_to};
use super::{ResponseFuture, Service};
use crate::jsonp::Callback;
use crate::net::server::driver::{Driver, Opening};
use crate::net::server::handshake::Handshake;
use crate::net::server::http::{Body, switch};
use crate::net::server::io::Wire;
use crate::net::server::metrics::Refused;
use crate::net::server::options::Refusal;
use crate::net::server::shared::Handle;
use crate::net::server::{Upper, cors};
use crate::net::sync::spawn;
use crate::query::{Query, Terms};
use crate::server::RequestId;
use crate::{Frame, HandshakeError, Transport};

impl<F, U> Service<F>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
{
    pub(super) fn open<B>(
        &self,
        mut request: Request<B>,
        query: Query,
        on: Transport,
    ) -> ResponseFuture {
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

    async fn judge(&self, parts: &Parts, query: &Query) -> Result<Terms, HandshakeError> {
        if !self.core.may_handshake(parts) {
            let words = "Too many handshakes from this address";
            return Err(self.forbid_saying(Refused::TooManyHandshakes, words));
        }
        if !cors::allows(self.core.options.cors.as_ref(), parts) {
            return Err(self.forbid(Refused::Origin));
        }
        if let Some(allow) = &self.core.options.hooks.allow_request {
            let allowed = allow(parts);
            allowed
                .await
                .map_err(|Refusal(words)| self.forbid_saying(Refused::Hook, words))?;
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
            let words = "Too many sessions from this address";
            return Err(self.forbid_saying(Refused::TooManySessions, words));
        }
        let upper = (self.make)(handshake, handle.clone());
        spawn(Driver::new(registration, opening(request), upper));
        Ok((handle, request))
    }
}
