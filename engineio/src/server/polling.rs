//! The long-polling half of a session: the waiting GET, the POST in progress, the queue.

use std::collections::VecDeque;

use super::{Reply, RequestId};
use crate::payload::{Decoder, Encoder};
use crate::{Batch, Frame, Packet};

/// What waits for a poll.
#[derive(Clone, Debug)]
pub(super) enum Queued {
    Control(Packet),
    Message(Frame),
}

/// A POST that was not answered yet.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) request: RequestId,
    /// The packets of its body, once that is there.
    pub(super) packets: Option<Decoder>,
}

#[derive(Debug, Default)]
pub(super) struct Polling {
    pub(super) get: Option<RequestId>,
    /// The GET that got the newest payload.
    pub(super) answered: Option<RequestId>,
    pub(super) post: Option<Post>,
    queue: VecDeque<Queued>,
    bytes: usize,
}

impl Polling {
    /// After a handshake that `request` asked for.
    pub(super) fn opened_by(request: RequestId) -> Self {
        Self {
            answered: Some(request),
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a packet of the session's own; one ping is enough.
    pub(super) fn push(&mut self, packet: Packet) {
        let same = |queued: &Queued| matches!(queued, Queued::Control(other) if *other == packet);
        if self.queue.iter().any(same) {
            return;
        }
        self.queue.push_back(Queued::Control(packet));
    }

    pub(super) fn push_batch(&mut self, batch: Batch) {
        self.bytes += batch.size();
        self.queue.extend(batch.into_iter().map(Queued::Message));
    }

    pub(super) fn take_queue(&mut self) -> VecDeque<Queued> {
        self.bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Moves what fits into one payload out of the queue.
    pub(super) fn payload(&mut self, max_bytes: usize) -> Reply {
        let mut encoder = Encoder::new(max_bytes);
        while let Some(queued) = self.queue.front() {
            match queued {
                Queued::Control(packet) => encoder.push(packet),
                Queued::Message(frame) if encoder.fits(frame.polling_len()) => {
                    self.bytes -= frame.len();
                    encoder.push_frame(frame);
                }
                Queued::Message(_) => break,
            }
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Reply::Payload(encoder.finish())
    }
}
