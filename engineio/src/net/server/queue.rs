//! [`Queue`]: what waits for one client's transport.

use std::sync::Arc;

use super::frames::Frames;
use super::memory::{Charge, Memory};
use crate::{Batch, Frame};

/// Frames that wait for the transport, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: Frames,
    /// Bytes of the first frame that were written already.
    written: usize,
    /// What the frames have on the wire.
    bytes: usize,
    /// What they take in memory, without what they share with other queues.
    cost: usize,
    charge: Option<Charge>,
    /// Frames that ever came, and that left.
    pushed: u64,
    left: u64,
}

impl Queue {
    /// A queue whose bytes count against `memory`.
    pub(super) fn charged(memory: &Arc<Memory>) -> Self {
        Self {
            charge: Some(Charge::new(memory)),
            ..Self::default()
        }
    }

    /// Tells the server's memory what is held; `true` when that is too much.
    pub(super) fn settle(&mut self) -> bool {
        let cost = self.cost;
        self.charge
            .as_mut()
            .is_some_and(|charge| charge.settle(cost))
    }

    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.cost += cost(&frame);
        self.pushed += 1;
        self.frames.push(frame);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Frames that ever came: the position of the newest.
    pub(super) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Frames that have left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Forgets what waits, but for a frame that left in part.
    pub(super) fn give_up(&mut self) {
        let cut = self.frames.pop().filter(|_| self.is_cut());
        self.frames = Frames::default();
        cut.into_iter().for_each(|frame| self.frames.push(frame));
        self.bytes = self.frames.iter().map(Frame::len).sum();
        self.cost = self.frames.iter().map(cost).sum();
        self.settle();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The first frame, and how much of it is left.
    pub(super) fn first(&self) -> Option<&[u8]> {
        let first = self.frames.first();
        first.and_then(|frame| frame.wire().get(self.written..))
    }

    /// The newest frame that waits.
    pub(super) fn last(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// Copies small frames together, up to about `max` bytes.
    pub(super) fn gather(&self, max: usize, into: &mut Vec<u8>) {
        let mut skip = self.written;
        for frame in self.frames.iter() {
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
        while let Some(frame) = self.frames.first() {
            let left = frame.len() - self.written;
            if count < left {
                self.written += count;
                return;
            }
            count -= left;
            self.bytes -= frame.len();
            self.cost -= cost(frame);
            self.written = 0;
            self.left += 1;
            self.frames.pop();
        }
    }

    /// Gives the memory back that a burst left, if nothing waits.
    pub(super) fn shrink(&mut self) {
        self.frames.shrink();
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
        let frame = self.frames.pop()?;
        self.bytes -= frame.len();
        self.cost -= cost(&frame);
        self.left += 1;
        Some(frame)
    }
}

/// What a frame takes in memory because of this queue.
fn cost(frame: &Frame) -> usize {
    let own = if frame.is_shared() { 0 } else { frame.len() };
    size_of::<Frame>() + own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;

    fn frame(bytes: usize) -> Frame {
        Frame::message(&Data::Binary(vec![0; bytes].into()))
    }

    #[test]
    fn what_queues_share_counts_once_and_goes_with_the_last_of_them() {
        let memory = Memory::new(usize::MAX);
        let shared = frame(100_000).shared(|wire| memory.hold(wire));
        let mut queues: Vec<Queue> = Vec::new();
        queues.resize_with(100, || Queue::charged(&memory));
        for queue in &mut queues {
            queue.push(shared.clone());
            queue.settle();
        }
        let len = shared.len();
        drop(shared);
        assert_eq!(memory.used(), len);
        let last = queues.pop();
        drop(queues);
        assert_eq!(memory.used(), len);
        drop(last);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_queue_that_is_nearly_empty_is_not_counted_and_a_long_one_is() {
        let memory = Memory::new(20_000);
        let mut queue = Queue::charged(&memory);
        queue.push(frame(1000));
        assert!(!queue.settle());
        assert_eq!(memory.used(), 0);
        queue.push(frame(10_000));
        assert!(!queue.settle());
        assert_eq!(memory.used(), 8192);
        queue.push(frame(10_000));
        assert!(queue.settle(), "over the budget");
        while queue.take(1).is_some() {}
        queue.settle();
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_queue_that_is_given_up_keeps_the_frame_that_left_in_part() {
        let mut queue = Queue::default();
        queue.push(frame(10));
        queue.push(frame(20));
        queue.advance(5);
        queue.give_up();
        assert_eq!((queue.len(), queue.bytes()), (1, frame(10).len()));
        queue.advance(frame(10).len() - 5);
        queue.push(frame(20));
        queue.give_up();
        assert!(queue.is_empty());
    }
}
