//! What a session's task shares with everybody else: the outgoing queue and the mailbox, behind
//! one short lock. The machines stay with the task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::sync::oneshot;

use super::io::Wire;
use crate::net::sync::Mutex;
use crate::server::{Input, Reply};
use crate::{Batch, CloseReason, Frame, SendError, Sid};

/// How much may wait for a client that does not read, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) soft: usize,
    pub(super) hard: usize,
}

/// A message to the task.
#[derive(Debug)]
pub(super) enum Command {
    Input(Input),
    /// A request that waits for its reply.
    Request(Input, oneshot::Sender<Reply>),
    /// A WebSocket with this session's id.
    Wire(Wire),
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
    budget: Budget,
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
    /// Nothing more may be sent; requests are still heard.
    ended: bool,
    /// It was ended because its queue went over the hard budget.
    overflowed: bool,
    closed: bool,
}

/// Frames that wait for the transport, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that were written already.
    written: usize,
    bytes: usize,
    /// Frames that ever came, and that left.
    pushed: u64,
    left: u64,
}

impl Queue {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.pushed += 1;
        self.frames.push_back(frame);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The first frame, and how much of it is left.
    pub(super) fn first(&self) -> Option<&[u8]> {
        self.frames
            .front()
            .and_then(|frame| frame.wire().get(self.written..))
    }

    /// Copies small frames together, up to about `max` bytes.
    pub(super) fn gather(&self, max: usize, into: &mut Vec<u8>) {
        let mut skip = self.written;
        for frame in &self.frames {
            let part = frame.wire().get(skip..).unwrap_or_default();
            if !into.is_empty() && into.len() + part.len() > max {
                break;
            }
            into.extend_from_slice(part);
            skip = 0;
        }
    }

    /// Forgets `count` bytes that were written.
    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some(frame) = self.frames.front() {
            let left = frame.len() - self.written;
            if count < left {
                self.written += count;
                return;
            }
            count -= left;
            self.bytes -= frame.len();
            self.written = 0;
            self.left += 1;
            self.frames.pop_front();
        }
        if self.frames.capacity() > 64 {
            self.frames = VecDeque::new();
        }
    }

    /// Whether the first frame left in part, so that nothing may come in between.
    pub(super) fn is_cut(&self) -> bool {
        self.written > 0
    }

    /// Takes whole frames of about `max` bytes out, for a long-polling payload.
    pub(super) fn take(&mut self, max: usize) -> Option<Batch> {
        let first = self.pop()?;
        let mut bytes = first.len();
        let mut rest = Vec::new();
        while bytes < max
            && let Some(frame) = self.pop()
        {
            bytes += frame.len();
            rest.push(frame);
        }
        Some(Batch::new(first, rest))
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        self.left += 1;
        Some(frame)
    }
}

impl Handle {
    pub(super) fn new(sid: Sid, budget: Budget) -> Self {
        let state = State {
            queue: Queue::default(),
            commands: Vec::new(),
            waker: None,
            awake: true,
            called: false,
            writable: true,
            ended: false,
            overflowed: false,
            closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                sid,
                budget,
                state: Mutex::new(state),
            }),
        }
    }

    /// The session's secret name.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.shared.sid
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
        let before = state.queue.bytes;
        batch.into_iter().for_each(|frame| state.queue.push(frame));
        let Budget { soft, hard } = self.shared.budget;
        if state.queue.bytes > hard {
            // the task may have no chance to run before the next thousand: it ends here
            (state.ended, state.overflowed) = (true, true);
            wake(state);
            return Ok(());
        }
        let crossed = |limit| before <= limit && state.queue.bytes > limit;
        if state.writable || crossed(soft) {
            wake(state);
        }
        Ok(())
    }

    /// As [`Handle::send`], but takes nothing when the soft budget is used up.
    ///
    /// # Errors
    /// [`SendError::Closed`] and [`SendError::Full`].
    pub fn try_send(&self, batch: Batch) -> Result<(), SendError> {
        if self.queued_bytes() + batch.size() > self.shared.budget.soft {
            return Err(SendError::Full);
        }
        self.send(batch)
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
        wake(state);
        Ok(true)
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

    /// Bytes that wait for the client.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.shared.state.lock().queue.bytes
    }

    /// How many frames were ever queued: the position of the newest.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.state.lock().queue.pushed
    }

    /// Whether the frame at `position` has left for the transport.
    #[must_use]
    pub fn has_sent(&self, position: u64) -> bool {
        self.shared.state.lock().queue.left >= position
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

    // The task's side

    /// The task starts to run: from here on nobody needs to wake it.
    pub(super) fn begin(&self, cx: &Context<'_>) {
        let mut state = self.shared.state.lock();
        state.awake = true;
        if !state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// What came since the last turn. The layer above is polled after this.
    pub(super) fn take_commands(&self) -> Vec<Command> {
        let mut state = self.shared.state.lock();
        state.called = false;
        std::mem::take(&mut state.commands)
    }

    /// Whether the task may wait: nothing came that it can deal with now.
    pub(super) fn rest(&self, writable: bool) -> bool {
        let mut state = self.shared.state.lock();
        state.writable = writable;
        let waiting = state.called || !state.commands.is_empty();
        let idle = !waiting && (!writable || state.queue.is_empty());
        state.awake = !idle;
        idle
    }

    pub(super) fn with_queue<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> R {
        f(&mut self.shared.state.lock().queue)
    }

    /// Bytes that wait, and whether they were too many at a time.
    pub(super) fn load(&self) -> (usize, bool) {
        let state = self.shared.state.lock();
        (state.queue.bytes, state.overflowed)
    }

    /// Nothing is sent from here on.
    pub(super) fn end(&self) {
        self.shared.state.lock().ended = true;
    }

    /// Nothing is heard from here on. What nobody handled comes back.
    pub(super) fn finish(&self) -> (Queue, Vec<Command>) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        state.closed = true;
        state.waker = None;
        (
            std::mem::take(&mut state.queue),
            std::mem::take(&mut state.commands),
        )
    }
}

/// Wakes the task unless it will run anyway; the lock is released first.
fn wake(mut state: std::sync::MutexGuard<'_, State>) {
    if std::mem::replace(&mut state.awake, true) {
        return;
    }
    let waker = state.waker.clone();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
