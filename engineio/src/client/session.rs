//! [`Session`].

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::outbox::Outbox;
use super::polling::{Farewell, Http};
use super::probe::Upgrade;
use super::{Config, Detail, Event, Input, LinkId, Output, RequestId};
use crate::timer::Timers;
use crate::{Batch, CloseReason, Data, Dialect, Frame, Open, Packet, SendError, Transport};

/// Room for outputs that an idle session keeps.
const KEPT: usize = 64;

pub(super) const OPEN: usize = 0;
pub(super) const HEARTBEAT: usize = 1;
pub(super) const UPGRADE: usize = 2;
pub(super) const CLOSING: usize = 3;

/// See the diagram in the [module](super).
#[derive(Debug)]
pub(super) enum State {
    Opening(Opening),
    /// Polling, Probing and Pausing: they differ in how far the upgrade is.
    Polling {
        http: Http,
        upgrade: Upgrade,
    },
    Linked {
        link: LinkId,
        kind: Transport,
    },
    /// Closed for the layer above; what it sent before still leaves.
    Closing {
        http: Http,
        upgrade: Upgrade,
        farewell: Farewell,
    },
    Closed,
}

/// What the handshake is expected of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    Get(RequestId),
    Link {
        link: LinkId,
        kind: Transport,
    },
    /// The GET was answered, or the link has ended: there is nothing to give up.
    Over,
}

/// One session. See the [module](super) for states and contract.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) state: State,
    pub(super) handshake: Option<Open>,
    pub(super) outbox: Outbox,
    pub(super) tried: usize,
    pub(super) detail: Option<Detail>,
    /// A POST has failed, and this was said: polls go on for a while, to hear the rest.
    pub(super) broken: Option<Option<Detail>>,
    names: u64,
    pub(super) timers: Timers<4>,
    pub(super) outputs: VecDeque<Output>,
}

impl Session {
    /// Starts with the first transport. Without any, the session is closed with
    /// [`CloseReason::TransportError`].
    #[must_use]
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let mut session = Self {
            config,
            state: State::Opening(Opening::Over),
            handshake: None,
            outbox: Outbox::default(),
            tried: 0,
            detail: None,
            broken: None,
            names: 0,
            timers: Timers::default(),
            outputs: VecDeque::new(),
        };
        session.try_transport(now, CloseReason::TransportError, None);
        session
    }

    /// What the server said when it opened the session: from [`Event::Opened`] on.
    #[must_use]
    pub fn handshake(&self) -> Option<&Open> {
        self.handshake.as_ref()
    }

    /// What was said when the session ended, if anything was.
    #[must_use]
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }

    /// The query of a request for `transport`, without what is the application's.
    #[must_use]
    pub fn query(&self, transport: Transport) -> String {
        let mut query = format!("EIO=4&transport={}", transport.name());
        if self.config.force_base64 {
            query.push_str("&b64=1");
        }
        if let Some(open) = &self.handshake {
            query.push_str("&sid=");
            query.push_str(open.sid().as_str());
        }
        query
    }

    /// What carries the session now, or has to open it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.state {
            State::Linked { kind, .. } | State::Opening(Opening::Link { kind, .. }) => kind,
            State::Opening(Opening::Get(_) | Opening::Over)
            | State::Polling { .. }
            | State::Closing { .. }
            | State::Closed => Transport::Polling,
        }
    }

    /// The link that carries the session, if one does.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        match self.state {
            State::Linked { link, .. } => Some(link),
            _ => None,
        }
    }

    /// Whether an upgrade is being tried.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        matches!(&self.state, State::Polling { upgrade, .. } if upgrade.link().is_some())
    }

    /// Whether a message would leave at once.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match &self.state {
            State::Linked { .. } => true,
            State::Polling { http, upgrade } => {
                http.post.is_none() && !upgrade.is_pausing() && self.broken.is_none()
            }
            State::Opening(_) | State::Closing { .. } | State::Closed => false,
        }
    }

    /// Bytes that wait to leave.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.outbox.bytes()
    }

    /// Whether nothing is left to do but to drain the outputs.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the server should have pinged before `now`: whoever sends after a sleep learns
    /// with it, before the timer fires, that nobody will read it.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        self.timers.at(HEARTBEAT).is_some_and(|at| at <= now)
    }

    /// Handles what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.handle_timeout(now);
        match input {
            Input::Answered {
                request,
                status,
                body,
            } => self.on_answer(now, request, status, body),
            Input::Failed { request } => self.on_failed(now, request),
            Input::LinkOpened { link } => self.on_link_opened(link),
            Input::Link { link, data } => self.on_link_data(now, link, data),
            Input::LinkClosed {
                link,
                reason,
                detail,
            } => self.on_link_closed(now, link, reason, detail),
        }
    }

    /// Fires the deadlines that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((timer, _)) = self.timers.expire(now) {
            match timer {
                OPEN => self.fault(now, CloseReason::TransportError, Some(Detail::OpenTimeout)),
                HEARTBEAT => self.finish(CloseReason::PingTimeout, None),
                UPGRADE => self.drop_probe(),
                _ if self.broken.is_some() => self.break_off(),
                _ => self.finish(CloseReason::ForcedClose, None),
            }
        }
    }

    /// Sends one batch: at once when [writable](Self::is_writable), else as soon as that is so.
    ///
    /// # Errors
    /// [`SendError::Closed`], or [`SendError::Full`] over `max_buffered`; nothing was taken then.
    pub fn send(&mut self, batch: Batch) -> Result<(), SendError> {
        match self.state {
            State::Linked { link, .. } => {
                self.write(link, batch);
                Ok(())
            }
            State::Opening(_) | State::Polling { .. } => {
                if self.outbox.bytes() + batch.size() > self.config.max_buffered {
                    return Err(SendError::Full);
                }
                self.outbox.push(batch);
                Ok(())
            }
            State::Closing { .. } | State::Closed => Err(SendError::Closed),
        }
    }

    /// Ends the session for `reason`. The layer above is told at once; what was sent before still
    /// leaves, unless the session was not open yet.
    pub fn close(&mut self, now: Instant, reason: CloseReason) {
        match mem::replace(&mut self.state, State::Closed) {
            // nothing of what it would say can be heard
            state @ State::Polling { .. } if self.broken.is_some() => {
                self.state = state;
                self.finish(reason, None);
            }
            State::Polling { http, upgrade } => {
                self.timers.stop(HEARTBEAT);
                self.timers.set(CLOSING, now + self.config.close_timeout);
                self.state = State::Closing {
                    http,
                    upgrade,
                    farewell: Farewell::Due,
                };
                self.outputs.push_back(Output::Event(Event::Closed(reason)));
            }
            state @ (State::Opening(_) | State::Linked { .. }) => {
                self.state = state;
                self.finish(reason, None);
            }
            state @ (State::Closing { .. } | State::Closed) => self.state = state,
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.work(now);
        }
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > KEPT {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    // Packets of the server

    /// Handles one; `false` when the session cannot take another from where it came.
    pub(super) fn on_packet(&mut self, now: Instant, packet: Packet) -> bool {
        let reason = match (&self.state, packet) {
            (State::Opening(_), Packet::Open(open)) => {
                self.on_open(now, open);
                return true;
            }
            (State::Opening(_), _) => CloseReason::ParseError,
            (_, Packet::Message(data)) => {
                self.on_message(data);
                return true;
            }
            (_, Packet::Ping { .. }) => {
                self.on_ping(now);
                return true;
            }
            (_, Packet::Noop) => return true,
            (_, Packet::Close) => CloseReason::TransportClose,
            (_, Packet::Open(_) | Packet::Pong { .. } | Packet::Upgrade) => CloseReason::ParseError,
        };
        self.fault(now, reason, None);
        false
    }

    fn on_message(&mut self, data: Data) {
        if !matches!(self.state, State::Closing { .. } | State::Closed) {
            self.outputs.push_back(Output::Event(Event::Message(data)));
        }
    }

    // Heartbeat (engine.io-protocol v4, "Heartbeat")

    fn on_ping(&mut self, now: Instant) {
        if !matches!(self.state, State::Closing { .. }) {
            self.restart_heartbeat(now);
            self.outputs.push_back(Output::Event(Event::Ping));
        }
        self.outbox.pong = true;
        if let State::Linked { link, .. } = self.state {
            self.write_queue(link);
        }
    }

    pub(super) fn restart_heartbeat(&mut self, now: Instant) {
        if let Some(open) = &self.handshake {
            let silence = open.ping_interval() + open.ping_timeout();
            self.timers.set(HEARTBEAT, now + silence);
        }
    }

    // Links

    pub(super) fn open_link(&mut self, kind: Transport) -> LinkId {
        self.names += 1;
        let link = LinkId::new(self.names);
        self.outputs.push_back(Output::OpenLink { link, kind });
        link
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.names += 1;
        RequestId::new(self.names)
    }

    pub(super) fn write_packet(&mut self, link: LinkId, packet: &'static str) {
        let frame = Frame::packet(packet);
        self.outputs.push_back(Output::Frame { link, frame });
    }

    pub(super) fn write(&mut self, link: LinkId, frames: impl IntoIterator<Item = Frame>) {
        let dialect = Dialect::V4.base64(self.config.force_base64);
        let frames = frames.into_iter().map(|frame| dialect.frame(frame));
        let frames = frames.map(|frame| Output::Frame { link, frame });
        self.outputs.extend(frames);
    }

    /// Writes all that waited.
    pub(super) fn write_queue(&mut self, link: LinkId) {
        if mem::take(&mut self.outbox.pong) {
            self.write_packet(link, "3");
        }
        let queue = self.outbox.take();
        self.write(link, queue);
    }
}
