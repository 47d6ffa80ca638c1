//! The requests of a session that is there.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;

use super::waiting::{Waiting, ask, unknown};
use super::{ResponseFuture, Service};
use crate::jsonp::{self, Callback};
use crate::net::server::handshake::Handshake;
use crate::net::server::http::{Body, answer, check_head, read_body, switch};
use crate::net::server::io::Wire;
use crate::net::server::memory::Charge;
use crate::net::server::metrics::Refused;
use crate::net::server::shared::{Command, Handle};
use crate::net::server::{Upper, cors};
use crate::query::Terms;
use crate::server::{Input, PostFailure};
use crate::{HandshakeError, Sid};

impl<F, U> Service<F>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
{
    /// Whether the request comes from where its session may be used.
    pub(super) fn check_address<B>(
        &self,
        request: &Request<B>,
        sid: Sid,
    ) -> Result<(), HandshakeError> {
        let (extensions, headers) = (request.extensions(), request.headers());
        match self.core.is_its_client(sid, extensions, headers) {
            Some(true) => Ok(()),
            Some(false) => {
                let words = "Session of another address";
                Err(self.forbid_saying(Refused::OtherAddress, words))
            }
            None => Err(HandshakeError::UnknownSession),
        }
    }

    pub(super) fn upgrade<B>(
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

    pub(super) fn poll(
        &self,
        session: Handle,
        callback: Option<Callback>,
    ) -> Result<ResponseFuture, HandshakeError> {
        let request = self.core.next_request();
        let reply = ask(&session, Input::Poll { request })?;
        let mut waiting = Waiting::new(session, request);
        waiting.callback = callback;
        Ok(Box::pin(async move { Ok(waiting.answer(reply).await) }))
    }

    pub(super) fn post<B>(
        &self,
        http: Request<B>,
        session: Handle,
    ) -> Result<ResponseFuture, HandshakeError>
    where
        B: HttpBody + Send + 'static,
        B::Data: Send,
    {
        let request = self.core.next_request();
        // a second POST is refused when its head is here, not when its body is
        let mut reply = ask(&session, Input::Post { request })?;
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

/// The payload of a POST, which is the field of a form where somebody polls by script tags.
fn unwrapped(body: Bytes, is_form: bool) -> Result<Bytes, PostFailure> {
    if !is_form {
        return Ok(body);
    }
    jsonp::payload_of_form(&body).map_err(|_| PostFailure::WrongType)
}
