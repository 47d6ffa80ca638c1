//! Waiting for a client's answer.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use socketio_proto::{AckId, FromArgs, NamespaceId, RawArgs};
use tokio::sync::oneshot;

use crate::broadcast::Slot;
use crate::clock;
use crate::connection::{Command, Connection};
use crate::core::Core;
use crate::error::AckError;
use crate::sync::{Arc, Ordering};

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// This long after the event has left, which is known by its position in the queue.
    AfterSending { position: u64, wait: Duration },
    /// Until then.
    Until(Instant),
}

/// Gets the answer, or the reason why there is none. Exactly once.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) patience: Patience,
    pending: Pending,
    goes_to: GoesTo,
}

/// Counts an answer as awaited, from the moment that somebody asks for it.
#[derive(Debug)]
struct Pending(Arc<Core>);

impl Pending {
    fn new(server: &Arc<Core>) -> Self {
        server.pending_acks.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(server))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending_acks.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
enum GoesTo {
    One(oneshot::Sender<Result<RawArgs, AckError>>),
    /// One of the answers to a broadcast.
    Collector(Slot),
}

impl Waiter {
    pub(crate) fn new(
        server: &Arc<Core>,
        patience: Patience,
    ) -> (Self, oneshot::Receiver<Result<RawArgs, AckError>>) {
        let (sender, receiver) = oneshot::channel();
        let waiter = Self {
            patience,
            pending: Pending::new(server),
            goes_to: GoesTo::One(sender),
        };
        (waiter, receiver)
    }

    pub(crate) fn collecting(server: &Arc<Core>, slot: Slot, until: Instant) -> Self {
        Self {
            patience: Patience::Until(until),
            pending: Pending::new(server),
            goes_to: GoesTo::Collector(slot),
        }
    }

    pub(crate) fn end(self, result: Result<RawArgs, AckError>) {
        let Self {
            pending, goes_to, ..
        } = self;
        // whoever has the answer does not find it counted
        drop(pending);
        match goes_to {
            GoesTo::One(sender) => drop(sender.send(result)),
            GoesTo::Collector(slot) => slot.end(result),
        }
    }
}

/// The answer to an event, as the type `R` (its first argument; [`Args`](socketio_proto::Args)
/// for several).
///
/// The event is on its way already; dropping the future forgets the answer. It ends with the
/// answer, after 30 s (counted from when the event has left; see [`AckFuture::timeout`]), or
/// when the socket disconnects. Cancel safe.
#[must_use = "dropping it forgets the answer"]
#[derive(Debug)]
pub struct AckFuture<R> {
    state: State,
    answer: PhantomData<fn() -> R>,
}

#[derive(Debug)]
enum State {
    Failed(AckError),
    Waiting {
        connection: Arc<Connection>,
        namespace: NamespaceId,
        id: AckId,
        receiver: oneshot::Receiver<Result<RawArgs, AckError>>,
    },
}

impl<R> AckFuture<R> {
    pub(crate) fn failed(error: AckError) -> Self {
        Self {
            state: State::Failed(error),
            answer: PhantomData,
        }
    }

    pub(crate) fn waiting(
        connection: Arc<Connection>,
        namespace: NamespaceId,
        id: AckId,
        receiver: oneshot::Receiver<Result<RawArgs, AckError>>,
    ) -> Self {
        let state = State::Waiting {
            connection,
            namespace,
            id,
            receiver,
        };
        Self {
            state,
            answer: PhantomData,
        }
    }

    /// Waits no longer than `timeout`, counted from now.
    pub fn timeout(self, timeout: Duration) -> Self {
        if let State::Waiting {
            connection,
            namespace,
            id,
            ..
        } = &self.state
        {
            connection.command(Command::LimitAck {
                namespace: namespace.clone(),
                id: *id,
                until: clock::now() + timeout,
            });
        }
        self
    }
}

impl<R: FromArgs> Future for AckFuture<R> {
    type Output = Result<R, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => Poll::Ready(Err(error.clone())),
            State::Waiting { receiver, .. } => {
                let answer = ready!(Pin::new(receiver).poll(cx));
                let args = answer.unwrap_or(Err(AckError::Disconnected))?;
                Poll::Ready(args.read().map_err(AckError::Decode))
            }
        }
    }
}
