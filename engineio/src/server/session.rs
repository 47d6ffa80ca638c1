//! [`Session`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::polling::{NOOP, Polling, UPGRADE};
use super::{Event, First, Input, LinkId, Output, Reply};
use crate::payload::Payload;
use crate::{
    Batch, CloseReason, Config, Data, Dialect, Frame, Open, Packet, Protocol, SendError, Sid,
    Spare, Transport,
};

/// What long-polling takes is apart: it would stay with every session that a WebSocket carries.
#[derive(Debug)]
pub(super) enum State {
    Polling {
        polling: Box<Polling>,
        probe: Option<Probe>,
    },
    Linked {
        link: LinkId,
        dialect: Dialect,
    },
    /// Closed for the layer above; the next poll carries what is left, and a farewell.
    Closing {
        polling: Box<Polling>,
    },
    Closed,
}

#[derive(Debug)]
pub(super) struct Probe {
    pub(super) link: LinkId,
    pub(super) dialect: Dialect,
    pub(super) answered: bool,
    pub(super) packets: u8,
}

/// What the heartbeat timer is armed for.
#[derive(Debug)]
pub(super) enum Heartbeat {
    /// Our next ping.
    Ping,
    /// The client's answer to it.
    Pong { heard: bool, extended: bool },
    /// The client's next ping, in revision 3.
    TheirPing,
}

/// One session. See the [module](super) for states and contract.
#[derive(Debug)]
pub struct Session {
    pub(super) config: Arc<Config>,
    /// How the client is spoken to on long-polling.
    pub(super) dialect: Dialect,
    pub(super) state: State,
    pub(super) heartbeat: Heartbeat,
    pub(super) heartbeat_held: bool,
    /// When the heartbeat has to be looked at.
    pub(super) heartbeat_at: Option<Instant>,
    pub(super) outputs: VecDeque<Output>,
}

impl Session {
    /// Answers the handshake of a client of today: the open packet and [`Event::Opened`] are the
    /// first outputs.
    #[must_use]
    pub fn new(sid: Sid, config: Arc<Config>, first: First, now: Instant) -> Self {
        Self::speaking(Dialect::V4, sid, config, first, now)
    }

    /// As [`Session::new`], for a client that is spoken to in `dialect`, for the whole life of
    /// the session.
    #[must_use]
    pub fn speaking(
        dialect: Dialect,
        sid: Sid,
        config: Arc<Config>,
        first: First,
        now: Instant,
    ) -> Self {
        let mut outputs = VecDeque::new();
        let state = match first {
            First::Polling(request) => {
                let open = Packet::Open(Open::new(sid, &config, Transport::Polling));
                let reply = single(dialect, &open);
                outputs.push_back(Output::Reply { request, reply });
                State::Polling {
                    polling: Box::new(Polling::opened_by(request)),
                    probe: None,
                }
            }
            First::Link(link) => {
                let open = Open::new(sid, &config, Transport::WebSocket).encode();
                outputs.push_back(Output::Frame {
                    link,
                    frame: Frame::packet(&open),
                });
                State::Linked { link, dialect }
            }
        };
        outputs.push_back(Output::Event(Event::Opened));
        let mut session = Self {
            config,
            dialect,
            state,
            heartbeat: Heartbeat::Ping,
            heartbeat_held: false,
            heartbeat_at: None,
            outputs,
        };
        session.restart_heartbeat(now);
        session
    }

    /// The revision that the session speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.dialect.protocol
    }

    /// What carries the session now.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.state {
            State::Linked { .. } => Transport::WebSocket,
            State::Polling { .. } | State::Closing { .. } | State::Closed => Transport::Polling,
        }
    }

    /// The WebSocket that carries the session, if one does.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        match self.state {
            State::Linked { link, .. } => Some(link),
            State::Polling { .. } | State::Closing { .. } | State::Closed => None,
        }
    }

    /// Whether an upgrade is being tried.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::Polling { probe: Some(_), .. })
    }

    /// Whether a message would leave at once: a WebSocket, or a poll that waits.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match &self.state {
            State::Linked { .. } => true,
            State::Polling { polling, .. } => polling.get.is_some(),
            State::Closing { .. } | State::Closed => false,
        }
    }

    /// Whether a poll that came now would wait and change nothing else.
    #[must_use]
    pub fn would_wait(&self) -> bool {
        match &self.state {
            State::Polling {
                polling,
                probe: None,
            } => polling.get.is_none() && polling.is_empty() && self.outputs.is_empty(),
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => false,
        }
    }

    /// Bytes that wait for a poll.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Polling { polling, .. } | State::Closing { polling } => polling.bytes(),
            State::Linked { .. } | State::Closed => 0,
        }
    }

    /// Whether nothing is left to do but to drain the outputs.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Handles what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.handle_timeout(now);
        self.drain_post(now);
        match input {
            Input::Poll { request } => self.on_poll(now, request),
            Input::PollDropped { request } => self.on_poll_dropped(request),
            Input::Post { request } => self.on_post(request),
            Input::PostBody { request, body } => {
                self.on_post_body(request, body);
            }
            Input::PostFailed { request, failure } => self.on_post_failed(request, failure),
            Input::LinkOpened { link, base64 } => self.on_link_opened(now, link, base64),
            Input::Link { link, data } => self.on_link_data(now, link, data),
            Input::LinkClosed { link, reason } => self.on_link_closed(link, reason),
        }
    }

    /// Fires the deadlines that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(at) = self.poll_timeout().filter(|at| *at <= now) {
            if self.heartbeat_at == Some(at) {
                self.heartbeat_at = None;
                self.on_heartbeat(now, at);
                continue;
            }
            let timer = match &mut self.state {
                State::Polling { polling, .. } | State::Closing { polling } => {
                    polling.timers.expire(now)
                }
                State::Linked { .. } | State::Closed => None,
            };
            match timer {
                Some((UPGRADE, _)) => self.drop_probe(),
                Some((NOOP, _)) => self.free_poll(),
                _ => self.end(),
            }
        }
    }

    /// Sends one batch: at once when [writable](Self::is_writable), else with the next poll.
    ///
    /// # Errors
    /// [`SendError::Closed`], or [`SendError::Full`] over `max_buffered`; nothing was taken then.
    pub fn send(&mut self, batch: Batch) -> Result<(), SendError> {
        match &mut self.state {
            State::Linked { link, dialect } => {
                let (link, dialect) = (*link, *dialect);
                let frames = batch.into_iter().map(|frame| dialect.frame(frame));
                let frames = frames.map(|frame| Output::Frame { link, frame });
                self.outputs.extend(frames);
                Ok(())
            }
            State::Polling { polling, .. } => {
                if polling.bytes() + batch.size() > self.config.max_buffered {
                    return Err(SendError::Full);
                }
                polling.push_batch(batch);
                Ok(())
            }
            State::Closing { .. } | State::Closed => Err(SendError::Closed),
        }
    }

    /// Ends the session for `reason`.
    ///
    /// What was sent before still goes out where a poll waits or a WebSocket is open. Without a
    /// waiting poll an intentional close ([`CloseReason::ForcedClose`]) is kept for the next one.
    pub fn close(&mut self, now: Instant, reason: CloseReason) {
        match &mut self.state {
            State::Polling { polling, .. }
                if polling.get.is_none() && reason == CloseReason::ForcedClose =>
            {
                let until = now + self.config.close_timeout;
                self.wait_for_last_poll(&[Packet::Noop, Packet::Close], reason, until);
            }
            State::Polling { .. } | State::Linked { .. } => self.finish(reason),
            State::Closing { .. } | State::Closed => {}
        }
    }

    /// Stops judging a missing pong while the layer above does not read (`true`), and starts
    /// again (`false`).
    pub fn hold_heartbeat(&mut self, held: bool) {
        self.heartbeat_held = held;
    }

    /// The next thing to do.
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if !self.step_post(now) {
                break;
            }
        }
        self.flush();
        self.outputs.pop_front()
    }

    /// Lets outputs stand in the memory of `spare`, unless some stand in its own.
    pub fn borrow_memory(&mut self, spare: &mut Spare<Output>) {
        spare.lend(&mut self.outputs);
    }

    /// Keeps no memory for outputs, when they are drained.
    pub fn return_memory(&mut self, spare: &mut Spare<Output>) {
        spare.take_back(&mut self.outputs);
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let polling = match &self.state {
            State::Polling { polling, .. } | State::Closing { polling } => polling.timers.next(),
            State::Linked { .. } | State::Closed => None,
        };
        self.heartbeat_at.into_iter().chain(polling).min()
    }

    pub(super) fn on_packet(&mut self, now: Instant, packet: Packet) {
        if let Heartbeat::Pong { heard, .. } = &mut self.heartbeat {
            *heard = true;
        }
        match packet {
            Packet::Message(data) => self.outputs.push_back(Output::Event(Event::Message(data))),
            Packet::Close => self.on_peer_close(now),
            Packet::Ping { .. } | Packet::Pong { .. } => self.on_heartbeat_packet(now, &packet),
            Packet::Open(_) => self.fault(CloseReason::ParseError),
            Packet::Upgrade | Packet::Noop => {}
        }
    }
}

/// A payload of one packet that has no binary form.
pub(super) fn single(dialect: Dialect, packet: &Packet) -> Reply {
    let mut payload = Payload::new(dialect, false, usize::MAX);
    payload.push(packet);
    Reply::Payload(payload.finish().0)
}

pub(super) fn control_frame(packet: Packet) -> Frame {
    match packet.into_frame() {
        Data::Text(text) => Frame::packet(&text),
        data @ Data::Binary(_) => Frame::message(&data),
    }
}
