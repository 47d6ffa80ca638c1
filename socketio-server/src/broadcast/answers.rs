//! [`BroadcastAck`]: the answers of many.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use socketio_proto::{FromArgs, RawArgs, SocketId};

use crate::error::{AckError, SendError};
use crate::sync::{Arc, Mutex};

type Answer = (SocketId, Result<RawArgs, AckError>);

/// Where the answers to one broadcast come together.
#[derive(Debug)]
pub(crate) struct Collector(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In the order in which they came.
    answers: Vec<Answer>,
    /// How many are still to come.
    pending: usize,
    waker: Option<Waker>,
}

/// The place of one client's answer. Dropped without one, the client has left.
#[derive(Debug)]
pub(crate) struct Slot {
    collector: Arc<Collector>,
    socket: SocketId,
    answer: Option<Result<RawArgs, AckError>>,
}

impl Collector {
    /// Complete only after [`Collector::sent`]: the first answer may come before the last client
    /// was asked.
    pub(super) fn new() -> Arc<Self> {
        let state = State {
            pending: 1,
            ..State::default()
        };
        Arc::new(Self(Mutex::new(state)))
    }

    fn sent(&self) {
        self.0.lock().pending -= 1;
    }

    pub(super) fn slot(self: &Arc<Self>, socket: SocketId) -> Slot {
        self.0.lock().pending += 1;
        Slot {
            collector: Arc::clone(self),
            socket,
            answer: None,
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Vec<Answer>> {
        let mut state = self.0.lock();
        if state.pending == 0 {
            return Poll::Ready(std::mem::take(&mut state.answers));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Slot {
    pub(crate) fn end(mut self, answer: Result<RawArgs, AckError>) {
        self.answer = Some(answer);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let answer = self.answer.take().unwrap_or(Err(AckError::Disconnected));
        let waker = {
            let mut state = self.collector.0.lock();
            state.answers.push((self.socket.clone(), answer));
            state.pending -= 1;
            if state.pending > 0 {
                return;
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What the clients of a broadcast answered, or the peers of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers<R, Id = SocketId> {
    /// The answers, in the order in which they came.
    pub answers: Vec<(Id, R)>,
    /// Who did not answer, and why: late, gone, or with something that does not decode.
    pub missing: Vec<(Id, AckError)>,
}

impl<R, Id> Answers<R, Id> {
    /// The answers alone, if everybody gave one.
    ///
    /// # Errors
    /// All of it, when somebody did not: what came is not lost.
    pub fn complete(self) -> Result<Vec<R>, Self> {
        if self.missing.is_empty() {
            Ok(self.answers.into_iter().map(|(_, answer)| answer).collect())
        } else {
            Err(self)
        }
    }
}

/// The wait for the answers to a broadcast.
///
/// The event is on its way already; dropping the future forgets the answers. Every client's
/// place is filled by its answer, its deadline, or its disconnect, so that the wait always ends.
/// Cancel safe until it is ready.
#[must_use = "dropping it forgets the answers"]
pub struct BroadcastAck<R> {
    state: Result<Arc<Collector>, SendError>,
    answer: PhantomData<fn() -> R>,
}

impl<R> BroadcastAck<R> {
    pub(super) fn failed(error: SendError) -> Self {
        Self {
            state: Err(error),
            answer: PhantomData,
        }
    }

    pub(super) fn waiting(collector: Arc<Collector>) -> Self {
        collector.sent();
        Self {
            state: Ok(collector),
            answer: PhantomData,
        }
    }
}

impl<R> fmt::Debug for BroadcastAck<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastAck").finish_non_exhaustive()
    }
}

/// The answers, also where some are missing. `Err` only when nothing was sent.
impl<R: FromArgs> Future for BroadcastAck<R> {
    type Output = Result<Answers<R>, SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let collector = match &self.state {
            Ok(collector) => collector,
            Err(error) => return Poll::Ready(Err(error.clone())),
        };
        collector.poll(cx).map(|all| {
            let (mut answers, mut missing) = (Vec::new(), Vec::new());
            for (socket, answer) in all {
                match answer.and_then(|args| args.read().map_err(AckError::Decode)) {
                    Ok(answer) => answers.push((socket, answer)),
                    Err(error) => missing.push((socket, error)),
                }
            }
            Ok(Answers { answers, missing })
        })
    }
}
