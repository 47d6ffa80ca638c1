//! [`Channel`]: one HTTP connection, which runs only while somebody waits for it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::dial::{Dialer, Stream};
use super::error;
use super::payload::Payload;
use super::shared::Setting;
use crate::client::Detail;

/// Most bytes of an answer that refuses: more is not read.
const MAX_REFUSAL: usize = 64 * 1024;
/// Headers of an answer.
const MAX_HEADERS: usize = 100;
/// Bytes of an answer's head.
const MAX_HEAD: usize = 64 * 1024;

const ENDED: &str = "the connection ended";

type Driver = http1::Connection<TokioIo<Stream>, Payload>;

pub(super) struct Channel {
    sender: SendRequest<Payload>,
    /// Kept after its end only until somebody looks: there may be a WebSocket in it.
    driver: Option<Box<Driver>>,
    ended: bool,
}

/// What an answer brought.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
    /// For the next request.
    pub(super) channel: Option<Channel>,
}

/// Sends a request, on `idle` if that is still there, and reads the answer.
///
/// A request is sent a second time only when hyper gives it back, not a byte of it written.
pub(super) async fn exchange(
    setting: Setting,
    idle: Option<Channel>,
    request: Request<Payload>,
) -> Result<Answer, Detail> {
    let (mut channel, response) = send(&setting, idle, request).await?;
    let status = response.status();
    setting.take_cookies(response.headers());
    let max = setting.terms.options.max_message;
    let body = if status == StatusCode::OK {
        channel
            .read(response.into_body(), max, Excess::Error)
            .await?
    } else {
        // what was read of it says enough, and the connection is not used again
        let body = channel.read(response.into_body(), MAX_REFUSAL, Excess::Cut);
        body.await.unwrap_or_default()
    };
    Ok(Answer {
        status: status.as_u16(),
        body,
        channel: (status == StatusCode::OK && !channel.ended).then_some(channel),
    })
}

async fn send(
    setting: &Setting,
    idle: Option<Channel>,
    mut request: Request<Payload>,
) -> Result<(Channel, Response<Incoming>), Detail> {
    if let Some(mut channel) = idle
        && channel.ready().await
    {
        match channel.send(request).await {
            Ok(response) => return Ok((channel, response)),
            Err(error) => match error.unsent {
                Some(unsent) => request = *unsent,
                None => return Err(error.detail),
            },
        }
    }
    let mut channel = Channel::open(&setting.terms.dialer).await?;
    channel.ready().await;
    match channel.send(request).await {
        Ok(response) => Ok((channel, response)),
        Err(error) => Err(error.detail),
    }
}

/// Asks for a WebSocket: the stream behind the answer, and what came with it.
pub(super) async fn switch(
    setting: &Setting,
    request: Request<Payload>,
) -> Result<(Response<()>, Stream, Bytes), Detail> {
    let (mut channel, response) = send(setting, None, request).await?;
    setting.take_cookies(response.headers());
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status().as_u16();
        let body = channel.read(response.into_body(), MAX_REFUSAL, Excess::Cut);
        return Err(Detail::http(status, &body.await.unwrap_or_default()));
    }
    // hyper lets go of the stream when it has told of the answer
    poll_fn(|cx| match channel.drive(cx) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
    let ended = || Detail::Io(ENDED.to_owned());
    let parts = channel.driver.ok_or_else(ended)?.into_parts();
    let early = Bytes::copy_from_slice(&parts.read_buf);
    Ok((response.map(drop), parts.io.into_inner(), early))
}

/// What becomes of an answer that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    Error,
    Cut,
}

impl Channel {
    async fn open(dialer: &Dialer) -> Result<Self, Detail> {
        let stream = TokioIo::new(dialer.dial().await?);
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
        let opened = builder.handshake(stream).await;
        let (sender, driver) = opened.map_err(|error| error::io(&error))?;
        Ok(Self {
            sender,
            driver: Some(Box::new(driver)),
            ended: false,
        })
    }

    /// Does what the connection has to do; `false` when it has ended.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        // an error is told to whoever waits for an answer
        if let Some(driver) = self.driver.as_mut().filter(|_| !self.ended) {
            self.ended = driver.poll_without_shutdown(cx).is_ready();
        }
        !self.ended
    }

    /// Whether a request can be sent.
    async fn ready(&mut self) -> bool {
        poll_fn(|cx| match self.drive(cx) {
            true => self.sender.poll_ready(cx).map(|ready| ready.is_ok()),
            false => Poll::Ready(false),
        })
        .await
    }

    async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, Unanswered> {
        let mut sending = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            let goes_on = self.drive(cx);
            if let Poll::Ready(answer) = sending.as_mut().poll(cx) {
                return Poll::Ready(answer.map_err(Unanswered::from));
            }
            if goes_on {
                return Poll::Pending;
            }
            // a connection that is dropped gives back what it did not begin with
            self.driver = None;
            let answer = match sending.as_mut().poll(cx) {
                Poll::Ready(answer) => answer.map_err(Unanswered::from),
                Poll::Pending => Err(Unanswered::ended()),
            };
            Poll::Ready(answer)
        })
        .await
    }

    /// Reads a body, `max` bytes at most.
    async fn read(
        &mut self,
        mut body: Incoming,
        max: usize,
        excess: Excess,
    ) -> Result<Bytes, Detail> {
        let too_large = || Detail::Io(format!("an answer is larger than {max} bytes"));
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > max && excess == Excess::Error {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(announced.min(MAX_REFUSAL));
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx, &mut body)).await {
            let frame = frame.map_err(|error| error::io(&error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = max - bytes.len();
            if data.len() > room && excess == Excess::Error {
                return Err(too_large());
            }
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                break;
            }
        }
        Ok(bytes.into())
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let told = |frame: Result<_, hyper::Error>| frame.map_err(io::Error::other);
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame.map(told));
        }
        let goes_on = self.drive(cx);
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(frame.map(told)),
            Poll::Pending if goes_on => Poll::Pending,
            Poll::Pending => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
struct Unanswered {
    /// The request, if nothing of it was written.
    unsent: Option<Box<Request<Payload>>>,
    detail: Detail,
}

impl Unanswered {
    fn ended() -> Self {
        let detail = Detail::Io(ENDED.to_owned());
        let unsent = None;
        Self { unsent, detail }
    }
}

impl From<TrySendError<Request<Payload>>> for Unanswered {
    fn from(mut error: TrySendError<Request<Payload>>) -> Self {
        Self {
            unsent: error.take_message().map(Box::new),
            detail: error::io(error.error()),
        }
    }
}
