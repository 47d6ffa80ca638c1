//! [`Session`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::polling::{Polling, Post, Queued};
use super::{Event, First, Input, LinkId, Output, PostFailure, Reply, RequestId};
use crate::payload::{self, Decoder};
use crate::timer::Timers;
use crate::{
    Batch, CloseReason, Config, Data, DecodeError, Frame, HandshakeError, Open, Packet, SendError,
    Sid, Transport,
};

/// A client waits this long for the NOOP that lets it finish an upgrade: Node looks every
/// 100 ms, and clients count on not being answered at once.
const NOOP_DELAY: Duration = Duration::from_millis(100);
/// A poll may be overtaken by the close packet that its client sent after it, on another connection.
const CROSSING: Duration = Duration::from_millis(200);
/// Packets that a probe may take: `2probe` and `5`, and one more for slow clients.
const PROBE_PACKETS: u8 = 3;
/// A ping that leaves later than this counts from when it left: the process stood still.
const LATE: Duration = Duration::from_secs(1);

const HEARTBEAT: usize = 0;
const UPGRADE: usize = 1;
const NOOP: usize = 2;
const CLOSING: usize = 3;

#[derive(Debug)]
enum State {
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
struct Probe {
    link: LinkId,
    answered: bool,
    packets: u8,
}

/// What the heartbeat timer is armed for.
#[derive(Debug)]
enum Heartbeat {
    Ping,
    Pong { heard: bool, extended: bool },
}

/// One session. See the [module](super) for states and contract.
#[derive(Debug)]
pub struct Session {
    sid: Sid,
    config: Arc<Config>,
    state: State,
    heartbeat: Heartbeat,
    heartbeat_held: bool,
    timers: Timers<4>,
    outputs: VecDeque<Output>,
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

    fn on_heartbeat(&mut self, now: Instant, at: Instant) {
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

    fn on_pong(&mut self, now: Instant) {
        if matches!(self.heartbeat, Heartbeat::Pong { .. }) {
            self.restart_heartbeat(now);
        }
    }

    fn restart_heartbeat(&mut self, now: Instant) {
        self.heartbeat = Heartbeat::Ping;
        self.timers.set(HEARTBEAT, now + self.config.ping_interval);
    }

    // Packets of the client

    fn on_packet(&mut self, now: Instant, packet: Packet) {
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

    fn on_peer_close(&mut self, now: Instant) {
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
    fn fault(&mut self, reason: CloseReason) {
        if let Some(Post { request, .. }) = self.take_post() {
            self.refuse(request, HandshakeError::BadRequest);
        }
        self.finish(reason);
    }

    // Long-polling (engine.io-protocol v4, "HTTP long-polling")

    fn on_poll(&mut self, now: Instant, request: RequestId) {
        match &mut self.state {
            State::Polling { polling, probe } => {
                if polling.get.is_some() {
                    self.refuse(request, HandshakeError::BadRequest);
                    return self.fault(CloseReason::TransportError);
                }
                polling.get = Some(request);
                if matches!(probe, Some(Probe { answered: true, .. })) {
                    self.timers.set(NOOP, now + NOOP_DELAY);
                }
            }
            State::Closing { polling, farewell } => {
                polling.get = Some(request);
                farewell
                    .iter()
                    .for_each(|packet| polling.push(packet.clone()));
                let reply = polling.payload(usize::MAX);
                self.reply_to_poll(reply);
                self.end();
            }
            State::Linked { .. } => self.refuse(request, HandshakeError::BadRequest),
            State::Closed => self.refuse(request, HandshakeError::UnknownSession),
        }
    }

    fn on_poll_dropped(&mut self, request: RequestId) {
        let State::Polling { polling, .. } = &mut self.state else {
            return;
        };
        if polling.get == Some(request) {
            polling.get = None;
            self.fault(CloseReason::TransportError);
        } else if polling.answered == Some(request) {
            // what it was answered with is lost: going on would leave a hole
            self.fault(CloseReason::TransportError);
        }
    }

    fn on_post(&mut self, request: RequestId) {
        match &mut self.state {
            State::Polling { polling, .. } => {
                if polling.post.is_some() {
                    self.refuse(request, HandshakeError::BadRequest);
                    return self.fault(CloseReason::TransportError);
                }
                polling.post = Some(Post {
                    request,
                    packets: None,
                });
            }
            State::Linked { .. } => self.refuse(request, HandshakeError::BadRequest),
            State::Closing { .. } | State::Closed => {
                self.refuse(request, HandshakeError::UnknownSession);
            }
        }
    }

    fn on_post_body(&mut self, request: RequestId, body: Bytes) {
        let max_packets = self.config.max_packets;
        let Some(post) = self.pending_post(request) else {
            return;
        };
        match Decoder::new(body, max_packets) {
            Ok(packets) => post.packets = Some(packets),
            Err(_) => self.fault(CloseReason::ParseError),
        }
    }

    fn on_post_failed(&mut self, request: RequestId, failure: PostFailure) {
        if self.pending_post(request).is_none() {
            return;
        }
        let reply = match failure {
            PostFailure::Dropped => None,
            PostFailure::TooLarge => Some(Reply::TooLarge),
            PostFailure::TooSlow => Some(Reply::TooSlow),
            PostFailure::WrongType => Some(Reply::Refused(HandshakeError::BadRequest)),
        };
        self.take_post();
        if let Some(reply) = reply {
            self.outputs.push_back(Output::Reply { request, reply });
        }
        self.finish(CloseReason::TransportError);
    }

    /// The POST of that name, unless it was answered before.
    fn pending_post(&mut self, request: RequestId) -> Option<&mut Post> {
        match &mut self.state {
            State::Polling { polling, .. } => {
                polling.post.as_mut().filter(|post| post.request == request)
            }
            State::Linked { .. } | State::Closing { .. } | State::Closed => None,
        }
    }

    fn take_post(&mut self) -> Option<Post> {
        match &mut self.state {
            State::Polling { polling, .. } | State::Closing { polling, .. } => polling.post.take(),
            State::Linked { .. } | State::Closed => None,
        }
    }

    /// Handles the next packet of a POST; `false` when there is none.
    fn step_post(&mut self, now: Instant) -> bool {
        let State::Polling { polling, .. } = &mut self.state else {
            return false;
        };
        let Some(packets) = polling.post.as_mut().and_then(|post| post.packets.as_mut()) else {
            return false;
        };
        match packets.next() {
            Some(Ok(packet)) => self.on_packet(now, packet),
            Some(Err(_)) => self.fault(CloseReason::ParseError),
            None => self.answer_post(),
        }
        true
    }

    fn drain_post(&mut self, now: Instant) {
        while self.step_post(now) {}
    }

    /// Answers the POST in progress: `ok` when its body was there, else an error.
    fn answer_post(&mut self) {
        if let Some(Post { request, packets }) = self.take_post() {
            let reply = match packets {
                Some(_) => Reply::Ok,
                None => Reply::Refused(HandshakeError::BadRequest),
            };
            self.outputs.push_back(Output::Reply { request, reply });
        }
    }

    fn refuse(&mut self, request: RequestId, error: HandshakeError) {
        self.outputs.push_back(Output::Reply {
            request,
            reply: Reply::Refused(error),
        });
    }

    fn reply_to_poll(&mut self, reply: Reply) {
        if let State::Polling { polling, .. } | State::Closing { polling, .. } = &mut self.state
            && let Some(request) = polling.get.take()
        {
            polling.answered = Some(request);
            self.timers.stop(NOOP);
            self.outputs.push_back(Output::Reply { request, reply });
        }
    }

    fn flush(&mut self) {
        if let State::Polling { polling, .. } = &mut self.state
            && polling.get.is_some()
            && !polling.is_empty()
        {
            let reply = polling.payload(self.config.max_payload);
            self.reply_to_poll(reply);
        }
    }

    fn send_packet(&mut self, packet: Packet) {
        match &mut self.state {
            State::Linked { link } => {
                let frame = control_frame(packet);
                self.outputs.push_back(Output::Frame { link: *link, frame });
            }
            State::Polling { polling, .. } => polling.push(packet),
            State::Closing { .. } | State::Closed => {}
        }
    }

    // WebSocket and upgrade (engine.io-protocol v4, "Upgrade")

    fn on_link_opened(&mut self, now: Instant, link: LinkId) {
        match &mut self.state {
            State::Polling {
                probe: probe @ None,
                ..
            } if self.config.offers_upgrade() => {
                *probe = Some(Probe {
                    link,
                    answered: false,
                    packets: 0,
                });
                self.timers.set(UPGRADE, now + self.config.upgrade_timeout);
            }
            // a second one is an intruder: it goes, the session stays
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {
                self.outputs.push_back(Output::CloseLink { link });
            }
        }
    }

    fn on_link_data(&mut self, now: Instant, link: LinkId, data: Data) {
        let packet = Packet::from_frame(data);
        match &mut self.state {
            State::Linked { link: current } if *current == link => match packet {
                Ok(packet) => self.on_packet(now, packet),
                Err(_) => self.fault(CloseReason::ParseError),
            },
            State::Polling {
                probe: Some(probe), ..
            } if probe.link == link => {
                self.on_probe(now, packet);
            }
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    fn on_probe(&mut self, now: Instant, packet: Result<Packet, DecodeError>) {
        let State::Polling {
            polling,
            probe: Some(probe),
        } = &mut self.state
        else {
            return;
        };
        probe.packets += 1;
        match packet {
            _ if probe.packets > PROBE_PACKETS => self.drop_probe(),
            Ok(Packet::Ping { probe: true }) => {
                probe.answered = true;
                let frame = control_frame(Packet::Pong { probe: true });
                self.outputs.push_back(Output::Frame {
                    link: probe.link,
                    frame,
                });
                if polling.get.is_some() {
                    self.timers.set(NOOP, now + NOOP_DELAY);
                }
            }
            Ok(Packet::Upgrade) if probe.answered => {
                let link = probe.link;
                self.upgrade(now, link);
            }
            Ok(_) | Err(_) => self.drop_probe(),
        }
    }

    fn upgrade(&mut self, now: Instant, link: LinkId) {
        self.answer_post();
        self.reply_to_poll(Reply::Refused(HandshakeError::BadRequest));
        let State::Polling { polling, .. } = &mut self.state else {
            return;
        };
        let queue = polling.take_queue();
        self.state = State::Linked { link };
        self.timers.stop(UPGRADE);
        self.timers.stop(NOOP);
        self.restart_heartbeat(now);
        for queued in queue {
            let frame = match queued {
                Queued::Control(packet) => control_frame(packet),
                Queued::Message(frame) => frame,
            };
            self.outputs.push_back(Output::Frame { link, frame });
        }
        self.outputs.push_back(Output::Event(Event::Upgraded));
    }

    fn drop_probe(&mut self) {
        self.timers.stop(UPGRADE);
        if let State::Polling { probe, .. } = &mut self.state
            && let Some(Probe { link, .. }) = probe.take()
        {
            self.outputs.push_back(Output::CloseLink { link });
        }
    }

    fn on_link_closed(&mut self, link: LinkId, reason: CloseReason) {
        match &mut self.state {
            State::Linked { link: current } if *current == link => {
                self.state = State::Closed;
                self.timers.stop_all();
                self.outputs.push_back(Output::Event(Event::Closed(reason)));
            }
            State::Polling { probe, .. } if probe.as_ref().is_some_and(|p| p.link == link) => {
                *probe = None;
                self.timers.stop(UPGRADE);
            }
            State::Polling { .. }
            | State::Linked { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    // The end

    /// Tells everybody that waits, and the layer above.
    fn finish(&mut self, reason: CloseReason) {
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
    fn wait_for_last_poll(&mut self, farewell: &'static [Packet], reason: CloseReason) {
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

    fn end(&mut self) {
        self.state = State::Closed;
        self.timers.stop_all();
    }
}

fn control_frame(packet: Packet) -> Frame {
    match packet.into_frame() {
        Data::Text(text) => Frame::packet(&text),
        data @ Data::Binary(_) => Frame::message(&data),
    }
}
