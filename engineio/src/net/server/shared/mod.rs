//! What a session's task shares with everybody else: the outgoing queue and the mailbox, behind
//! one short lock. The machines stay with the task.

mod flushing;
mod sending;
mod task;

use std::sync::Arc;
use std::task::Waker;

use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use super::core::Core;
use super::io::Wire;
use super::metrics::Refused;
use super::queue::Queue;
use crate::net::sync::{Mutex, MutexGuard};
use crate::query::Terms;
use crate::server::{Input, Reply};
use crate::{CloseReason, Sid, Transport};

/// A message to the task.
#[derive(Debug)]
pub(super) enum Command {
    Input(Input),
    /// A request that waits for its reply.
    Request(Input, oneshot::Sender<Reply>),
    /// A WebSocket with this session's id, and whether it wants binary as base64.
    Wire(Wire, bool),
    Close(CloseReason),
}

/// Reaches one session from anywhere. Clones are cheap and keep no connection alive.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sid: Sid,
    terms: Terms,
    core: Arc<Core>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    commands: Vec<Command>,
    waker: Option<Waker>,
    /// The task runs, or was woken: it will look at everything here before it waits again.
    awake: bool,
    /// The layer above asked to be polled since it last was.
    called: bool,
    /// A poll waits or a WebSocket is open, and took all that was there.
    writable: bool,
    /// The task rests, and a poll would find nothing: it may wait in the mailbox.
    restful: bool,
    /// What the flusher may write to while the task sleeps and is `steady`.
    lent: Option<OwnedWriteHalf>,
    /// Messages are all that is to be written, and the task had nothing left.
    steady: bool,
    /// The flusher was told.
    listed: bool,
    /// Nothing more may be sent; requests are still heard.
    ended: bool,
    /// It was ended because its queue went over the hard budget.
    overflowed: bool,
    closed: bool,
    transport: Transport,
    seldom: Option<Box<Seldom>>,
}

/// What hardly any session has.
#[derive(Debug, Default)]
struct Seldom {
    /// Those who wait for room in the queue.
    producers: Vec<Waker>,
    /// What is known of the reason of its end.
    detail: Option<Box<str>>,
}

impl Handle {
    pub(super) fn new(sid: Sid, terms: Terms, core: Arc<Core>) -> Self {
        let state = State {
            queue: Queue::charged(&core.memory),
            commands: Vec::new(),
            waker: None,
            awake: true,
            called: false,
            writable: true,
            restful: false,
            lent: None,
            steady: false,
            listed: false,
            ended: false,
            overflowed: false,
            closed: false,
            transport: Transport::Polling,
            seldom: None,
        };
        Self {
            shared: Arc::new(Shared {
                sid,
                terms,
                core,
                state: Mutex::new(state),
            }),
        }
    }

    /// The session's secret name.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.shared.sid
    }

    pub(super) fn sid_ref(&self) -> &Sid {
        &self.shared.sid
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.shared.core
    }

    /// What the handshake settled.
    pub(super) fn terms(&self) -> Terms {
        self.shared.terms
    }

    fn budgets(&self) -> (usize, usize) {
        let options = &self.shared.core.options;
        (options.soft_budget, options.hard_budget)
    }

    /// Has the queue written: by the task if it runs anyway or has more to do than that, by the flusher otherwise. The
    /// lock is released first.
    fn write_soon(&self, mut state: MutexGuard<'_, State>) {
        if state.awake || !state.steady {
            return wake(state);
        }
        if std::mem::replace(&mut state.listed, true) {
            return;
        }
        drop(state);
        if !self.shared.core.flusher.add(self) {
            self.rouse();
        }
    }

    fn after_writing(&self, mut state: MutexGuard<'_, State>) {
        state.queue.settle();
        if state.seldom.is_some() && state.queue.bytes() <= self.budgets().0 / 2 {
            release(state);
        }
    }

    /// Ends the session. What was sent before still leaves, as far as the peer reads.
    pub fn close(&self, reason: CloseReason) {
        self.command(Command::Close(reason)).ok();
    }

    /// Makes the session's task call [`Upper::poll`](super::Upper::poll).
    pub fn wake(&self) {
        let mut state = self.shared.state.lock();
        state.called = true;
        wake(state);
    }

    /// What carries the session.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.shared.state.lock().transport
    }

    /// What is known of the reason why the session ended, in words for a log.
    #[must_use]
    pub fn close_detail(&self) -> Option<Box<str>> {
        self.shared.state.lock().seldom.as_ref()?.detail.clone()
    }

    /// Bytes that wait for the client.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.shared.state.lock().queue.bytes()
    }

    /// How many frames were ever queued: the position of the newest.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.state.lock().queue.pushed()
    }

    /// Whether the frame at `position` has left for the transport.
    #[must_use]
    pub fn has_sent(&self, position: u64) -> bool {
        self.shared.state.lock().queue.left() >= position
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().ended
    }

    /// Gives the command back when the session has ended.
    pub(super) fn command(&self, command: Command) -> Result<(), Command> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(command);
        }
        state.commands.push(command);
        wake(state);
        Ok(())
    }

    pub(super) fn count_refused(&self, why: Refused) {
        self.shared.core.counters.refused(why);
    }

    /// As [`Handle::command`], for a poll. Where there is nothing to tell it, the task sleeps
    /// on: the poll waits in the mailbox, and whoever has something wakes the task.
    pub(super) fn poll(&self, poll: Command) -> Result<(), Command> {
        let mut state = self.shared.state.lock();
        let parks = state.restful && !state.awake && !state.ended && state.queue.is_empty();
        if !parks {
            drop(state);
            return self.command(poll);
        }
        state.commands.push(poll);
        // a second poll is a fault, and the machine's to judge
        state.restful = false;
        state.writable = true;
        Ok(())
    }
}

/// Wakes the task unless it will run anyway; the lock is released first.
fn wake(mut state: MutexGuard<'_, State>) {
    if std::mem::replace(&mut state.awake, true) {
        return;
    }
    let waker = state.waker.clone();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Wakes those who wait for room; the lock is released first.
fn release(mut state: MutexGuard<'_, State>) {
    let seldom = state.seldom.as_mut();
    let producers = seldom.map(|seldom| std::mem::take(&mut seldom.producers));
    drop(state);
    producers.into_iter().flatten().for_each(Waker::wake);
}
