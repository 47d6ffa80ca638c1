//! [`AckFuture`]: waiting for the server's answer.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socketio_proto::client::EmitId;
use socketio_proto::{FromArgs, NamespaceId, RawArgs, SendError};
use tokio::sync::oneshot;

use crate::error::AckError;
use crate::order::Order;
use crate::shared::Handle;
use crate::sync::Arc;

/// The answer to an event, as the type `R` (its first argument; [`Args`](crate::Args) for
/// several).
///
/// The event is on its way already; dropping the future forgets the answer. It ends with the
/// answer, after 30 s (counted from when the event was sent; see [`AckFuture::timeout`]), or when
/// the connection ends after the event was sent. Cancel safe.
#[must_use = "dropping it forgets the answer"]
#[derive(Debug)]
pub struct AckFuture<R> {
    state: State,
    answer: PhantomData<fn() -> R>,
}

#[derive(Debug)]
enum State {
    Failed(SendError),
    Waiting {
        client: Arc<Handle>,
        namespace: NamespaceId,
        emit: EmitId,
        receiver: oneshot::Receiver<Result<RawArgs, AckError>>,
    },
}

impl<R> AckFuture<R> {
    pub(crate) fn failed(error: SendError) -> Self {
        Self {
            state: State::Failed(error),
            answer: PhantomData,
        }
    }

    pub(crate) fn waiting(
        client: Arc<Handle>,
        namespace: NamespaceId,
        emit: EmitId,
        receiver: oneshot::Receiver<Result<RawArgs, AckError>>,
    ) -> Self {
        let state = State::Waiting {
            client,
            namespace,
            emit,
            receiver,
        };
        Self {
            state,
            answer: PhantomData,
        }
    }

    /// Waits no longer than `timeout`, counted from now; with [retries](crate::Socket::retries),
    /// for the answer to each sending of the event. An event that was not sent by then is not sent.
    pub fn timeout(self, timeout: Duration) -> Self {
        if let State::Waiting {
            client,
            namespace,
            emit,
            ..
        } = &self.state
        {
            client.order(Order::LimitAck {
                namespace: namespace.clone(),
                emit: *emit,
                timeout,
            });
        }
        self
    }
}

impl<R: FromArgs> Future for AckFuture<R> {
    type Output = Result<R, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => Poll::Ready(Err(error.clone().into())),
            State::Waiting { receiver, .. } => {
                let answer = ready!(Pin::new(receiver).poll(cx));
                let args = answer.unwrap_or(Err(AckError::Disconnected))?;
                Poll::Ready(args.read().map_err(AckError::Decode))
            }
        }
    }
}
