//! [`Questions`]: events of the server that wait for our answer.

use std::collections::BTreeMap;

use socketio_client::Incoming;

/// Most of them; the oldest are forgotten.
const MAX: usize = 10_000;
/// Most bytes of their arguments.
const MAX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Questions {
    given: u64,
    waiting: BTreeMap<u64, (usize, Incoming)>,
    bytes: usize,
}

impl Questions {
    /// Keeps an event of a namespace until it is answered: its `ack_id`.
    pub(crate) fn ask(&mut self, namespace: usize, event: Incoming) -> u64 {
        self.bytes += event.args().size();
        self.given += 1;
        self.waiting.insert(self.given, (namespace, event));
        while self.waiting.len() > MAX || self.bytes > MAX_BYTES && self.waiting.len() > 1 {
            let Some((_, (_, oldest))) = self.waiting.pop_first() else {
                break;
            };
            self.bytes -= oldest.args().size();
        }
        self.given
    }

    /// An `ack_id` for an event that needs no keeping.
    pub(crate) fn name(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    /// The event with that `ack_id`, once.
    pub(crate) fn take(&mut self, id: u64) -> Option<Incoming> {
        let (_, event) = self.waiting.remove(&id)?;
        self.bytes -= event.args().size();
        Some(event)
    }

    /// The server does not wait any more for a namespace that was disconnected.
    pub(crate) fn forget(&mut self, namespace: usize) {
        let mut bytes = 0;
        self.waiting.retain(|_, (own, event)| {
            let stays = *own != namespace;
            if stays {
                bytes += event.args().size();
            }
            stays
        });
        self.bytes = bytes;
    }
}
