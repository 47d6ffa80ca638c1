//! [`Session`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::polling::{Polling, Post};
use super::{Event, First, Input, LinkId, Output, Reply};
use crate::payload::{self};
use crate::timer::Timers;
use crate::{
    Batch, CloseReason, Config, Data, Frame, HandshakeError, Open, Packet, SendError, Sid,
    Transport,
};

/// A poll may be overtaken by the close packet that its client sent after it, on another connection.
const CROSSING: Duration = Duration::from_millis(200);
/// A ping that leaves later than this counts from when it left: the process stood still.
const LATE: Duration = Duration::from_secs(1);

pub(super) const HEARTBEAT: usize = 0;
pub(super) const UPGRADE: usize = 1;
pub(super) const NOOP: usize = 2;
pub(super) const CLOSING: usize = 3;

#[derive(Debug)]
pub(super) enum State {
    Polling {
        polling: Polling,
        probe: Option<Probe>,
    },
    Linked {
        link: LinkId,
    },
    /// Closed for the layer above; the next poll carries what is left, and `farewell`.
    Closing {
        polling: Polling,
        farewell: &'static [Packet],
    },
    Closed,
}

#[derive(Debug)]
pub(super) struct Probe {
    pub(super) link: LinkId,
    pub(super) answered: bool,
    pub(super) packets: u8,
}

/// What the heartbeat timer is armed for.
#[derive(Debug)]
pub(super) enum Heartbeat {
    Ping,
    Pong { heard: bool, extended: bool },
}

/// One session. See the [module](super) for states and contract.
#[derive(Debug)]
pub struct Session {
    pub(super) sid: Sid,
    pub(super) config: Arc<Config>,
    pub(super) state: State,
    pub(super) heartbeat: Heartbeat,
    pub(super) heartbeat_held: bool,
    pub(super) timers: Timers<4>,
    pub(super) outputs: VecDeque<Output>,
}

impl Session {
    /// Answers the handshake: the open packet and [`Event::Opened`] are the first outputs.
    #[must_use]
    pub fn new(sid: Sid, config: Arc<Config>, first: First, now: Instant) -> Self {
        let mut timers = Timers::new();
        timers.set(HEARTBEAT, now + config.ping_interval);
        let mut outputs = VecDeque::new();
        let state = match first {
            First::Polling(request) => {
                let open = Packet::Open(Open::new(sid, &config, Transport::Polling));
                let reply = Reply::Payload(payload::encode([&open]));
                outputs.push_back(Output::Reply { request, reply });
                State::Polling {
                    polling: Polling::opened_by(request),
                    probe: None,
                }
            }
            First::Link(link) => {
                let open = Open::new(sid, &config, Transport::WebSocket).encode();
                outputs.push_back(Output::Frame {
                    link,
                    frame: Frame::packet(&open),
                });
                State::Linked { link }
            }
        };
        outputs.push_back(Output::Event(Event::Opened));
        let heartbeat = Heartbeat::Ping;
        Self {
            sid,
            config,
            state,
            heartbeat,
            heartbeat_held: false,
            timers,
            outputs,
        }
    }

    /// The session's secret name.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
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
            State::Linked { link } => Some(link),
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

    /// Bytes that wait for a poll.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Polling { polling, .. } | State::Closing { polling, .. } => polling.bytes(),
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
            Input::LinkOpened { link } => self.on_link_opened(now, link),
            Input::Link { link, data } => self.on_link_data(now, link, data),
            Input::LinkClosed { link, reason } => self.on_link_closed(link, reason),
        }
    }

    /// Fires the deadlines that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((timer, at)) = self.timers.expire(now) {
            match timer {
                HEARTBEAT => self.on_heartbeat(now, at),
                UPGRADE => self.drop_probe(),
                NOOP => self.reply_to_poll(Reply::Payload("6".into())),
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
            State::Linked { link } => {
                let link = *link;
                let frames = batch.into_iter().map(|frame| Output::Frame { link, frame });
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
                self.wait_for_last_poll(&[Packet::Noop, Packet::Close], reason);
                self.timers.set(CLOSING, now + self.config.close_timeout);
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

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    // Heartbeat (engine.io-protocol v4, "Heartbeat")

    pub(super) fn on_heartbeat(&mut self, now: Instant, at: Instant) {
        let timeout = self.config.ping_timeout;
        match &mut self.heartbeat {
            Heartbeat::Ping => {
                let sent = if now.duration_since(at) > LATE {
                    now
                } else {
                    at
                };
                self.heartbeat = Heartbeat::Pong {
                    heard: false,
                    extended: false,
                };
                self.timers.set(HEARTBEAT, sent + timeout);
                self.send_packet(Packet::Ping { probe: false });
            }
            Heartbeat::Pong { .. } if self.heartbeat_held => {
                self.timers.set(HEARTBEAT, now + timeout);
            }
            Heartbeat::Pong {
                heard: true,
                extended: extended @ false,
            } => {
                *extended = true;
                self.timers.set(HEARTBEAT, at + timeout);
            }
            Heartbeat::Pong { .. } => self.finish(CloseReason::PingTimeout),
        }
    }

    pub(super) fn on_pong(&mut self, now: Instant) {
        if matches!(self.heartbeat, Heartbeat::Pong { .. }) {
            self.restart_heartbeat(now);
        }
    }

    pub(super) fn restart_heartbeat(&mut self, now: Instant) {
        self.heartbeat = Heartbeat::Ping;
        self.timers.set(HEARTBEAT, now + self.config.ping_interval);
    }

    // Packets of the client

    pub(super) fn on_packet(&mut self, now: Instant, packet: Packet) {
        if let Heartbeat::Pong { heard, .. } = &mut self.heartbeat {
            *heard = true;
        }
        match packet {
            Packet::Message(data) => self.outputs.push_back(Output::Event(Event::Message(data))),
            Packet::Pong { .. } => self.on_pong(now),
            Packet::Close => self.on_peer_close(now),
            // since v4 the server pings; a client's ping is the wrong direction
            Packet::Ping { .. } => self.fault(CloseReason::TransportError),
            Packet::Open(_) => self.fault(CloseReason::ParseError),
            Packet::Upgrade | Packet::Noop => {}
        }
    }

    pub(super) fn on_peer_close(&mut self, now: Instant) {
        match &self.state {
            State::Polling { polling, .. } if polling.get.is_none() => {
                self.wait_for_last_poll(&[Packet::Noop], CloseReason::TransportClose);
                self.timers.set(CLOSING, now + CROSSING);
            }
            _ => {
                self.reply_to_poll(Reply::Payload("6".into()));
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

    // The end

    /// Tells everybody that waits, and the layer above.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        self.answer_post();
        match &mut self.state {
            State::Polling { polling, .. } => {
                if polling.get.is_some() {
                    polling.push(Packet::Close);
                    let reply = polling.payload(usize::MAX);
                    self.reply_to_poll(reply);
                }
                self.drop_probe();
            }
            State::Linked { link } => {
                let link = *link;
                self.outputs.push_back(Output::CloseLink { link });
            }
            State::Closing { .. } | State::Closed => return,
        }
        self.end();
        self.outputs.push_back(Output::Event(Event::Closed(reason)));
    }

    /// Closes for everybody but one more poll, which gets what is queued and `farewell`.
    pub(super) fn wait_for_last_poll(&mut self, farewell: &'static [Packet], reason: CloseReason) {
        self.drop_probe();
        self.answer_post();
        let State::Polling { polling, .. } = &mut self.state else {
            return;
        };
        let polling = std::mem::take(polling);
        self.state = State::Closing { polling, farewell };
        self.timers.stop_all();
        self.outputs.push_back(Output::Event(Event::Closed(reason)));
    }

    pub(super) fn end(&mut self) {
        self.state = State::Closed;
        self.timers.stop_all();
    }
}

pub(super) fn control_frame(packet: Packet) -> Frame {
    match packet.into_frame() {
        Data::Text(text) => Frame::packet(&text),
        data @ Data::Binary(_) => Frame::message(&data),
    }
}
