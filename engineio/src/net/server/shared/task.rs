//! The side of a session's own task.

use std::task::Context;

use tokio::net::tcp::OwnedWriteHalf;

use super::{Command, Handle, Seldom, release, wake};
use crate::Transport;
use crate::net::server::queue::Queue;

impl Handle {
    /// Lends the writing half of the stream, until [`Handle::finish`].
    pub(in crate::net::server) fn lend(&self, half: OwnedWriteHalf) {
        self.shared.state.lock().lent = Some(half);
        self.shared.core.flusher.start();
    }

    pub(in crate::net::server) fn carried_by(&self, transport: Transport) {
        self.shared.state.lock().transport = transport;
    }

    /// Says why the session is about to end. The first word counts.
    pub(in crate::net::server) fn explain(&self, detail: impl Into<Box<str>>) {
        let mut state = self.shared.state.lock();
        let Seldom { detail: known, .. } = &mut **state.seldom.get_or_insert_default();
        if known.is_none() {
            *known = Some(detail.into());
        }
    }

    /// A turn of the task begins: from here on nobody needs to wake it. Exchanges `room`, which is
    /// empty, for what came since the last one; the layer above is polled after this.
    pub(in crate::net::server) fn begin(&self, cx: &Context<'_>, room: &mut Vec<Command>) {
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
    pub(in crate::net::server) fn rest(&self, writable: bool, restful: bool, steady: bool) -> bool {
        let mut state = self.shared.state.lock();
        (state.writable, state.restful) = (writable, restful);
        state.steady = steady && writable && state.lent.is_some();
        let waiting = state.called || !state.commands.is_empty();
        let idle = !waiting && (!writable || state.queue.is_empty());
        state.awake = !idle;
        self.after_writing(state);
        idle
    }

    pub(in crate::net::server) fn with_queue<R>(&self, f: impl FnOnce(&mut Queue) -> R) -> R {
        f(&mut self.shared.state.lock().queue)
    }

    /// Bytes that wait, and whether they were too many at a time.
    pub(in crate::net::server) fn load(&self) -> (usize, bool) {
        let state = self.shared.state.lock();
        (state.queue.bytes(), state.overflowed)
    }

    /// Nothing is sent from here on.
    pub(in crate::net::server) fn end(&self) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        release(state);
    }

    /// Bytes that wait, and whether the transport left some of them behind; `None` when the
    /// session has ended.
    pub(in crate::net::server) fn backlog(&self) -> Option<(bool, usize)> {
        let state = self.shared.state.lock();
        let stalled = !state.writable && !state.queue.is_empty();
        (!state.ended).then(|| (stalled, state.queue.bytes()))
    }

    /// Ends the session for its queue, which is given up: the server needs the memory.
    pub(in crate::net::server) fn evict(&self) {
        let mut state = self.shared.state.lock();
        (state.ended, state.overflowed) = (true, true);
        state.queue.give_up();
        wake(state);
    }

    /// Nothing is heard from here on. What nobody handled comes back, and what was lent.
    pub(in crate::net::server) fn finish(&self) -> (Queue, Vec<Command>, Option<OwnedWriteHalf>) {
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
