//! Bytes as operations on the server's session machine, and its contract as assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::payload::{SEPARATOR, v3};
use crate::server::{Event, First, Input, LinkId, Output, PostFailure, Reply, RequestId, Session};
use crate::{
    Batch, CloseReason, Config, Data, Dialect, Frame, Packet, Protocol, SendError, Sid, Text,
};

/// What clients say, in long-polling and in WebSocket frames.
const PIECES: &[&[u8]] = &[
    b"1",
    b"2",
    b"2probe",
    b"3",
    b"3probe",
    b"4hello",
    b"4",
    b"5",
    b"6",
    b"bAQID",
    b"b4AQID",
    b"\x04\x01",
    b"b!",
    b"",
    b"abc",
    b"0{}",
    b"4\xff",
    b"\xc3\xa9",
];
const REASONS: &[CloseReason] = &[
    CloseReason::ForcedClose,
    CloseReason::SlowConsumer,
    CloseReason::ServerError,
    CloseReason::TransportError,
];
const FAILURES: &[PostFailure] = &[
    PostFailure::Dropped,
    PostFailure::TooLarge,
    PostFailure::TooSlow,
    PostFailure::WrongType,
    PostFailure::NoMemory,
];
const MAX_BUFFERED: usize = 200;

/// The first byte says what the session starts on and which dialect its client speaks, then each
/// operation is a byte and what it needs. The contract of [`crate::server`] holds throughout.
pub fn session(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let first = bytes.next().unwrap_or_default();
    let protocol = if first & 2 == 0 {
        Protocol::V4
    } else {
        Protocol::V3
    };
    let base64 = first & 4 != 0;
    let mut run = Run::new(first % 2 == 1, Dialect { protocol, base64 });
    while let Some(operation) = bytes.next() {
        run.apply(operation, &mut bytes);
    }
    run.finish();
}

#[derive(Debug, Default)]
struct Request {
    dropped: bool,
    answered: bool,
}

#[derive(Debug)]
struct Run {
    session: Session,
    dialect: Dialect,
    now: Instant,
    requests: BTreeMap<RequestId, Request>,
    links: BTreeSet<LinkId>,
    posts: Vec<RequestId>,
    polls: Vec<RequestId>,
    next_request: u64,
    next_link: u64,
    sent: u32,
    delivered: u32,
    opened: bool,
    closed: bool,
}

impl Run {
    fn new(linked: bool, dialect: Dialect) -> Self {
        let config = Config {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            upgrade_timeout: Duration::from_millis(500),
            close_timeout: Duration::from_millis(600),
            max_payload: 100,
            max_packets: 8,
            max_buffered: MAX_BUFFERED,
            ..Config::default()
        };
        let mut requests = BTreeMap::new();
        let mut links = BTreeSet::new();
        let first = if linked {
            links.insert(LinkId::new(0));
            First::Link(LinkId::new(0))
        } else {
            requests.insert(RequestId::new(0), Request::default());
            First::Polling(RequestId::new(0))
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the epoch; all else is arithmetic"
        )]
        let now = Instant::now();
        let sid = Sid::from_entropy([7; 15]);
        Self {
            session: Session::speaking(dialect, sid, Arc::new(config), first, now),
            dialect,
            now,
            requests,
            links,
            posts: Vec::new(),
            polls: Vec::new(),
            next_request: 1,
            next_link: 1,
            sent: 0,
            delivered: 0,
            opened: false,
            closed: false,
        }
    }

    fn apply(&mut self, operation: u8, bytes: &mut impl Iterator<Item = u8>) {
        let mut next = || bytes.next().unwrap_or_default();
        match operation % 14 {
            0 => self.now += Duration::from_millis(u64::from(next()) * 4),
            1 => {
                let request = self.request();
                self.polls.push(request);
                self.input(Input::Poll { request });
            }
            2 => {
                if let Some(request) = pick(&self.polls, next()) {
                    self.drop_request(request);
                    self.input(Input::PollDropped { request });
                }
            }
            3 => {
                let request = self.request();
                self.posts.push(request);
                self.input(Input::Post { request });
            }
            4 => {
                let (which, count) = (next(), next() % 12);
                let pieces: Vec<&[u8]> = (0..count).filter_map(|_| pick(PIECES, next())).collect();
                let body = match self.dialect.protocol {
                    Protocol::V4 => pieces.join(&SEPARATOR),
                    Protocol::V3 => with_lengths(&pieces, which % 3 == 0),
                };
                self.post_body(which, body.into());
            }
            5 => {
                let (which, len) = (next(), next());
                let body: Vec<u8> = bytes.take(usize::from(len)).collect();
                self.post_body(which, body.into());
            }
            6 => {
                let (which, failure) = (next(), next());
                if let Some((request, failure)) =
                    pick(&self.posts, which).zip(pick(FAILURES, failure))
                {
                    self.drop_request(request);
                    self.input(Input::PostFailed { request, failure });
                }
            }
            7 => {
                let link = LinkId::new(self.next_link);
                self.next_link += 1;
                self.links.insert(link);
                let base64 = self.dialect.base64;
                self.input(Input::LinkOpened { link, base64 });
            }
            8 => {
                let (link, piece) = (self.link(next()), pick(PIECES, next()));
                if let Some(Ok(text)) = piece.map(|p| Text::from_utf8(Bytes::from_static(p))) {
                    let data = Data::Text(text);
                    self.input(Input::Link { link, data });
                }
            }
            9 => {
                let (link, len) = (self.link(next()), next());
                let data = Data::Binary(bytes.take(usize::from(len)).collect());
                self.input(Input::Link { link, data });
            }
            10 => {
                let link = self.link(next());
                let reason = CloseReason::TransportClose;
                self.input(Input::LinkClosed { link, reason });
            }
            11 => self.send(next()),
            12 => match next() {
                which @ 0..200 => self.session.hold_heartbeat(which % 2 == 0),
                which => {
                    let reason = pick(REASONS, which).unwrap_or(CloseReason::ForcedClose);
                    self.session.close(self.now, reason);
                }
            },
            _ => {
                self.session.handle_timeout(self.now);
                let next = self.session.poll_timeout();
                assert!(next.is_none_or(|at| at > self.now), "a timer would spin");
                self.drain();
            }
        }
        assert!(self.session.buffered() <= MAX_BUFFERED);
    }

    fn request(&mut self) -> RequestId {
        let request = RequestId::new(self.next_request);
        self.next_request += 1;
        self.requests.insert(request, Request::default());
        request
    }

    fn link(&self, which: u8) -> LinkId {
        LinkId::new(u64::from(which) % self.next_link.max(1))
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(self.now, input);
    }

    fn drop_request(&mut self, request: RequestId) {
        self.requests.entry(request).or_default().dropped = true;
    }

    fn post_body(&mut self, which: u8, body: Bytes) {
        if let Some(request) = pick(&self.posts, which) {
            self.input(Input::PostBody { request, body });
        }
    }

    /// Messages carry their number, and what belongs together the same one.
    fn send(&mut self, shape: u8) {
        let number = self.sent;
        let text = format!("{number}:{}", "x".repeat(usize::from(shape / 4)));
        let frame = Frame::message(&Data::Text(text.into()));
        let rest = vec![frame.clone(); usize::from(shape % 4)];
        let batch = Batch::new(frame, rest);
        let (size, count) = (batch.size(), u32::from(shape % 4) + 1);
        let before = self.session.buffered();
        match self.session.send(batch) {
            Ok(()) => self.sent += count,
            Err(SendError::Full) => assert!(before + size > MAX_BUFFERED),
            Err(_) => assert!(!self.session.is_writable()),
        }
        if self.session.send(Data::from("").into()) == Ok(()) {
            self.sent += 1;
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output(self.now) {
            self.output(output);
        }
        assert!(self.session.poll_output(self.now).is_none());
        if self.session.is_closed() {
            assert!(self.closed && self.session.poll_timeout().is_none());
        } else {
            assert!(self.session.poll_timeout().is_some());
        }
        let waiting = |request: &&Request| !request.answered && !request.dropped;
        let waiting = self.requests.values().filter(waiting).count();
        assert!(
            waiting
                <= if self.closed || self.session.link().is_some() {
                    0
                } else {
                    2
                }
        );
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Reply { request, reply } => {
                let known = self
                    .requests
                    .get_mut(&request)
                    .expect("a request that was made");
                assert!(!known.answered, "answered twice");
                known.answered = true;
                if let Reply::Payload(payload) | Reply::BinaryPayload(payload) = reply {
                    self.deliver_all(payload);
                }
            }
            Output::Frame { link, frame } => {
                assert!(self.links.contains(&link), "a link that was opened");
                assert!(!self.closed, "a frame after the end");
                self.deliver(frame.payload());
            }
            Output::CloseLink { link } => {
                assert!(self.links.contains(&link), "a link that was opened");
            }
            Output::Event(event) => {
                assert!(!self.closed, "an event after the end");
                assert_eq!(self.opened, event != Event::Opened);
                self.opened = true;
                self.closed = matches!(event, Event::Closed(_));
            }
        }
    }

    fn deliver_all(&mut self, payload: Bytes) {
        if self.dialect.protocol == Protocol::V4 {
            for packet in payload.split(|byte| *byte == SEPARATOR) {
                self.deliver(packet);
            }
            return;
        }
        if self.delivered == 0 && payload.get(..40).is_some_and(|head| head.contains(&b'{')) {
            return;
        }
        for packet in v3::Decoder::new(payload, usize::MAX).expect("what was sent") {
            if let Packet::Message(Data::Text(text)) = packet.expect("what was sent") {
                self.deliver(format!("4{text}").as_bytes());
            }
        }
    }

    /// Messages come once and in order.
    fn deliver(&mut self, packet: &[u8]) {
        let Some((b'4', text)) = packet.split_first() else {
            return;
        };
        let text = std::str::from_utf8(text).expect("what was sent");
        if let Some((number, _)) = text.split_once(':') {
            let number: u32 = number.parse().expect("what was sent");
            assert!((number..number + 4).contains(&self.delivered), "{number}");
        }
        self.delivered += 1;
        assert!(self.delivered <= self.sent, "more than was sent");
    }

    /// However it went, it ends.
    fn finish(&mut self) {
        self.drain();
        self.session.close(self.now, CloseReason::ForcedClose);
        self.drain();
        assert_eq!(
            self.session.send(Data::from("late").into()),
            Err(SendError::Closed)
        );
        while let Some(at) = self.session.poll_timeout() {
            self.now = at;
            self.session.handle_timeout(at);
            self.drain();
        }
        assert!(self.closed && self.session.is_closed());
        let request = self.request();
        self.input(Input::Poll { request });
        self.drain();
    }
}

/// A payload of revision 3, mostly right.
fn with_lengths(pieces: &[&[u8]], bytes: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        if bytes {
            let kind = u8::from(piece.first().is_some_and(|first| *first < 32));
            out.extend([kind, piece.len() as u8, 255]);
        } else {
            let text = String::from_utf8_lossy(piece);
            out.extend(format!("{}:", text.encode_utf16().count()).bytes());
        }
        out.extend_from_slice(piece);
    }
    out
}

fn pick<T: Copy>(from: &[T], which: u8) -> Option<T> {
    let index = usize::from(which).checked_rem(from.len())?;
    from.get(index).copied()
}
