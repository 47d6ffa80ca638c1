//! What a session's task shares with everybody else: the outgoing queue and the mailbox, behind
//! one short lock. The machines stay with the task.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use super::core::Core;
use super::io::{Flush, Wire, write_now};
use super::metrics::Refused;
use super::queue::Queue;
use crate::net::sync::{Mutex, MutexGuard};
use crate::query::Terms;
use crate::server::{Input, Reply};
use crate::{Batch, CloseReason, Frame, SendError, Sid, Transport};

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

    /// Queues a batch. It leaves in order, together with what else this turn brings.
    ///
    /// A queue over its byte budget does not make this fail: it ends the session with
    /// [`CloseReason::SlowConsumer`], because a hole in the middle is worse than an end.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn send(&self, batch: impl IntoIterator<Item = Frame>) -> Result<(), SendError> {
        let mut state = self.shared.state.lock();
        if state.ended {
            return Err(SendError::Closed);
        }
        let before = state.queue.bytes();
        batch.into_iter().for_each(|frame| state.queue.push(frame));
        let pressed = state.queue.settle();
        let (soft, hard) = self.budgets();
        let bytes = state.queue.bytes();
        if bytes > hard {
            // the task may have no chance to run before the next thousand: it ends here
            (state.ended, state.overflowed) = (true, true);
            wake(state);
        } else if state.writable && bytes <= soft {
            self.write_soon(state);
        } else if state.writable || (before <= soft && bytes > soft) {
            wake(state);
        } else {
            drop(state);
        }
        if pressed {
            self.shared.core.relieve();
        }
        Ok(())
    }

    fn budgets(&self) -> (usize, usize) {
        let options = &self.shared.core.options;
        (options.soft_budget, options.hard_budget)
    }

    /// Waits until the queue is at most half of the soft budget. Cancel safe.
    ///
    /// # Errors
    /// [`SendError::Closed`], also when the session ends meanwhile.
    pub async fn ready(&self) -> Result<(), SendError> {
        let (soft, _) = self.budgets();
        poll_fn(|cx| {
            let mut state = self.shared.state.lock();
            if state.ended {
                return Poll::Ready(Err(SendError::Closed));
            }
            if state.queue.bytes() <= soft / 2 {
                return Poll::Ready(Ok(()));
            }
            let Seldom { producers, .. } = &mut **state.seldom.get_or_insert_default();
            if !producers.iter().any(|waker| waker.will_wake(cx.waker())) {
                producers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// The batch as one that goes to several sessions of this server: what they share counts
    /// once against [`Options::memory_budget`](super::Options::memory_budget).
    #[must_use]
    pub fn share(&self, batch: &Batch) -> Batch {
        let core = &self.shared.core;
        let shared = batch
            .clone()
            .map(|frame| frame.shared(|wire| core.memory.hold(wire)));
        // no single queue is charged for it, so that none would notice
        if core.memory.used() > core.memory.budget() {
            core.relieve();
        }
        shared
    }

    /// As [`Handle::send`], but takes nothing when the soft budget is used up.
    ///
    /// # Errors
    /// [`SendError::Closed`] and [`SendError::Full`].
    pub fn try_send(&self, batch: Batch) -> Result<(), SendError> {
        if !self.has_room(batch.size()) {
            return Err(SendError::Full);
        }
        self.send(batch)
    }

    /// Whether so many more bytes fit into the soft budget.
    #[must_use]
    pub fn has_room(&self, bytes: usize) -> bool {
        self.queued_bytes() + bytes <= self.budgets().0
    }

    /// As [`Handle::send`], but drops the batch (`false`) when it would have to wait: something
    /// of an earlier turn is still queued, or no poll is there to take it.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn send_volatile(&self, batch: impl IntoIterator<Item = Frame>) -> Result<bool, SendError> {
        let mut state = self.shared.state.lock();
        if state.ended {
            return Err(SendError::Closed);
        }
        if !state.writable {
            return Ok(false);
        }
        batch.into_iter().for_each(|frame| state.queue.push(frame));
        self.write_soon(state);
        Ok(true)
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

    // The flusher's side

    /// A number that tells sessions apart, roughly.
    pub(super) fn place(&self) -> usize {
        // allocations of this size are far apart
        Arc::as_ptr(&self.shared).addr() >> 8
    }

    /// Writes what is queued, if the task sleeps and would do nothing else.
    pub(super) fn write_now(&self) {
        let mut state = self.shared.state.lock();
        state.listed = false;
        // a task that became unsteady since it was listed has a frame of its own to finish first, and writes all the rest
        if state.awake || state.ended || !state.steady {
            return;
        }
        let State { lent, queue, .. } = &mut *state;
        let flush = match lent {
            Some(stream) => write_now(stream, queue),
            None => Flush::Stuck,
        };
        if flush != Flush::Done {
            (state.steady, state.writable) = (false, false);
            return wake(state);
        }
        self.after_writing(state);
    }

    /// Wakes the task for what is queued.
    pub(super) fn rouse(&self) {
        let mut state = self.shared.state.lock();
        state.listed = false;
        wake(state);
    }

    // The task's side

    /// Lends the writing half of the stream, until [`Handle::finish`].
    pub(super) fn lend(&self, half: OwnedWriteHalf) {
        self.shared.state.lock().lent = Some(half);
        self.shared.core.flusher.start();
    }

    pub(super) fn carried_by(&self, transport: Transport) {
        self.shared.state.lock().transport = transport;
    }

    /// Says why the session is about to end. The first word counts.
    pub(super) fn explain(&self, detail: impl Into<Box<str>>) {
        let mut state = self.shared.state.lock();
        let Seldom { detail: known, .. } = &mut **state.seldom.get_or_insert_default();
        if known.is_none() {
            *known = Some(detail.into());
        }
    }

    /// A turn of the task begins: from here on nobody needs to wake it. Exchanges `room`, which is
    /// empty, for what came since the last one; the layer above is polled after this.
    pub(super) fn begin(&self, cx: &Context<'_>, room: &mut Vec<Command>) {
        let mut state = self.shared.state.lock();
        (state.awake, state.called) = (true, false);
        std::mem::swap(&mut state.commands, room);
        if !state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// Whether the task may wait: nothing came that it can deal with now. A poll that comes
    /// meanwhile finds nothing where the task is `restful`.
    /// While it is `steady`, the flusher may write.
    pub(super) fn rest(&self, writable: bool, restful: bool, steady: bool) -> bool {
        let mut state = self.shared.state.lock();
        (state.writable, state.restful) = (writable, restful);
        state.steady = steady && writable && state.lent.is_some();
        let waiting = state.called || !state.commands.is_empty();
        let idle = !waiting && (!writable || state.queue.is_empty());
        state.awake = !idle;
        self.after_writing(state);
        idle
    }

    fn after_writing(&self, mut state: MutexGuard<'_, State>) {
        state.queue.settle();
        if state.seldom.is_some() && state.queue.bytes() <= self.budgets().0 / 2 {
            release(state);
        }
    }

    pub(super) fn with_queue<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> R {
        f(&mut self.shared.state.lock().queue)
    }

    /// Bytes that wait, and whether they were too many at a time.
    pub(super) fn load(&self) -> (usize, bool) {
        let state = self.shared.state.lock();
        (state.queue.bytes(), state.overflowed)
    }

    /// Nothing is sent from here on.
    pub(super) fn end(&self) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        release(state);
    }

    /// Bytes that wait, and whether the transport left some of them behind; `None` when the
    /// session has ended.
    pub(super) fn backlog(&self) -> Option<(bool, usize)> {
        let state = self.shared.state.lock();
        let stalled = !state.writable && !state.queue.is_empty();
        (!state.ended).then(|| (stalled, state.queue.bytes()))
    }

    /// Ends the session for its queue, which is given up: the server needs the memory.
    pub(super) fn evict(&self) {
        let mut state = self.shared.state.lock();
        (state.ended, state.overflowed) = (true, true);
        state.queue.give_up();
        wake(state);
    }

    /// Nothing is heard from here on. What nobody handled comes back, and what was lent.
    pub(super) fn finish(&self) -> (Queue, Vec<Command>, Option<OwnedWriteHalf>) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        state.closed = true;
        state.waker = None;
        (
            std::mem::take(&mut state.queue),
            std::mem::take(&mut state.commands),
            state.lent.take(),
        )
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
