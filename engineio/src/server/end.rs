//! The end of a session: who still waits for something, and what they get.

use std::time::{Duration, Instant};

use super::polling::{CLOSING, Post};
use super::session::State;
use super::{Event, Output, Session};
use crate::{CloseReason, HandshakeError, Packet};

/// A poll may be overtaken by the close packet that its client sent after it, on another connection.
const CROSSING: Duration = Duration::from_millis(200);

impl Session {
    pub(super) fn on_peer_close(&mut self, now: Instant) {
        match &self.state {
            State::Polling { polling, .. } if polling.get.is_none() => {
                let reason = CloseReason::TransportClose;
                self.wait_for_last_poll(&[Packet::Noop], reason, now + CROSSING);
            }
            _ => {
                self.free_poll();
                self.finish(CloseReason::TransportClose);
            }
        }
    }

    /// The peer broke the protocol: its POST, if one is in progress, gets an error.
    pub(super) fn fault(&mut self, reason: CloseReason) {
        if let Some(Post { request, .. }) = self.take_post() {
            self.refuse(request, HandshakeError::BadRequest);
        }
        self.finish(reason);
    }

    /// Tells everybody that waits, and the layer above.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        self.answer_post();
        match &mut self.state {
            State::Polling { polling, .. } => {
                if polling.get.is_some() {
                    polling.push(Packet::Close);
                    let reply = polling.payload(self.dialect, usize::MAX);
                    self.reply_to_poll(reply);
                }
                self.drop_probe();
            }
            State::Linked { link, .. } => {
                let link = *link;
                self.outputs.push_back(Output::CloseLink { link });
            }
            State::Closing { .. } | State::Closed => return,
        }
        self.end();
        self.outputs.push_back(Output::Event(Event::Closed(reason)));
    }

    /// Closes for everybody but one more poll, which gets what is queued and `farewell` if it comes
    /// in time.
    pub(super) fn wait_for_last_poll(
        &mut self,
        farewell: &'static [Packet],
        reason: CloseReason,
        until: Instant,
    ) {
        self.drop_probe();
        self.answer_post();
        let State::Polling { polling, .. } = &mut self.state else {
            return;
        };
        let mut polling = std::mem::take(polling);
        polling.timers.stop_all();
        polling.timers.set(CLOSING, until);
        polling.farewell = farewell;
        self.state = State::Closing { polling };
        self.heartbeat_at = None;
        self.outputs.push_back(Output::Event(Event::Closed(reason)));
    }

    pub(super) fn end(&mut self) {
        self.state = State::Closed;
        self.heartbeat_at = None;
    }
}
