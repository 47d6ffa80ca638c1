//! Sending, from anywhere.

use std::future::poll_fn;
use std::task::Poll;

use super::{Handle, Seldom, wake};
use crate::{Batch, Frame, SendError};

impl Handle {
    /// Queues a batch. It leaves in order, together with what else this turn brings.
    ///
    /// A queue over its byte budget does not make this fail: it ends the session with
    /// [`CloseReason::SlowConsumer`](crate::CloseReason::SlowConsumer), because a hole in the middle is worse than an end.
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
    /// once against [`Options::memory_budget`](crate::net::server::Options::memory_budget).
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
}
