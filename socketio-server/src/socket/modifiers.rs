//! [`Emitter`]: how an event shall go; and the wait for the end of a socket.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socketio_proto::{DisconnectReason, Event, FromArgs, IntoArgs};

use super::Socket;
use super::core::{End, How, SocketCore};
use crate::ack::AckFuture;
use crate::error::SendError;

/// Ready when the socket was disconnected.
pub(super) struct Closed<D> {
    pub(super) socket: Socket<D>,
}

impl<D> Future for Closed<D> {
    type Output = DisconnectReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        match &mut *self.socket.inner.core.end.lock() {
            End::Come { reason, .. } => Poll::Ready(*reason),
            End::Awaited(wakers) => {
                if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

/// A socket, and how an event shall go to it. Made by [`Socket::timeout`],
/// [`Socket::volatile`] and [`Socket::compress`].
#[derive(Clone, Copy)]
#[must_use = "nothing is sent before `emit`"]
pub struct Emitter<'a> {
    core: &'a SocketCore,
    timeout: Option<Duration>,
    volatile: bool,
}

impl fmt::Debug for Emitter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("timeout", &self.timeout)
            .field("volatile", &self.volatile)
            .finish_non_exhaustive()
    }
}

impl<'a> Emitter<'a> {
    pub(super) fn new(core: &'a SocketCore) -> Self {
        Self {
            core,
            timeout: None,
            volatile: false,
        }
    }

    /// How long [`Emitter::emit_with_ack`] waits, counted from then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The event may be lost: while something is still queued for the client, or its poll is
    /// not there.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Whether to compress, once a transport can; until then it changes nothing.
    pub fn compress(self, _: bool) -> Self {
        self
    }

    /// As [`Socket::emit`].
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.core.emit(event, payload, None, self.how())
    }

    /// As [`Socket::emit_with_ack`]. A volatile event that was lost is waited for in vain.
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> AckFuture<R> {
        self.core
            .emit_with_ack(event, payload, self.timeout, self.how())
    }

    /// As [`Socket::notify`].
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }

    /// As [`Socket::call`].
    pub fn call<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        self.emit_with_ack(E::NAME, event)
    }

    fn how(&self) -> How {
        if self.volatile {
            How::Volatile
        } else {
            How::Queue
        }
    }
}
