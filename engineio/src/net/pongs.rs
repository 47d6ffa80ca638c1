//! [`Pongs`]: answers to the pings of a WebSocket that were not written yet.

use std::collections::VecDeque;

use crate::Frame;

const OPCODE_PONG: u8 = 10;
/// Answers that wait for a peer which does not read; the newest are kept. The newest one alone would be enough for the
/// standard (RFC 6455, section 5.5.3), but peers that count their pongs send a few pings together.
const MAX_PONGS: usize = 16;

/// Oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pongs(VecDeque<Frame>);

impl Pongs {
    /// Answers a ping.
    pub(crate) fn push(&mut self, content: &[u8]) {
        if self.0.len() >= MAX_PONGS {
            self.0.pop_front();
        }
        self.0.push_back(Frame::control(OPCODE_PONG, content));
    }

    /// The next one to write. Whoever has none keeps no memory for them.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let pong = self.0.pop_front();
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
        pong
    }

    #[allow(dead_code, reason = "only clients ask")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_in_their_order_and_then_no_memory() {
        let mut pongs = Pongs::default();
        for n in 0..=MAX_PONGS as u8 {
            pongs.push(&[n]);
        }
        for n in 1..=MAX_PONGS as u8 {
            assert!(!pongs.is_empty());
            assert_eq!(pongs.pop(), Some(Frame::control(OPCODE_PONG, &[n])));
        }
        assert_eq!(pongs.pop(), None);
        assert_eq!(pongs.0.capacity(), 0);
    }
}
