//! Sockets with a modifier: a deadline for answers, events that may be lost; and the wait for the
//! end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socketio_proto::{DisconnectReason, FromArgs, IntoArgs};

use super::Socket;
use super::core::{How, SocketCore};
use crate::ack::AckFuture;
use crate::error::SendError;

/// Ready when the socket was disconnected.
pub(super) struct Closed<D> {
    pub(super) socket: Socket<D>,
}

impl<D> Future for Closed<D> {
    type Output = DisconnectReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        let mut end = self.socket.inner.core.end.lock();
        if let Some(reason) = end.reason {
            return Poll::Ready(reason);
        }
        if !end.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            end.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A socket with a deadline for answers. Made by [`Socket::timeout`].
#[derive(Clone, Copy)]
#[must_use = "nothing is sent before `emit_with_ack`"]
pub struct WithTimeout<'a> {
    pub(super) core: &'a SocketCore,
    pub(super) timeout: Duration,
}

impl fmt::Debug for WithTimeout<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithTimeout")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl WithTimeout<'_> {
    /// As [`Socket::emit_with_ack`], with the deadline counted from now.
    pub fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> AckFuture<R> {
        self.core.emit_with_ack(event, payload, Some(self.timeout))
    }
}

/// A socket whose events may be lost. Made by [`Socket::volatile`].
#[derive(Clone, Copy)]
#[must_use = "nothing is sent before `emit`"]
pub struct Volatile<'a> {
    pub(super) core: &'a SocketCore,
}

impl fmt::Debug for Volatile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volatile").finish_non_exhaustive()
    }
}

impl Volatile<'_> {
    /// As [`Socket::emit`], unless the client does not keep up.
    ///
    /// # Errors
    /// As [`Socket::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.core.emit(event, payload, None, How::Volatile)
    }
}
