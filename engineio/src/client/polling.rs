//! The long-polling half of a session: one GET that waits, one POST at a time
//! (engine.io-protocol v4, "HTTP long-polling").

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::session::{CLOSING, Opening, State};
use super::{Detail, Output, RequestId, Session};
use crate::payload::Decoder;
use crate::{CloseReason, Packet};

/// Most bytes of several packets in one body for a server that does not say what it takes: those of
/// Socket.IO 3 and early 4 do not, and take this unless told otherwise.
const UNSAID_MAX_PAYLOAD: usize = 1_000_000;
const TOO_LARGE: u16 = 413;
/// How long polls go on when a POST has failed.
const LAST_POLLS: Duration = Duration::from_secs(1);

/// The requests that are out.
#[derive(Debug, Default)]
pub(super) struct Http {
    pub(super) get: Option<RequestId>,
    pub(super) post: Option<RequestId>,
}

/// Whether the server was told that the session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Due,
    Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Post,
}

impl Session {
    pub(super) fn on_answer(&mut self, now: Instant, request: RequestId, status: u16, body: Bytes) {
        match self.take_request(request) {
            None => {}
            // it is about this body, and not the end of anything at the server
            Some(_) if status == TOO_LARGE => {
                let detail = Detail::http(status, &body);
                self.fault(now, CloseReason::TransportError, Some(detail));
            }
            Some(method) if status != 200 => {
                let detail = Detail::http(status, &body);
                self.on_broken(now, method, Some(detail));
            }
            Some(Method::Get) => self.on_payload(now, body),
            // what stands in it is "ok", and nobody's business
            Some(Method::Post) => {}
        }
    }

    pub(super) fn on_failed(&mut self, now: Instant, request: RequestId) {
        if let Some(method) = self.take_request(request) {
            self.on_broken(now, method, None);
        }
    }

    /// A POST that failed ends the session, but polls may bring what the server had to say before it ended itself: they
    /// go on until one fails, or brings the close packet, or too much time has passed.
    fn on_broken(&mut self, now: Instant, method: Method, detail: Option<Detail>) {
        match &self.state {
            State::Polling { .. } if method == Method::Post => {
                self.broken = Some(detail);
                self.timers.set(CLOSING, now + LAST_POLLS);
            }
            _ => {
                let detail = self.broken.take().unwrap_or(detail);
                self.fault(now, CloseReason::TransportError, detail);
            }
        }
    }

    /// Strikes a request off those that are out; `None` when nobody waits for it.
    fn take_request(&mut self, request: RequestId) -> Option<Method> {
        match &mut self.state {
            State::Opening(opening) => match opening {
                Opening::Get(own) if *own == request => {
                    *opening = Opening::Over;
                    Some(Method::Get)
                }
                _ => None,
            },
            State::Polling { http, .. } | State::Closing { http, .. } => {
                if http.get.take_if(|own| *own == request).is_some() {
                    return Some(Method::Get);
                }
                http.post.take_if(|own| *own == request)?;
                Some(Method::Post)
            }
            State::Linked { .. } | State::Closed => None,
        }
    }

    fn on_payload(&mut self, now: Instant, body: Bytes) {
        // a server that answers nothing would be asked again at once, for ever
        if body.is_empty() {
            return self.fault(now, CloseReason::ParseError, None);
        }
        let Ok(packets) = Decoder::from_server(body, self.config.max_packets) else {
            return self.fault(now, CloseReason::ParseError, None);
        };
        for packet in packets {
            let goes_on = match packet {
                Ok(packet) => self.on_packet(now, packet),
                Err(_) => {
                    self.fault(now, CloseReason::ParseError, None);
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
    }

    /// Does what the state asks for, when there is nothing else to output.
    pub(super) fn work(&mut self, now: Instant) {
        let (http, upgrade, farewell) = match &self.state {
            State::Polling { http, upgrade } => (http, upgrade, None),
            State::Closing {
                http,
                upgrade,
                farewell,
            } => (http, upgrade, Some(*farewell)),
            State::Opening(_) | State::Linked { .. } | State::Closed => return,
        };
        let (polls, posts) = (http.get.is_some(), http.post.is_some());
        if self.broken.is_some() {
            if !polls {
                self.get();
            }
            return;
        }
        if let Some((link, kind)) = upgrade.pausing() {
            if !polls && !posts {
                self.move_to(now, link, kind);
            }
            return;
        }
        let is_steady = upgrade.link().is_none();
        match farewell {
            Some(Farewell::Said) if !posts => self.finish(CloseReason::ForcedClose, None),
            Some(Farewell::Due) if !posts && (is_steady || !self.outbox.is_empty()) => {
                self.post(Some(&Packet::Close).filter(|_| is_steady));
            }
            Some(_) => {}
            None => {
                if !polls {
                    self.get();
                }
                if !posts && !self.outbox.is_empty() {
                    self.post(None);
                }
            }
        }
    }

    /// Ends because of the POST that failed.
    pub(super) fn break_off(&mut self) {
        let detail = self.broken.take().flatten();
        self.finish(CloseReason::TransportError, detail);
    }

    fn get(&mut self) {
        let request = self.request();
        if let State::Polling { http, .. } = &mut self.state {
            http.get = Some(request);
            self.outputs.push_back(Output::Get { request });
        }
    }

    /// Sends what fits into one body, and `last` when it is all.
    fn post(&mut self, last: Option<&Packet>) {
        let max_payload = self.handshake().and_then(|open| open.max_payload());
        let (body, is_last) = self
            .outbox
            .payload(max_payload.unwrap_or(UNSAID_MAX_PAYLOAD), last);
        let request = self.request();
        match &mut self.state {
            State::Polling { http, .. } => http.post = Some(request),
            State::Closing { http, farewell, .. } => {
                http.post = Some(request);
                if is_last {
                    *farewell = Farewell::Said;
                }
            }
            State::Opening(_) | State::Linked { .. } | State::Closed => return,
        }
        self.outputs.push_back(Output::Post { request, body });
    }
}
