//! The long-polling half of a session: the waiting GET, the POST in progress, the queue
//! (engine.io-protocol v4, "HTTP long-polling").

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::session::{Probe, State, control_frame, single};
use super::upgrade::NOOP_DELAY;
use super::{Output, PostFailure, Reply, RequestId, Session};
use crate::payload::{Packets, Payload};
use crate::timer::Timers;
use crate::{Batch, CloseReason, Dialect, Frame, HandshakeError, Packet, Protocol};

/// When a probe that did not come to its end goes.
pub(super) const UPGRADE: usize = 0;
/// When the poll that waits gets a NOOP, because an upgrade is being tried.
pub(super) const NOOP: usize = 1;
/// When the last poll is not waited for any longer.
pub(super) const CLOSING: usize = 2;

/// What waits for a poll.
#[derive(Clone, Debug)]
pub(super) enum Queued {
    Control(Packet),
    Message(Frame),
}

/// A POST that was not answered yet.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) request: RequestId,
    /// The packets of its body, once that is there.
    pub(super) packets: Option<Packets>,
}

#[derive(Debug, Default)]
pub(super) struct Polling {
    pub(super) get: Option<RequestId>,
    /// The GET that got the newest payload.
    pub(super) answered: Option<RequestId>,
    pub(super) post: Option<Post>,
    pub(super) timers: Timers<3>,
    /// What the last poll gets when all else is said.
    pub(super) farewell: &'static [Packet],
    queue: VecDeque<Queued>,
    bytes: usize,
}

impl Polling {
    /// After a handshake that `request` asked for.
    pub(super) fn opened_by(request: RequestId) -> Self {
        Self {
            answered: Some(request),
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a packet of the session's own; one ping is enough.
    pub(super) fn push(&mut self, packet: Packet) {
        let same = |queued: &Queued| matches!(queued, Queued::Control(other) if *other == packet);
        if self.queue.iter().any(same) {
            return;
        }
        self.queue.push_back(Queued::Control(packet));
    }

    pub(super) fn push_batch(&mut self, batch: Batch) {
        self.bytes += batch.size();
        self.queue.extend(batch.into_iter().map(Queued::Message));
    }

    pub(super) fn take_queue(&mut self) -> VecDeque<Queued> {
        self.bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Moves what fits into one payload out of the queue.
    pub(super) fn payload(&mut self, dialect: Dialect, max_bytes: usize) -> Reply {
        let binary = dialect.protocol == Protocol::V3 && self.is_binary_next(max_bytes);
        let mut payload = Payload::new(dialect, binary, max_bytes);
        while let Some(queued) = self.queue.front() {
            match queued {
                Queued::Control(packet) => payload.push(packet),
                Queued::Message(frame) if payload.fits(frame) => {
                    self.bytes -= frame.len();
                    payload.push_frame(frame);
                }
                Queued::Message(_) => break,
            }
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        match payload.finish() {
            (payload, false) => Reply::Payload(payload),
            (payload, true) => Reply::BinaryPayload(payload),
        }
    }

    /// Whether there is binary among what the next payload may hold.
    fn is_binary_next(&self, max_bytes: usize) -> bool {
        let mut bytes = 0;
        let messages = self.queue.iter().filter_map(|queued| match queued {
            Queued::Message(frame) => Some(frame),
            Queued::Control(_) => None,
        });
        for frame in messages {
            if frame.is_binary() {
                return true;
            }
            bytes += frame.payload().len();
            if bytes > max_bytes {
                break;
            }
        }
        false
    }
}

impl Session {
    pub(super) fn on_poll(&mut self, now: Instant, request: RequestId) {
        match &mut self.state {
            State::Polling { polling, probe } => {
                if polling.get.is_some() {
                    self.refuse(request, HandshakeError::BadRequest);
                    return self.fault(CloseReason::TransportError);
                }
                polling.get = Some(request);
                if matches!(probe, Some(Probe { answered: true, .. })) {
                    polling.timers.set(NOOP, now + NOOP_DELAY);
                }
            }
            State::Closing { polling } => {
                polling.get = Some(request);
                for packet in polling.farewell {
                    polling.push(packet.clone());
                }
                let reply = polling.payload(self.dialect, usize::MAX);
                self.reply_to_poll(reply);
                self.end();
            }
            State::Linked { .. } => self.refuse(request, HandshakeError::BadRequest),
            State::Closed => self.refuse(request, HandshakeError::UnknownSession),
        }
    }

    pub(super) fn on_poll_dropped(&mut self, request: RequestId) {
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

    pub(super) fn on_post(&mut self, request: RequestId) {
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

    pub(super) fn on_post_body(&mut self, request: RequestId, body: Bytes) {
        let (protocol, max_packets) = (self.dialect.protocol, self.config.max_packets);
        let Some(post) = self.pending_post(request) else {
            return;
        };
        match Packets::new(protocol, body, max_packets) {
            Ok(packets) => post.packets = Some(packets),
            Err(_) => self.fault(CloseReason::ParseError),
        }
    }

    pub(super) fn on_post_failed(&mut self, request: RequestId, failure: PostFailure) {
        if self.pending_post(request).is_none() {
            return;
        }
        let reply = match failure {
            PostFailure::Dropped => None,
            PostFailure::TooLarge => Some(Reply::TooLarge),
            PostFailure::TooSlow => Some(Reply::TooSlow),
            PostFailure::NoMemory => Some(Reply::NoMemory),
            PostFailure::WrongType => Some(Reply::Refused(HandshakeError::BadRequest)),
        };
        self.take_post();
        if let Some(reply) = reply {
            self.outputs.push_back(Output::Reply { request, reply });
        }
        self.finish(CloseReason::TransportError);
    }

    /// The POST of that name, unless it was answered before.
    pub(super) fn pending_post(&mut self, request: RequestId) -> Option<&mut Post> {
        match &mut self.state {
            State::Polling { polling, .. } => {
                polling.post.as_mut().filter(|post| post.request == request)
            }
            State::Linked { .. } | State::Closing { .. } | State::Closed => None,
        }
    }

    pub(super) fn take_post(&mut self) -> Option<Post> {
        match &mut self.state {
            State::Polling { polling, .. } | State::Closing { polling } => polling.post.take(),
            State::Linked { .. } | State::Closed => None,
        }
    }

    /// Handles the next packet of a POST; `false` when there is none.
    pub(super) fn step_post(&mut self, now: Instant) -> bool {
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

    pub(super) fn drain_post(&mut self, now: Instant) {
        while self.step_post(now) {}
    }

    /// Answers the POST in progress: `ok` when its body was there, else an error.
    pub(super) fn answer_post(&mut self) {
        if let Some(Post { request, packets }) = self.take_post() {
            let reply = match packets {
                Some(_) => Reply::Ok,
                None => Reply::Refused(HandshakeError::BadRequest),
            };
            self.outputs.push_back(Output::Reply { request, reply });
        }
    }

    pub(super) fn refuse(&mut self, request: RequestId, error: HandshakeError) {
        self.outputs.push_back(Output::Reply {
            request,
            reply: Reply::Refused(error),
        });
    }

    pub(super) fn reply_to_poll(&mut self, reply: Reply) {
        if let State::Polling { polling, .. } | State::Closing { polling } = &mut self.state
            && let Some(request) = polling.get.take()
        {
            polling.answered = Some(request);
            polling.timers.stop(NOOP);
            self.outputs.push_back(Output::Reply { request, reply });
        }
    }

    /// Answers the poll with a packet that says nothing.
    pub(super) fn free_poll(&mut self) {
        self.reply_to_poll(single(self.dialect, &Packet::Noop));
    }

    pub(super) fn flush(&mut self) {
        if let State::Polling { polling, .. } = &mut self.state
            && polling.get.is_some()
            && !polling.is_empty()
        {
            let reply = polling.payload(self.dialect, self.config.max_payload);
            self.reply_to_poll(reply);
        }
    }

    pub(super) fn send_packet(&mut self, packet: Packet) {
        match &mut self.state {
            State::Linked { link, .. } => {
                let frame = control_frame(packet);
                self.outputs.push_back(Output::Frame { link: *link, frame });
            }
            State::Polling { polling, .. } => polling.push(packet),
            State::Closing { .. } | State::Closed => {}
        }
    }
}
