//! Properties of the codec and of the server machine under whatever comes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

use engineio::payload::{self, Decoder, SEPARATOR, v3};
use engineio::query::{Query, escape, pairs};
use engineio::server::PostFailure;
use engineio::{Batch, CloseReason, Config, Data, Dialect, Frame, Packet, Protocol, Text};
use proptest::prelude::*;
use testkit::{Pair, Scripted, Upgrade, ms, secs};

fn text() -> impl Strategy<Value = String> {
    ".{0,40}".prop_map(|text| text.replace('\u{1e}', ""))
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        text().prop_map(|text| Data::from(text.as_str())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Data::Binary(bytes.into())),
    ]
}

fn packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        4 => data().prop_map(Packet::Message),
        1 => prop::sample::select(vec![Packet::Close, Packet::Upgrade, Packet::Noop]),
        1 => any::<bool>().prop_map(|probe| Packet::Ping { probe }),
        1 => any::<bool>().prop_map(|probe| Packet::Pong { probe }),
    ]
}

proptest! {
    #[test]
    fn a_packet_survives_both_forms(packet in packet()) {
        let mut out = Vec::new();
        packet.encode(&mut out);
        let text = Text::from_utf8(out.into()).unwrap();
        prop_assert_eq!(Packet::decode(&text), Ok(packet.clone()));
        prop_assert_eq!(Packet::from_frame(packet.clone().into_frame()), Ok(packet));
    }

    #[test]
    fn a_payload_survives(packets in prop::collection::vec(packet(), 0..20)) {
        let body = payload::encode(&packets);
        let decoded: Result<Vec<_>, _> = Decoder::new(body, 20).unwrap().collect();
        prop_assert_eq!(decoded, Ok(packets));
    }

    #[test]
    fn a_payload_of_revision_3_survives_in_both_forms(
        packets in prop::collection::vec(packet(), 0..20),
        binary in any::<bool>(),
    ) {
        let form = if binary { v3::Form::Binary } else { v3::Form::Text };
        let body = v3::encode(form, &packets);
        let decoded: Result<Vec<_>, _> = v3::Decoder::new(body.clone(), 20).unwrap().collect();
        prop_assert_eq!(decoded, Ok(packets.clone()));
        // a body that was cut never gives more than was there
        let cut = body.slice(..body.len() / 2);
        let some: Vec<_> = v3::Decoder::new(cut, 20).into_iter().flatten().flatten().collect();
        prop_assert_eq!(&some[..], &packets[..some.len()]);
    }

    #[test]
    fn a_frame_has_the_forms_of_its_packet(data in data()) {
        let (frame, packet) = (Frame::message(&data), Packet::from(data));
        let (mut own, mut of_packet) = (Vec::new(), Vec::new());
        frame.write_polling(&mut own);
        packet.encode(&mut of_packet);
        prop_assert_eq!(own.len(), frame.polling_len());
        prop_assert_eq!(own, of_packet);
        let data = packet.into_frame();
        prop_assert_eq!(frame.is_binary(), matches!(data, Data::Binary(_)));
        prop_assert_eq!(frame.payload().len(), data.len());
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = Text::from_utf8(bytes.clone().into()) {
            Packet::decode(&text).ok();
            Query::parse(&text, &Config::default()).ok();
        }
        if let Ok(packets) = Decoder::new(bytes.clone().into(), 16) {
            let separators = bytes.iter().filter(|byte| **byte == SEPARATOR).count();
            prop_assert!(packets.count() <= separators + 1);
        }
    }

    #[test]
    fn parameters_survive_a_query(list in prop::collection::vec((".{1,9}", ".{0,9}"), 0..6)) {
        let pair = |(key, value): &(String, String)| format!("{}={}", escape(key), escape(value));
        let query: Vec<_> = list.iter().map(pair).collect();
        prop_assert_eq!(pairs(&query.join("&"))
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect::<Vec<_>>(),
            list);
    }
}

/// What may happen to a server machine.
#[derive(Clone, Debug)]
enum Op {
    Advance(u64),
    Oversleep(u64),
    Poll,
    DropPoll,
    PostHead,
    PostBody(Vec<&'static str>),
    FailPost(PostFailure),
    OpenLink,
    Text(u64, &'static str),
    Binary(u64),
    Cut(u64),
    Send(usize),
    Batch(usize),
    Close(CloseReason),
    Hold(bool),
    Drain,
}

fn op() -> impl Strategy<Value = Op> {
    let said = || {
        prop::sample::select(vec![
            "1", "2", "2probe", "3", "4x", "4x", "4x", "5", "6", "bAQID", "b4AQID", "", "abc", "é",
        ])
    };
    let failures = vec![
        PostFailure::Dropped,
        PostFailure::TooLarge,
        PostFailure::TooSlow,
        PostFailure::WrongType,
        PostFailure::NoMemory,
    ];
    let reasons = vec![CloseReason::ForcedClose, CloseReason::SlowConsumer];
    prop_oneof![
        4 => (0u64..12_000).prop_map(Op::Advance),
        1 => (0u64..90_000).prop_map(Op::Oversleep),
        6 => Just(Op::Poll),
        1 => Just(Op::DropPoll),
        2 => Just(Op::PostHead),
        4 => prop::collection::vec(said(), 0..4).prop_map(Op::PostBody),
        1 => prop::sample::select(failures).prop_map(Op::FailPost),
        2 => Just(Op::OpenLink),
        3 => (0u64..4, Just("2probe")).prop_map(|(link, text)| Op::Text(link, text)),
        3 => (0u64..4, Just("5")).prop_map(|(link, text)| Op::Text(link, text)),
        3 => (0u64..4, said()).prop_map(|(link, text)| Op::Text(link, text)),
        1 => (0u64..4).prop_map(Op::Binary),
        1 => (0u64..4).prop_map(Op::Cut),
        8 => (0usize..60).prop_map(Op::Send),
        2 => (0usize..4).prop_map(Op::Batch),
        1 => prop::sample::select(reasons).prop_map(Op::Close),
        1 => any::<bool>().prop_map(Op::Hold),
        6 => Just(Op::Drain),
    ]
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let protocol = prop::sample::select(vec![Protocol::V3, Protocol::V4]);
    (protocol, any::<bool>()).prop_map(|(protocol, base64)| Dialect { protocol, base64 })
}

/// The machine, what was sent, and what arrived; the rest of the contract is the testkit's.
struct Run {
    script: Scripted,
    dialect: Dialect,
    next: u64,
    post: Option<u64>,
    poll: u64,
    links: u64,
    sent: Vec<String>,
    arrived: Vec<String>,
}

const BUDGET: usize = 300;

impl Run {
    fn new(linked: bool, dialect: Dialect) -> Self {
        let mut config = Config::default();
        config.max_buffered = BUDGET;
        config.max_payload = 50;
        Self {
            script: Scripted::speaking(dialect, config, linked),
            dialect,
            next: 1,
            post: None,
            poll: 0,
            links: u64::from(linked),
            sent: Vec::new(),
            arrived: Vec::new(),
        }
    }

    fn name(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn apply(&mut self, op: Op) {
        let s = &mut self.script;
        match op {
            Op::Advance(time) => drop(s.advance(ms(time))),
            Op::Oversleep(time) => drop(s.oversleep(ms(time)).fire()),
            Op::Poll => {
                let name = self.name();
                self.poll = name;
                self.script.poll(name);
            }
            Op::DropPoll => drop(s.drop_poll(self.poll)),
            Op::PostHead => {
                let name = self.name();
                self.post = Some(name);
                self.script.post_head(name);
            }
            Op::PostBody(packets) => {
                let name = self.post.take().unwrap_or_else(|| {
                    let name = self.name();
                    self.script.post_head(name);
                    name
                });
                let body = match self.dialect.protocol {
                    Protocol::V4 => packets.join("\u{1e}"),
                    Protocol::V3 => {
                        let item = |item: &&str| format!("{}:{item}", item.chars().count());
                        packets.iter().map(item).collect()
                    }
                };
                self.script.post_bytes(name, body);
            }
            Op::FailPost(failure) => {
                if let Some(post) = self.post.take() {
                    s.fail_post(post, failure);
                }
            }
            Op::OpenLink if self.links < 4 => {
                s.open_link(self.links);
                self.links += 1;
            }
            Op::OpenLink => {}
            Op::Text(link, text) => drop(s.text(link, text)),
            Op::Binary(link) => drop(s.link(link, Data::Binary(vec![1, 2].into()))),
            Op::Cut(link) => drop(s.cut(link, CloseReason::TransportClose)),
            Op::Send(len) => {
                let text = format!("{}:{}", self.sent.len(), "x".repeat(len));
                if s.try_send(&text).is_ok() {
                    self.sent.push(text);
                }
            }
            Op::Batch(rest) => {
                let texts: Vec<_> = (0..=rest)
                    .map(|n| format!("{}+{n}", self.sent.len()))
                    .collect();
                let mut frames = texts
                    .iter()
                    .map(|text| Frame::message(&text.as_str().into()));
                let first = frames.next().unwrap();
                if s.try_send_batch(Batch::new(first, frames.collect()))
                    .is_ok()
                {
                    self.sent.extend(texts);
                }
            }
            Op::Close(reason) => drop(s.close(reason)),
            Op::Hold(held) => drop(s.hold_heartbeat(held)),
            Op::Drain => self.drain(),
        }
        assert!(self.script.session().buffered() <= BUDGET);
    }

    fn drain(&mut self) {
        for line in self.script.outputs() {
            let (what, content) = line.split_once(": ").unwrap_or_default();
            if what.starts_with("reply") && self.dialect.protocol == Protocol::V3 {
                // other answers are no payloads
                let packets = v3::Decoder::new(content.to_owned().into(), usize::MAX).unwrap();
                let messages = packets.filter_map(|packet| match packet {
                    Ok(Packet::Message(Data::Text(text))) => Some(text.as_str().to_owned()),
                    _ => None,
                });
                self.arrived.extend(messages);
            } else if what.starts_with("reply") || what.starts_with("frame") {
                let messages = content
                    .split('|')
                    .filter_map(|packet| packet.strip_prefix('4'));
                self.arrived.extend(messages.map(str::to_owned));
            }
        }
        assert_eq!(
            self.arrived,
            self.sent[..self.arrived.len()],
            "once and in order"
        );
    }

    /// Whatever happened, it ends, and nothing is left.
    fn end(mut self) {
        self.drain();
        let closing = self.script.session().is_closed();
        if !closing && self.script.session().is_writable() {
            assert!(
                self.script.session().buffered() == 0,
                "writable, and something waits"
            );
        }
        self.script
            .close(CloseReason::ForcedClose)
            .advance(secs(31));
        self.drain();
        assert!(self.script.session().is_closed());
        assert_eq!(self.script.timeout(), None);
        let name = self.name();
        self.script
            .poll(name)
            .expect(&[&format!("reply {name}: refused 1")]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_the_machine_keeps_its_contract(
        linked in any::<bool>(),
        dialect in dialect(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let mut run = Run::new(linked, dialect);
        for op in ops {
            run.apply(op);
        }
        run.end();
    }
}

/// What may happen between a client and a server.
#[derive(Clone, Debug)]
enum Step {
    Run(u64),
    Up,
    Down,
    CutProbe,
    Hold,
    Release,
    Dial,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u64..60).prop_map(Step::Run),
        1 => (0u64..30_000).prop_map(Step::Run),
        4 => Just(Step::Up),
        4 => Just(Step::Down),
        1 => Just(Step::CutProbe),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
        1 => Just(Step::Dial),
    ]
}

fn texts(data: &[Data]) -> Vec<String> {
    data.iter().map(|data| format!("{data:?}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Messages come once and in order, whenever the upgrade happens and however often a probe
    /// fails; nobody loses the connection.
    #[test]
    fn an_honest_client_gets_and_sends_everything(
        dialect in dialect(),
        latencies in (0u64..120, 0u64..120),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let (http, websocket) = latencies;
        let mut config = Config::default();
        if dialect.protocol == Protocol::V3 {
            // the model's client does not ping
            config.ping_interval = secs(1_000_000);
        }
        let pair = Pair::polling_speaking(dialect, config, true);
        let mut p = pair.latency(ms(http), ms(websocket));
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Run(time) => {
                    // what is held longer than a heartbeat ends the session, rightly
                    if time > 1000 {
                        p.link.release_posts(p.now);
                    }
                    p.run_for(ms(time));
                }
                Step::Up => {
                    let data = Data::from(format!("up {}", up.len()).as_str());
                    p.client.send(data.clone());
                    up.push(data);
                }
                Step::Down => {
                    let data = Data::Binary(vec![down.len() as u8].into());
                    p.serve(data.clone());
                    down.push(data);
                }
                // later, the client may have given its word on the WebSocket already
                Step::CutProbe => {
                    if let Upgrade::Dialing(_) | Upgrade::Probing(_) = p.client.upgrade() {
                        p.cut_websocket();
                    }
                }
                Step::Hold => p.link.hold_posts = true,
                Step::Release => p.link.release_posts(p.now),
                Step::Dial => p.client.dial(),
            }
        }
        p.link.release_posts(p.now);
        p.run_for(secs(2));
        prop_assert_eq!(p.closed(), None, "{}", p);
        prop_assert_eq!(texts(p.received()), texts(&up), "{}", p);
        prop_assert_eq!(texts(p.client.received()), texts(&down), "{}", p);
    }

    /// However it breaks, both sides saw a beginning of what was sent, and it ends.
    #[test]
    fn a_broken_connection_leaves_no_hole_and_ends(
        latencies in (0u64..60, 0u64..60),
        steps in prop::collection::vec(step(), 0..40),
        websocket in any::<bool>(),
    ) {
        let config = Config::default();
        let p = if websocket { Pair::websocket(config) } else { Pair::polling(config, true) };
        let mut p = p.latency(ms(latencies.0), ms(latencies.1));
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Up => {
                    let data = Data::from(format!("up {}", up.len()).as_str());
                    p.client.send(data.clone());
                    up.push(data);
                }
                Step::Down => {
                    let data = Data::Binary(vec![down.len() as u8].into());
                    p.serve(data.clone());
                    down.push(data);
                }
                Step::Run(time) => p.run_for(ms(time)),
                _ => {}
            }
        }
        // before its first poll, and between its last one and its word that it has moved, the
        // client has nothing whose loss would end the session
        let moved = |p: &Pair| matches!(p.client.upgrade(), Upgrade::Done(_));
        for _ in 0..1000 {
            if moved(&p) || p.client.get().is_some() {
                break;
            }
            p.run_for(ms(1));
        }
        if moved(&p) {
            p.cut_websocket();
        } else {
            p.cancel_poll();
        }
        p.run_for(secs(120));
        prop_assert!(p.closed().is_some() && p.server.is_closed(), "{}", p);
        let (seen_up, seen_down) = (texts(p.received()), texts(p.client.received()));
        prop_assert_eq!(&seen_up[..], &texts(&up)[..seen_up.len()], "{}", p);
        prop_assert_eq!(&seen_down[..], &texts(&down)[..seen_down.len()], "{}", p);
    }
}
