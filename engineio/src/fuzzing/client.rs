//! Bytes as operations on the client's session machine, and its contract as assertions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::client::{Config, Detail, Event, Input, LinkId, Output, RequestId, Session};
use crate::payload::SEPARATOR;
use crate::{Batch, CloseReason, Data, Frame, SendError, Text, Transport};

const HANDSHAKE: &[u8] = b"0{\"sid\":\"a\",\"upgrades\":[\"websocket\"],\"pingInterval\":300,\
                           \"pingTimeout\":200,\"maxPayload\":64}";

/// What servers say, in long-polling and in WebSocket frames.
const PIECES: &[&[u8]] = &[
    HANDSHAKE,
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
    b"b!",
    b"",
    b"abc",
    b"0{}",
    b"4\xff",
    b"\xc3\xa9",
];
const STATUS: &[u16] = &[200, 200, 200, 400, 413, 500];
const MAX_BUFFERED: usize = 200;
const MAX_PAYLOAD: usize = 64;

/// The first byte says which transports the plan has and what is switched on, then each operation
/// is a byte and what it needs. The contract of [`crate::client`] holds throughout.
pub fn client(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut run = Run::new(bytes.next().unwrap_or_default());
    while let Some(operation) = bytes.next() {
        run.apply(operation, &mut bytes);
    }
    run.finish();
}

#[derive(Debug)]
struct Run {
    session: Session,
    now: Instant,
    get: Option<RequestId>,
    post: Option<RequestId>,
    requests: Vec<RequestId>,
    links: Vec<LinkId>,
    live: BTreeSet<LinkId>,
    sent: u32,
    delivered: u32,
    opened: bool,
    closed: bool,
}

impl Run {
    fn new(plan: u8) -> Self {
        let mut transports = vec![Transport::Polling, Transport::WebSocket];
        match plan % 4 {
            0 => {}
            1 => transports.reverse(),
            2 => transports.truncate(1),
            _ => drop(transports.remove(0)),
        }
        let config = Config {
            transports,
            upgrade: plan & 4 == 0,
            try_all_transports: plan & 8 != 0,
            upgraded_before: plan & 16 != 0,
            force_base64: plan & 32 != 0,
            open_timeout: Duration::from_millis(400),
            upgrade_timeout: Duration::from_millis(350),
            close_timeout: Duration::from_millis(600),
            max_packets: 8,
            max_buffered: MAX_BUFFERED,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the epoch; all else is arithmetic"
        )]
        let now = Instant::now();
        Self {
            session: Session::new(Arc::new(config), now),
            now,
            get: None,
            post: None,
            requests: Vec::new(),
            links: Vec::new(),
            live: BTreeSet::new(),
            sent: 0,
            delivered: 0,
            opened: false,
            closed: false,
        }
    }

    fn apply(&mut self, operation: u8, bytes: &mut impl Iterator<Item = u8>) {
        let mut next = || bytes.next().unwrap_or_default();
        match operation % 12 {
            0 => self.now += Duration::from_millis(u64::from(next()) * 4),
            1 => {
                let (which, status, count) = (next(), next(), next() % 12);
                let pieces: Vec<&[u8]> = (0..count).filter_map(|_| pick(PIECES, next())).collect();
                self.answer(which, status, pieces.join(&SEPARATOR).into());
            }
            2 => {
                let (which, status, len) = (next(), next(), next());
                let body: Vec<u8> = bytes.take(usize::from(len)).collect();
                self.answer(which, status, body.into());
            }
            3 => {
                if let Some(request) = pick(&self.requests, next()) {
                    self.input(Input::Failed { request });
                }
            }
            4 => {
                if let Some(link) = pick(&self.links, next()) {
                    self.input(Input::LinkOpened { link });
                }
            }
            5 | 6 => {
                let (link, piece) = (pick(&self.links, next()), pick(PIECES, next()));
                let text = piece.and_then(|p| Text::from_utf8(Bytes::from_static(p)).ok());
                if let Some((link, text)) = link.zip(text) {
                    let data = Data::Text(text);
                    self.input(Input::Link { link, data });
                }
            }
            7 => {
                let (which, len) = (next(), next());
                let data = Data::Binary(bytes.take(usize::from(len)).collect());
                if let Some(link) = pick(&self.links, which) {
                    self.input(Input::Link { link, data });
                }
            }
            8 => {
                if let Some(link) = pick(&self.links, next()) {
                    self.live.remove(&link);
                    let (reason, detail) = (CloseReason::TransportClose, None);
                    self.input(Input::LinkClosed {
                        link,
                        reason,
                        detail,
                    });
                }
            }
            9 => self.send(next()),
            10 if next() > 200 => self.session.close(self.now, CloseReason::ForcedClose),
            _ => {
                self.session.handle_timeout(self.now);
                let next = self.session.poll_timeout();
                assert!(next.is_none_or(|at| at > self.now), "a timer would spin");
                self.drain();
            }
        }
        assert!(self.session.buffered() <= MAX_BUFFERED);
    }

    /// Mostly the newest request, so that a session gets somewhere.
    fn answer(&mut self, which: u8, status: u8, body: Bytes) {
        let request = match which {
            0..100 => self.get,
            100..200 => self.post,
            _ => pick(&self.requests, which),
        };
        if let Some((request, status)) = request.zip(pick(STATUS, status)) {
            let detail = Detail::http(status, &body);
            assert!(detail.to_string().len() <= body.len() + 40);
            self.input(Input::Answered {
                request,
                status,
                body,
            });
        }
    }

    fn input(&mut self, input: Input) {
        if let Input::Answered { request, .. } | Input::Failed { request } = &input {
            self.get.take_if(|own| own == request);
            self.post.take_if(|own| own == request);
        }
        self.session.handle_input(self.now, input);
    }

    fn send(&mut self, shape: u8) {
        let text = format!("{}:{}", self.sent, "x".repeat(usize::from(shape / 4)));
        let frame = Frame::message(&text.as_str().into());
        let rest = vec![frame.clone(); usize::from(shape % 4)];
        let batch = Batch::new(frame, rest);
        let (size, count) = (batch.size(), u32::from(shape % 4) + 1);
        let before = self.session.buffered();
        match self.session.send(batch) {
            Ok(()) => {
                assert!(!self.closed, "taken after the end");
                self.sent += count;
            }
            Err(SendError::Full) => assert!(before + size > MAX_BUFFERED),
            Err(_) => assert!(!self.session.is_writable()),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output(self.now) {
            self.output(output);
        }
        assert!(self.session.poll_output(self.now).is_none());
        if self.session.is_closed() {
            assert!(self.closed && self.session.poll_timeout().is_none());
            assert!(self.get.is_none() && self.post.is_none() && self.live.is_empty());
        } else {
            assert!(self.session.poll_timeout().is_some());
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Get { request } => {
                assert_eq!(self.get.replace(request), None, "a second GET");
                self.requests.push(request);
            }
            Output::Post { request, body } => {
                assert_eq!(self.post.replace(request), None, "a second POST");
                self.requests.push(request);
                let packets = body.split(|byte| *byte == SEPARATOR);
                assert!(body.len() <= MAX_PAYLOAD || packets.clone().count() == 1);
                packets.for_each(|packet| self.deliver(packet));
            }
            Output::Abandon { request } => {
                assert!(self.requests.contains(&request), "a request that was made");
                self.get.take_if(|own| *own == request);
                self.post.take_if(|own| *own == request);
            }
            Output::OpenLink { link, .. } => {
                assert!(self.live.insert(link));
                self.links.push(link);
            }
            Output::Frame { link, frame } => {
                assert!(self.links.contains(&link), "a link that was asked for");
                self.deliver(frame.payload());
            }
            Output::CloseLink { link } => {
                assert!(self.links.contains(&link), "a link that was asked for");
                self.live.remove(&link);
            }
            Output::Event(event) => {
                assert!(!self.closed, "an event after the end");
                self.closed = matches!(event, Event::Closed(_));
                assert!(self.closed || self.opened != (event == Event::Opened));
                self.opened = true;
            }
        }
    }

    /// Messages come once and in order.
    fn deliver(&mut self, packet: &[u8]) {
        let Some((b'4', text)) = packet.split_first() else {
            return;
        };
        let text = std::str::from_utf8(text).expect("what was sent");
        let (number, _) = text.split_once(':').expect("what was sent");
        let number: u32 = number.parse().expect("what was sent");
        assert!((number..number + 4).contains(&self.delivered), "{number}");
        self.delivered += 1;
        assert!(self.delivered <= self.sent, "more than was sent");
    }

    /// However it went, it ends.
    fn finish(&mut self) {
        self.drain();
        self.session.close(self.now, CloseReason::ForcedClose);
        self.drain();
        let late = self.session.send(Data::from("late").into());
        assert_eq!(late, Err(SendError::Closed));
        while let Some(at) = self.session.poll_timeout() {
            self.now = at;
            self.session.handle_timeout(at);
            self.drain();
        }
        assert!(self.closed && self.session.is_closed());
        if let Some(request) = self.requests.first().copied() {
            self.input(Input::Failed { request });
        }
        assert!(self.session.poll_output(self.now).is_none());
    }
}

fn pick<T: Copy>(from: &[T], which: u8) -> Option<T> {
    let index = usize::from(which).checked_rem(from.len())?;
    from.get(index).copied()
}
