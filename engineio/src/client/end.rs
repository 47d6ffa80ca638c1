//! The end of a session: what it has open is given up.

use std::mem;
use std::time::Instant;

use super::outbox::Outbox;
use super::polling::Http;
use super::probe::Upgrade;
use super::session::{Opening, State};
use super::{Detail, Event, Output, Session};
use crate::CloseReason;

impl Session {
    /// What carries the session broke, or the server broke the protocol.
    pub(super) fn fault(&mut self, now: Instant, reason: CloseReason, detail: Option<Detail>) {
        match self.state {
            State::Opening(opening) if self.config.try_all_transports => {
                self.give_up(opening);
                self.state = State::Opening(Opening::Over);
                self.try_transport(now, reason, detail);
            }
            _ => self.finish(reason, detail),
        }
    }

    fn give_up(&mut self, opening: Opening) {
        match opening {
            Opening::Get(request) => self.outputs.push_back(Output::Abandon { request }),
            Opening::Link { link, .. } => self.outputs.push_back(Output::CloseLink { link }),
            Opening::Over => {}
        }
    }

    /// Ends at once, and tells the layer above unless it knows.
    pub(super) fn finish(&mut self, reason: CloseReason, detail: Option<Detail>) {
        self.timers.stop_all();
        self.outbox = Outbox::default();
        self.broken = None;
        let mut is_told = false;
        match mem::replace(&mut self.state, State::Closed) {
            State::Opening(opening) => self.give_up(opening),
            State::Polling { http, upgrade } => self.give_up_polling(http, upgrade),
            State::Linked { link, .. } => self.outputs.push_back(Output::CloseLink { link }),
            State::Closing { http, upgrade, .. } => {
                self.give_up_polling(http, upgrade);
                is_told = true;
            }
            State::Closed => is_told = true,
        }
        if !is_told {
            self.detail = detail;
            self.outputs.push_back(Output::Event(Event::Closed(reason)));
        }
    }

    fn give_up_polling(&mut self, http: Http, upgrade: Upgrade) {
        let requests = [http.get, http.post].into_iter().flatten();
        let requests = requests.map(|request| Output::Abandon { request });
        self.outputs.extend(requests);
        let link = upgrade.link().map(|link| Output::CloseLink { link });
        self.outputs.extend(link);
    }
}
