//! Answers, bodies and the WebSocket handshake, as HTTP sees them.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout_at;

use super::hooks::Refused;
use super::memory::Charge;
use crate::jsonp::Callback;
use crate::net::clock;
use crate::server::{PostFailure, Reply};
use crate::{HandshakeError, Protocol};

/// A POST may dawdle this long before its rate counts.
const GRACE: Duration = Duration::from_secs(5);
const MIN_BYTES_PER_SECOND: u64 = 1000;

/// The body of an answer: all of it, or nothing.
#[derive(Debug, Default)]
pub struct Body(Option<Bytes>);

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body(None));
    *response.status_mut() = status;
    response
}

/// 200 and these bytes.
pub(super) fn whole(body: Bytes) -> Response<Body> {
    Response::new(Body(Some(body)))
}

fn full(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body(Some(body.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Node's error body: a number as code, code first.
pub(super) fn refused(error: &HandshakeError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = full(status, "application/json", error.body());
    response.extensions_mut().insert(Refused(error.clone()));
    response
}

pub(super) fn answer(reply: Reply) -> Response<Body> {
    match reply {
        Reply::Payload(payload) => full(StatusCode::OK, "text/plain; charset=UTF-8", payload),
        Reply::BinaryPayload(payload) => full(StatusCode::OK, OCTETS, payload),
        Reply::Ok => full(StatusCode::OK, "text/html", "ok"),
        Reply::Refused(error) => refused(&error),
        Reply::TooSlow => empty(StatusCode::REQUEST_TIMEOUT),
        Reply::NoMemory => empty(StatusCode::SERVICE_UNAVAILABLE),
        Reply::TooLarge => empty(StatusCode::PAYLOAD_TOO_LARGE),
    }
}

/// An answer to somebody who polls by script tags: payloads are scripts, the rest is as ever.
pub(super) fn answer_script(reply: Reply, callback: Callback) -> Response<Body> {
    let Reply::Payload(payload) = &reply else {
        return answer(reply);
    };
    let script = callback.script(&String::from_utf8_lossy(payload));
    let mut response = full(StatusCode::OK, "text/javascript; charset=UTF-8", script);
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

const OCTETS: &str = "application/octet-stream";

/// Refuses a POST by its head alone.
pub(super) fn check_head(
    headers: &HeaderMap,
    protocol: Protocol,
    max: usize,
) -> Result<(), PostFailure> {
    let kind = headers.get(CONTENT_TYPE);
    if protocol == Protocol::V4 && kind.is_some_and(|kind| kind == OCTETS) {
        return Err(PostFailure::WrongType);
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|len| len.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len: u64| len > max as u64) {
        return Err(PostFailure::TooLarge);
    }
    Ok(())
}

/// Reads the body of a POST, no further than the limit, no longer than the deadline.
pub(super) async fn read_body<B>(
    body: B,
    max: usize,
    timeout: Duration,
    mut charge: Charge,
) -> Result<Bytes, PostFailure>
where
    B: HttpBody,
{
    let mut body = std::pin::pin!(body);
    let mut read = Collected::default();
    let mut start = None;
    loop {
        let frame = {
            let mut frame = poll_fn(|cx| {
                let frame = body.as_mut().poll_frame(cx);
                frame.map(|frame| frame.map(|frame| frame.map_err(|_| PostFailure::Dropped)))
            });
            // what is there already needs no clock
            match poll_fn(|cx| Poll::Ready(Pin::new(&mut frame).poll(cx))).await {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    let start = *start.get_or_insert_with(clock::now);
                    let judged_at = rate_deadline(start, read.len()).min(start + timeout);
                    let waited = timeout_at(judged_at.into(), frame).await;
                    waited.map_err(|_| PostFailure::TooSlow)?
                }
            }
        };
        match frame {
            None => return Ok(read.finish()),
            Some(Err(failure)) => return Err(failure),
            Some(Ok(frame)) => {
                if let Ok(mut data) = frame.into_data() {
                    if read.len() + data.remaining() > max {
                        return Err(PostFailure::TooLarge);
                    }
                    read.push(data.copy_to_bytes(data.remaining()));
                    if charge.settle(read.len()) {
                        return Err(PostFailure::NoMemory);
                    }
                }
            }
        }
    }
}

/// When a body of which `len` bytes are there has become too slow.
fn rate_deadline(start: Instant, len: usize) -> Instant {
    start
        + GRACE.max(Duration::from_millis(
            len as u64 * 1000 / MIN_BYTES_PER_SECOND,
        ))
}

/// One piece is kept as it is, several are copied together.
#[derive(Default)]
struct Collected {
    first: Bytes,
    joined: Vec<u8>,
}

impl Collected {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
        } else {
            let first = std::mem::take(&mut self.first);
            self.joined.extend_from_slice(&first);
            self.joined.extend_from_slice(&piece);
        }
    }

    fn finish(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.into()
        }
    }
}

/// Whether the request wants to become a WebSocket.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &UPGRADE, "websocket") && lists(headers, &CONNECTION, "upgrade")
}

fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Checks the client's handshake (RFC 6455, section 4.2.1) and answers it.
pub(super) fn switch(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<Response<Body>, HandshakeError> {
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key.filter(|key| key.len() == 24 && key.ends_with(b"=="));
    let legal = method == Method::GET
        && version == Version::HTTP_11
        && headers
            .get(SEC_WEBSOCKET_VERSION)
            .is_some_and(|version| version == "13");
    let key = key.filter(|_| legal).ok_or(HandshakeError::BadRequest)?;
    let accept = tungstenite::handshake::derive_accept_key(key);
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_maybe_shared(Bytes::from(accept));
    answer.insert(
        SEC_WEBSOCKET_ACCEPT,
        accept.map_err(|_| HandshakeError::BadRequest)?,
    );
    Ok(response)
}
