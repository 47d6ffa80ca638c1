//! [`Model`]: a client of the protocol, as the official one behaves.

use std::collections::VecDeque;

use bytes::Bytes;
use engineio::packet::v3;
use engineio::payload::v3::Form;
use engineio::server::Reply;
use engineio::{Data, Dialect, Frame, Packet, Protocol, payload};

/// What the client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends a GET.
    Get(u64),
    /// Sends a POST.
    Post(u64, Bytes),
    /// Opens a WebSocket with the session's id.
    Dial(u64),
    /// Writes a frame.
    Frame(u64, Data),
}

/// How far the move to WebSocket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Not begun, or given up.
    No,
    /// The WebSocket is opening.
    Dialing(u64),
    /// `2probe` was sent.
    Probing(u64),
    /// `3probe` came: no more polls, and what is under way has to end first.
    Pausing(u64),
    /// `5` was sent.
    Done(u64),
}

/// One GET at a time, at most one POST beside it, pongs for pings, and an upgrade that pauses
/// long-polling before it sends `5`.
#[derive(Debug)]
pub struct Model {
    /// Whether a WebSocket is tried when the server offers it.
    pub upgrades: bool,
    dialect: Dialect,
    upgrade: Upgrade,
    open: bool,
    closed: bool,
    get: Option<u64>,
    post: Option<u64>,
    next: u64,
    outbox: VecDeque<Packet>,
    actions: VecDeque<Action>,
    received: Vec<Data>,
    pings: usize,
}

impl Model {
    /// A client that waits for the answer to request 0, its handshake.
    #[must_use]
    pub fn polling(upgrades: bool) -> Self {
        Self {
            upgrades,
            dialect: Dialect::V4,
            upgrade: Upgrade::No,
            open: false,
            closed: false,
            get: Some(0),
            post: None,
            next: 1,
            outbox: VecDeque::new(),
            actions: VecDeque::new(),
            received: Vec::new(),
            pings: 0,
        }
    }

    /// A client that opened WebSocket 0.
    #[must_use]
    pub fn websocket() -> Self {
        Self {
            upgrade: Upgrade::Done(0),
            get: None,
            ..Self::polling(false)
        }
    }

    /// The same client, speaking like this. In revision 3 it should ping; this one does not.
    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// What arrived, in order.
    #[must_use]
    pub fn received(&self) -> &[Data] {
        &self.received
    }

    /// Pings that arrived.
    #[must_use]
    pub fn pings(&self) -> usize {
        self.pings
    }

    /// How far the upgrade is.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        self.upgrade
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The GET that waits.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        self.get
    }

    /// The next thing that it does.
    pub fn action(&mut self) -> Option<Action> {
        self.work();
        self.actions.pop_front()
    }

    /// Sends a message.
    pub fn send(&mut self, data: impl Into<Data>) {
        self.outbox.push_back(Packet::Message(data.into()));
    }

    /// Sends any packet.
    pub fn send_packet(&mut self, packet: Packet) {
        self.outbox.push_back(packet);
    }

    /// Forgets its GET, which the network dropped; it will not notice.
    pub fn forget_get(&mut self) {
        self.get = None;
        self.closed = true;
    }

    /// Tries a WebSocket now.
    pub fn dial(&mut self) {
        if self.upgrade == Upgrade::No && !self.closed {
            let link = self.name();
            self.upgrade = Upgrade::Dialing(link);
            self.actions.push_back(Action::Dial(link));
        }
    }

    /// An answer arrived.
    pub fn on_reply(&mut self, request: u64, reply: &Reply) {
        if self.get == Some(request) {
            self.get = None;
        } else if self.post == Some(request) {
            self.post = None;
        } else {
            return;
        }
        match reply {
            Reply::Payload(payload) | Reply::BinaryPayload(payload) => self.on_payload(payload),
            Reply::Ok => {}
            _ => self.closed = true,
        }
    }

    /// The WebSocket is open.
    pub fn on_link_open(&mut self, link: u64) {
        if self.upgrade == Upgrade::Dialing(link) {
            self.upgrade = Upgrade::Probing(link);
            self.actions.push_back(Action::Frame(link, "2probe".into()));
        }
    }

    /// A frame arrived.
    pub fn on_frame(&mut self, link: u64, data: Data) {
        match (self.upgrade, data) {
            (Upgrade::Probing(own), data) if own == link => {
                assert_eq!(data, Data::from("3probe"), "nothing else goes to a probe");
                self.upgrade = Upgrade::Pausing(link);
            }
            (Upgrade::Pausing(own), data) if own == link => {
                panic!("{data:?} before the upgrade was finished");
            }
            (Upgrade::Done(own), Data::Text(text)) if own == link => self.on_packet(&text),
            (Upgrade::Done(own), binary) if own == link => {
                let packet = match self.dialect.protocol {
                    Protocol::V4 => Packet::from_frame(binary),
                    Protocol::V3 => v3::from_frame(binary),
                };
                self.on_decoded(packet.expect("servers send valid packets"));
            }
            _ => {}
        }
    }

    /// The WebSocket ended.
    pub fn on_link_closed(&mut self, link: u64) {
        match self.upgrade {
            Upgrade::Done(own) if own == link => self.closed = true,
            Upgrade::Dialing(own) | Upgrade::Probing(own) | Upgrade::Pausing(own)
                if own == link =>
            {
                self.upgrade = Upgrade::No;
            }
            _ => {}
        }
    }

    fn on_payload(&mut self, body: &Bytes) {
        if self.dialect.protocol == Protocol::V4 {
            let text = std::str::from_utf8(body).expect("payloads are UTF-8");
            for packet in text.split('\u{1e}') {
                self.on_packet(packet);
            }
            return;
        }
        // the decoder is that of a server, which gets no handshakes
        if !self.open {
            let text = std::str::from_utf8(body).expect("a handshake is UTF-8");
            let (_, packet) = text.split_once(':').expect("a length");
            return self.on_packet(packet);
        }
        let packets = payload::v3::Decoder::new(body.clone(), usize::MAX);
        for packet in packets.expect("payloads are UTF-8") {
            self.on_decoded(packet.expect("servers send valid packets"));
        }
    }

    fn on_packet(&mut self, packet: &str) {
        assert!(!self.closed, "{packet:?} after the end");
        if packet.starts_with('0') {
            assert!(!self.open, "a second handshake");
            self.open = true;
            if self.upgrades && packet.contains("\"upgrades\":[\"websocket\"]") {
                self.dial();
            }
            return;
        }
        let packet = packet.into();
        let decoded = match self.dialect.protocol {
            Protocol::V4 => Packet::decode(&packet),
            Protocol::V3 => v3::decode(&packet),
        };
        self.on_decoded(decoded.expect("servers send valid packets"));
    }

    fn on_decoded(&mut self, packet: Packet) {
        assert!(!self.closed, "{packet:?} after the end");
        match packet {
            Packet::Message(data) => self.received.push(data),
            Packet::Ping { probe: false } => {
                self.pings += 1;
                self.outbox.push_back(Packet::Pong { probe: false });
            }
            Packet::Close => self.closed = true,
            Packet::Noop => {
                assert!(
                    !matches!(self.upgrade, Upgrade::Done(_)),
                    "a NOOP on the WebSocket"
                );
            }
            other => panic!("a server never sends {other:?}"),
        }
    }

    /// Does what the state asks for.
    fn work(&mut self) {
        if self.closed || !self.open {
            return;
        }
        match self.upgrade {
            Upgrade::Done(link) => {
                while let Some(packet) = self.outbox.pop_front() {
                    let data = self.frame(packet);
                    self.actions.push_back(Action::Frame(link, data));
                }
            }
            Upgrade::Pausing(link) => {
                if self.get.is_none() && self.post.is_none() {
                    self.actions.push_back(Action::Frame(link, "5".into()));
                    self.upgrade = Upgrade::Done(link);
                    self.work();
                }
            }
            Upgrade::No | Upgrade::Dialing(_) | Upgrade::Probing(_) => {
                if self.get.is_none() {
                    let get = self.name();
                    self.get = Some(get);
                    self.actions.push_back(Action::Get(get));
                }
                if self.post.is_none() && !self.outbox.is_empty() {
                    let post = self.name();
                    self.post = Some(post);
                    let body = match self.dialect {
                        Dialect {
                            protocol: Protocol::V4,
                            ..
                        } => payload::encode(&self.outbox),
                        Dialect { base64: true, .. } => {
                            payload::v3::encode(Form::Text, &self.outbox)
                        }
                        Dialect { base64: false, .. } => {
                            payload::v3::encode(Form::Binary, &self.outbox)
                        }
                    };
                    self.outbox.clear();
                    self.actions.push_back(Action::Post(post, body));
                }
            }
        }
    }

    /// The form on its WebSocket.
    fn frame(&self, packet: Packet) -> Data {
        match packet {
            Packet::Message(data) => content(&self.dialect.frame(Frame::message(&data))),
            packet => packet.into_frame(),
        }
    }

    fn name(&mut self) -> u64 {
        let name = self.next;
        self.next += 1;
        name
    }
}

/// What stands in a frame.
pub(crate) fn content(frame: &Frame) -> Data {
    if frame.is_binary() {
        Data::Binary(frame.payload().to_vec().into())
    } else {
        Data::from(std::str::from_utf8(frame.payload()).expect("text is UTF-8"))
    }
}
