//! What waits for a POST, or for the end of the upgrade.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::payload::Encoder;
use crate::{Batch, Frame, Packet};

pub(super) const PONG: Packet = Packet::Pong { probe: false };

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whether a ping has to be answered: before all else, and one answer is enough.
    pub(super) pong: bool,
    queue: VecDeque<Frame>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.pong && self.queue.is_empty()
    }

    pub(super) fn push(&mut self, batch: Batch) {
        self.bytes += batch.size();
        self.queue.extend(batch);
    }

    /// The messages, in order.
    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        self.bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Moves what fits into one body out of the queue; or is it `last`, when nothing is left, and
    /// tells so. It stands alone: Node's server ends a session at the packet that says so, before
    /// it has handled what stands in the same body.
    pub(super) fn payload(&mut self, max_bytes: usize, last: Option<&Packet>) -> (Bytes, bool) {
        let mut payload = Encoder::new(max_bytes);
        let is_last = self.is_empty();
        if std::mem::take(&mut self.pong) {
            payload.push(&PONG);
        }
        while let Some(frame) = self.queue.front()
            && payload.fits(frame.polling_len())
        {
            payload.push_frame(frame);
            self.bytes -= frame.len();
            self.queue.pop_front();
        }
        if !self.queue.is_empty() {
            return (payload.finish(), false);
        }
        self.queue = VecDeque::new();
        let last = last.filter(|_| is_last);
        if let Some(packet) = last {
            payload.push(packet);
        }
        (payload.finish(), last.is_some())
    }
}
