//! [`Job`]: an event whose handlers run, one after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use engineio::Text;
use socketio_proto::answer::Answered;
use socketio_proto::{AckId, EventErrorKind, RawArgs};

use crate::handler::{Incoming, Outcome, Running};
use crate::socket::SocketCore;
use crate::trace::Span;

/// What an event costs in the inbox beyond its bytes.
const EVENT_COST: usize = 64;

#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: Text,
    pub(super) args: RawArgs,
    pub(super) ack: Option<AckId>,
}

impl Event {
    pub(super) fn bytes(&self) -> usize {
        self.args.size() + self.name.len() + EVENT_COST
    }

    pub(super) fn incoming(&self, ack: Option<AckId>) -> Incoming {
        Incoming {
            name: self.name.clone(),
            args: self.args.clone(),
            ack,
        }
    }
}

/// An event whose handlers run, or `connect`.
pub(crate) struct Job {
    pub(super) event: Event,
    pub(super) future: Running,
    pub(super) stage: Stage,
    /// Whether the event is done with this stage.
    pub(super) last: bool,
    pub(super) answered: Answered,
    pub(super) span: Span,
}

/// Whose future a job is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connect handler of this number, or behind the last of them the loop of `serve`.
    Connect(usize),
    /// This step of `before_event`.
    Before(usize),
    /// This listener.
    Listener(usize),
}

impl Stage {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Connect(index) => Self::Connect(index + 1),
            Self::Before(index) => Self::Before(index + 1),
            Self::Listener(index) => Self::Listener(index + 1),
        }
    }
}

impl Job {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, socket: &SocketCore) -> Option<Outcome> {
        poll(&mut self.future, &self.span, cx, socket)
    }

    pub(crate) fn into_future(self) -> Running {
        self.future
    }
}

/// What the future came to, if it is done.
pub(super) fn poll(
    future: &mut Running,
    span: &Span,
    cx: &mut Context<'_>,
    socket: &SocketCore,
) -> Option<Outcome> {
    let poll = AssertUnwindSafe(|| span.run(|| future.as_mut().poll(cx, socket)));
    match catch_unwind(poll) {
        Ok(Poll::Pending) => None,
        Ok(Poll::Ready(result)) => Some(result),
        Err(panic) => Some(Err(EventErrorKind::panicked(&*panic))),
    }
}
