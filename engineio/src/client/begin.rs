//! The beginning of a session: one transport after the other, until one of them opens.

use std::time::Instant;

use super::polling::Http;
use super::probe::Upgrade;
use super::session::{OPEN, Opening, State};
use super::{Detail, Event, Output, Session};
use crate::{CloseReason, Open, Transport};

impl Session {
    /// Tries the next transport; closes when there is none.
    pub(super) fn try_transport(
        &mut self,
        now: Instant,
        reason: CloseReason,
        detail: Option<Detail>,
    ) {
        let Some(kind) = self.config.transport(self.tried) else {
            return self.finish(reason, detail);
        };
        self.tried += 1;
        let opening = if kind == Transport::Polling {
            let request = self.request();
            self.outputs.push_back(Output::Get { request });
            Opening::Get(request)
        } else {
            let link = self.open_link(kind);
            Opening::Link { link, kind }
        };
        self.state = State::Opening(opening);
        self.timers.set(OPEN, now + self.config.open_timeout);
    }

    pub(super) fn on_open(&mut self, now: Instant, open: Open) {
        let next = self.upgrade_to(&open);
        self.handshake = Some(open);
        self.timers.stop(OPEN);
        self.restart_heartbeat(now);
        self.outputs.push_back(Output::Event(Event::Opened));
        match self.state {
            State::Opening(Opening::Link { link, kind }) => {
                self.state = State::Linked { link, kind };
                self.write_queue(link);
            }
            _ => {
                let upgrade = match next {
                    Some(kind) => self.dial(now, kind),
                    None => Upgrade::No,
                };
                let http = Http::default();
                self.state = State::Polling { http, upgrade };
            }
        }
    }
}
