//! The flusher's side of a session: it writes while the task sleeps.

use std::sync::Arc;

use super::{Handle, State, wake};
use crate::net::server::io::{Flush, write_now};

impl Handle {
    /// A number that tells sessions apart, roughly.
    pub(in crate::net::server) fn place(&self) -> usize {
        // allocations of this size are far apart
        Arc::as_ptr(&self.shared).addr() >> 8
    }

    /// Writes what is queued, if the task sleeps and would do nothing else.
    pub(in crate::net::server) fn write_now(&self) {
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
    pub(in crate::net::server) fn rouse(&self) {
        let mut state = self.shared.state.lock();
        state.listed = false;
        wake(state);
    }
}
