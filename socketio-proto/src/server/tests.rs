//! The contract, line by line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::{CloseReason, Data, Spare};

use super::*;
use crate::error::Misuse;
use crate::id::SocketId;
use crate::packet::ConnectError;
use crate::parser::Parser;

const ID: &str = "AAAAAAAAAAAAAAAAAAAA";

/// A connection, its clock, and outputs in short.
struct Rig {
    connection: Connection,
    start: Instant,
    now: Instant,
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn any_instant() -> Instant {
    Instant::now()
}

impl Rig {
    fn new(config: Config) -> Self {
        let start = any_instant();
        Self {
            connection: Connection::new(Parser::Json, Arc::new(config), start),
            start,
            now: start,
        }
    }

    /// In `/` and in `/a`.
    fn joined() -> Self {
        let mut rig = Self::new(Config::default());
        rig.join("/");
        rig.join("/a");
        rig
    }

    fn join(&mut self, namespace: &str) {
        self.text(&format!("0{namespace},").replace("0/,", "0"));
        self.accept(namespace).unwrap();
        assert_eq!(self.take().len(), 2);
    }

    fn text(&mut self, text: &str) {
        self.connection.handle_data(self.now, text.into());
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.connection
            .handle_data(self.now, Data::Binary(bytes.to_vec().into()));
    }

    fn accept(&mut self, namespace: &str) -> Result<(), Misuse> {
        let id = SocketId::from_entropy([0; 15]);
        self.connection.accept(self.now, &ns(namespace), id, None)
    }

    fn refuse(&mut self, namespace: &str) -> Result<(), Misuse> {
        self.connection
            .refuse(self.now, &ns(namespace), &ConnectError::new("no"))
    }

    fn disconnect(&mut self, namespace: &str) -> Result<(), Misuse> {
        self.connection.disconnect(self.now, &ns(namespace))
    }

    fn expect_ack(&mut self, namespace: &str, id: u64, seconds: u64) -> Result<(), Misuse> {
        let until = self.now + Duration::from_secs(seconds);
        let id = AckId::new(id).unwrap();
        self.connection
            .expect_ack(self.now, &ns(namespace), id, until)
    }

    fn send(&mut self, namespace: &str) -> Result<(), Misuse> {
        let batch = Data::from("2[\"x\"]").into();
        self.connection.send(&ns(namespace), batch)
    }

    fn closed(&mut self, reason: CloseReason) {
        self.connection.handle_closed(self.now, reason);
    }

    /// Seconds from the start at which a timer is due.
    fn due(&self) -> Option<u64> {
        self.connection
            .poll_timeout()
            .map(|due| (due - self.start).as_secs())
    }

    fn at(&mut self, seconds: u64) {
        self.now = self.start + Duration::from_secs(seconds);
    }

    fn wake_at(&mut self, seconds: u64) {
        self.at(seconds);
        self.connection.handle_timeout(self.now);
    }

    fn take(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.connection.poll_output())
            .map(|output| short(&output))
            .collect()
    }

    /// Everything that may still be tried on a closed connection.
    fn assert_closed(&mut self) {
        assert_eq!(self.due(), None);
        self.text("0");
        self.text("2[\"x\"]");
        self.binary(&[1]);
        self.closed(CloseReason::TransportClose);
        self.wake_at(1_000_000);
        assert_eq!(self.accept("/"), Err(Misuse::Closed));
        assert_eq!(self.refuse("/"), Err(Misuse::Closed));
        assert_eq!(self.send("/"), Err(Misuse::Closed));
        assert_eq!(self.expect_ack("/", 1, 1), Err(Misuse::Closed));
        assert_eq!(self.disconnect("/"), Err(Misuse::Closed));
        assert_eq!(self.take(), [""; 0]);
    }
}

fn ns(name: &str) -> NamespaceId {
    NamespaceId::new(name).unwrap()
}

fn short(output: &Output) -> String {
    match output {
        Output::Send(batch) => {
            let frames = batch
                .iter()
                .map(|frame| String::from_utf8_lossy(frame.payload()));
            format!("send {}", frames.collect::<Vec<_>>().join(" "))
        }
        Output::Close(reason) => format!("close: {reason}"),
        Output::Event(event) => match event {
            Event::ConnectRequested {
                namespace,
                auth: None,
            } => format!("request {namespace}"),
            Event::ConnectRequested {
                namespace,
                auth: Some(auth),
            } => {
                format!("request {namespace} {auth}")
            }
            Event::Received {
                namespace,
                name,
                args,
                ack: None,
            } => {
                format!("received {namespace} {name} {args:?}")
            }
            Event::Received {
                namespace,
                name,
                args,
                ack: Some(id),
            } => {
                format!("received {namespace} {name} {args:?} #{id}")
            }
            Event::Acked {
                namespace,
                id,
                args,
            } => format!("acked {namespace} #{id} {args:?}"),
            Event::AckExpired { namespace, id } => format!("expired {namespace} #{id}"),
            Event::Disconnected { namespace, reason } => format!("left {namespace}: {reason}"),
        },
    }
}

#[test]
fn line_1_a_connect_is_asked_for_and_answered() {
    let mut rig = Rig::new(Config::default());
    rig.text("0/a,{\"token\":1}");
    rig.text("0/b");
    rig.text("0");
    assert_eq!(
        rig.take(),
        ["request /a {\"token\":1}", "request /b", "request /"]
    );
    rig.accept("/").unwrap();
    rig.refuse("/b").unwrap();
    rig.accept("/a").unwrap();
    assert_eq!(
        rig.take(),
        [
            format!("send 40{{\"sid\":\"{ID}\"}}"),
            "send 44/b,{\"message\":\"no\"}".into(),
            format!("send 40/a,{{\"sid\":\"{ID}\"}}"),
        ]
    );
    assert_eq!(rig.accept("/"), Err(Misuse::NotConnecting));
    assert_eq!(rig.refuse("/a"), Err(Misuse::NotConnecting));
    assert_eq!(rig.accept("/b"), Err(Misuse::NotConnecting));
    rig.text("0/b,");
    assert_eq!(rig.take(), ["request /b"]);
}

#[test]
fn line_2_what_breaks_the_protocol_closes() {
    for (sent, why) in [
        ("0", "a second CONNECT while connected"),
        ("2/new,[\"x\"]", "an event for a namespace never joined"),
        ("3/new,1[]", "an ack for a namespace never joined"),
        (
            r#"51-/new,["x",{"_placeholder":true,"num":0}]"#,
            "an event with attachments for a namespace never joined",
        ),
        ("1/new", "a DISCONNECT for a namespace never joined"),
        ("4{\"message\":\"x\"}", "a CONNECT_ERROR"),
        ("4/new,{\"message\":\"x\"}", "a CONNECT_ERROR elsewhere"),
        ("9", "no packet"),
        ("2[\"connect\"]", "a reserved name"),
        ("2[\"x\"", "no JSON"),
        ("50-[\"x\"]", "a count of zero"),
    ] {
        let mut rig = Rig::joined();
        rig.text(sent);
        let left = [
            "left /: parse error",
            "left /a: parse error",
            "close: parse error",
        ];
        assert_eq!(rig.take(), left, "{why}");
        rig.assert_closed();
    }
    for sent in [
        "0/b",
        "2/b,[\"x\"]",
        r#"51-/b,["x",{"_placeholder":true,"num":0}]"#,
        "3/b,1[]",
        "1/b",
        "4/b,{}",
    ] {
        let mut rig = Rig::new(Config::default());
        rig.text("0/b");
        rig.text(sent);
        assert_eq!(
            rig.take(),
            ["request /b", "close: parse error"],
            "{sent} while connecting"
        );
        rig.assert_closed();
    }
    let mut rig = Rig::joined();
    rig.binary(&[1]);
    assert_eq!(rig.take().last().unwrap(), "close: parse error");
    let mut rig = Rig::joined();
    rig.text(r#"51-["x",{"_placeholder":true,"num":0}]"#);
    rig.text("2[\"y\"]");
    assert_eq!(rig.take().last().unwrap(), "close: parse error");
    rig.assert_closed();
}

#[test]
fn line_3_every_accept_has_one_disconnected() {
    let mut rig = Rig::joined();
    rig.text("1/a,");
    assert_eq!(rig.take(), ["left /a: client namespace disconnect"]);
    assert_eq!(rig.send("/a"), Err(Misuse::NotConnected));
    assert_eq!(rig.disconnect("/a"), Err(Misuse::NotConnected));
    rig.join("/a");
    rig.disconnect("/a").unwrap();
    assert_eq!(
        rig.take(),
        ["send 41/a,", "left /a: server namespace disconnect"]
    );
    assert_eq!(rig.disconnect("/a"), Err(Misuse::NotConnected));
    rig.text("0/never,");
    rig.take();
    rig.closed(CloseReason::PingTimeout);
    assert_eq!(rig.take(), ["left /: ping timeout"]);
}

#[test]
fn line_4_after_the_transport_closed_there_is_silence() {
    let mut rig = Rig::joined();
    rig.expect_ack("/", 0, 5).unwrap();
    rig.closed(CloseReason::TransportError);
    assert_eq!(
        rig.take(),
        ["left /: transport error", "left /a: transport error"]
    );
    rig.assert_closed();
}

#[test]
fn line_5_late_packets_after_the_servers_disconnect_are_ignored() {
    let mut rig = Rig::joined();
    rig.disconnect("/a").unwrap();
    rig.take();
    rig.text("2/a,[\"late\"]");
    rig.text("3/a,1[]");
    rig.text(r#"51-/a,["late",{"_placeholder":true,"num":0}]"#);
    rig.binary(&[1]);
    assert_eq!(rig.take(), [""; 0]);
    rig.join("/a");
    rig.text("2/a,[\"new\"]");
    assert_eq!(rig.take(), ["received /a new []"]);
    rig.disconnect("/a").unwrap();
    rig.text("1/a,");
    rig.take();
    rig.text("2/a,[\"after its own disconnect\"]");
    assert_eq!(rig.take().last().unwrap(), "close: parse error");
}

#[test]
fn line_6_a_connection_without_namespace_ends_in_time() {
    let mut rig = Rig::new(Config::default());
    assert_eq!(rig.due(), Some(45));
    rig.text("0/slow,");
    rig.take();
    rig.wake_at(44);
    assert_eq!(rig.take(), [""; 0]);
    rig.wake_at(45);
    assert_eq!(rig.take(), ["close: forced close"]);
    rig.assert_closed();

    let mut rig = Rig::joined();
    assert_eq!(rig.due(), None);
    rig.at(100);
    rig.text("1");
    assert_eq!(rig.due(), None);
    rig.disconnect("/a").unwrap();
    rig.take();
    assert_eq!(rig.due(), Some(145));
    rig.at(144);
    rig.join("/");
    assert_eq!(rig.due(), None);
    rig.text("1");
    rig.take();
    assert_eq!(rig.due(), Some(189));
    rig.wake_at(189);
    assert_eq!(rig.take(), ["close: forced close"]);
}

#[test]
fn line_7_events_and_acks_come_in_order() {
    let mut rig = Rig::joined();
    rig.expect_ack("/", 0, 5).unwrap();
    rig.text("2[\"one\",1]");
    rig.text("30[\"answer\"]");
    rig.text("30[\"again\"]");
    rig.text("3/a,0[\"elsewhere\"]");
    rig.text("399[\"unknown\"]");
    rig.text(r#"51-/a,7["two",{"_placeholder":true,"num":0}]"#);
    rig.binary(b"xyz");
    assert_eq!(
        rig.take(),
        [
            "received / one [1]",
            "acked / #0 [\"answer\"]",
            "received /a two [{\"_placeholder\":true,\"num\":0}, 3 bytes] #7",
        ]
    );
    rig.send("/a").unwrap();
    assert_eq!(rig.take(), ["send 42[\"x\"]"]);
}

#[test]
fn line_8_an_expected_ack_ends_once() {
    let mut rig = Rig::joined();
    rig.expect_ack("/", 1, 30).unwrap();
    rig.expect_ack("/", 2, 10).unwrap();
    rig.expect_ack("/a", 1, 20).unwrap();
    assert_eq!(rig.expect_ack("/", 1, 9), Err(Misuse::DuplicateAck));
    assert_eq!(rig.expect_ack("/b", 1, 9), Err(Misuse::NotConnected));
    assert_eq!(rig.due(), Some(10));
    rig.wake_at(20);
    assert_eq!(rig.take(), ["expired / #2", "expired /a #1"]);
    rig.text("32[]");
    assert_eq!(rig.take(), [""; 0]);
    rig.expect_ack("/a", 1, 20).unwrap();
    rig.text("1");
    assert_eq!(rig.take(), ["left /: client namespace disconnect"]);
    assert_eq!(rig.due(), Some(40));
    rig.text("3/a,1[]");
    assert_eq!(rig.take(), ["acked /a #1 []"]);
    assert_eq!(rig.due(), None);
    rig.wake_at(100);
    assert_eq!(rig.take(), [""; 0]);
}

#[test]
fn line_8_the_deadline_of_an_expected_ack_may_be_moved() {
    let mut rig = Rig::joined();
    rig.expect_ack("/", 1, 30).unwrap();
    let until = rig.now + Duration::from_secs(10);
    let mut limit = |id| {
        let id = AckId::new(id).unwrap();
        rig.connection.limit_ack(rig.now, &ns("/"), id, until)
    };
    assert_eq!(limit(1), Ok(()));
    assert_eq!(limit(2), Err(Misuse::NotExpected));
    assert_eq!(rig.due(), Some(10));
    rig.wake_at(10);
    assert_eq!(rig.take(), ["expired / #1"]);
}

#[test]
fn line_8_pending_acks_are_limited() {
    let mut rig = Rig::new(Config::default().limits(Limits::default().pending_acks(2)));
    rig.join("/");
    rig.expect_ack("/", 0, 1).unwrap();
    rig.expect_ack("/", 1, 1).unwrap();
    assert_eq!(rig.expect_ack("/", 2, 1), Err(Misuse::TooManyAcks));
    rig.text("30[]");
    rig.expect_ack("/", 2, 1).unwrap();
}

#[test]
fn line_9_namespaces_are_limited() {
    let mut rig = Rig::new(Config::default().limits(Limits::default().namespaces(2)));
    rig.join("/a");
    rig.text("0/b,");
    assert_eq!(rig.take(), ["request /b"]);
    rig.text("0/c,");
    assert_eq!(
        rig.take(),
        ["send 44/c,{\"message\":\"too many namespaces\"}"]
    );
    assert_eq!(rig.accept("/c"), Err(Misuse::NotConnecting));
    // the memory of a namespace that was left makes room
    rig.disconnect("/a").unwrap();
    rig.take();
    rig.text("0/c,");
    assert_eq!(rig.take(), ["request /c"]);
    rig.text("0/d,");
    assert_eq!(
        rig.take(),
        ["send 44/d,{\"message\":\"too many namespaces\"}"]
    );
}

#[test]
fn line_10_due_timers_come_before_input() {
    let mut rig = Rig::joined();
    rig.expect_ack("/", 0, 10).unwrap();
    rig.at(10);
    rig.text("30[]");
    assert_eq!(rig.take(), ["expired / #0"]);

    let mut rig = Rig::new(Config::default());
    rig.text("0");
    rig.take();
    rig.at(45);
    assert_eq!(rig.accept("/"), Err(Misuse::Closed));
    assert_eq!(rig.take(), ["close: forced close"]);
}

#[test]
fn an_unfinished_packet_has_a_deadline() {
    let mut rig = Rig::joined();
    let text = r#"52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    rig.text(text);
    assert_eq!(rig.due(), Some(30));
    assert_eq!(rig.connection.buffered(), text.len());
    rig.at(29);
    rig.binary(&[1]);
    assert_eq!(
        rig.due(),
        Some(30),
        "the deadline is that of the whole packet"
    );
    rig.binary(&[2]);
    assert_eq!((rig.due(), rig.connection.buffered()), (None, 0));
    assert_eq!(rig.take().len(), 1);
    rig.text(text);
    rig.wake_at(59);
    assert_eq!(rig.take().last().unwrap(), "close: parse error");
    rig.assert_closed();
}

#[test]
fn the_deadlines_are_those_of_the_settings() {
    let seconds = Duration::from_secs;
    let config = Config::default().connect_timeout(seconds(7));
    let mut rig = Rig::new(config.assembly_timeout(seconds(3)));
    assert_eq!(rig.due(), Some(7));
    rig.join("/");
    rig.text(r#"51-["x",{"_placeholder":true,"num":0}]"#);
    assert_eq!(rig.due(), Some(3));
}

#[test]
fn kept_names_do_not_keep_packets_alive() {
    let mut rig = Rig::new(Config::default());
    let packet = Text::from("0/a,");
    rig.connection
        .handle_data(rig.now, Data::Text(packet.clone()));
    let Some(Output::Event(Event::ConnectRequested { namespace, .. })) =
        rig.connection.poll_output()
    else {
        panic!()
    };
    let start = packet.as_ptr() as usize;
    let range = start..start + packet.len();
    assert!(!range.contains(&(namespace.as_str().as_ptr() as usize)));
}

#[test]
fn outputs_stand_in_the_memory_that_was_lent_and_drained_it_comes_back() {
    let mut rig = Rig::joined();
    let mut spare = Spare::new();
    spare.take_back(&mut VecDeque::with_capacity(50));
    rig.connection.return_memory(&mut spare);
    rig.connection.borrow_memory(&mut spare);
    assert_eq!(spare.capacity(), 0, "it is lent");
    rig.text("2[\"x\"]");
    rig.connection.return_memory(&mut spare);
    assert_eq!(spare.capacity(), 0, "it is in use");
    assert_eq!(rig.take().len(), 1);
    rig.connection.return_memory(&mut spare);
    assert_eq!(spare.capacity(), 50);
}

#[test]
fn an_ack_that_is_expected_stays_so_when_memory_is_given_back() {
    let mut rig = Rig::joined();
    let (id, until) = (AckId::new(7).unwrap(), rig.now + Duration::from_secs(1));
    rig.connection
        .expect_ack(rig.now, &NamespaceId::ROOT, id, until)
        .unwrap();
    rig.connection.shrink();
    assert_eq!(rig.connection.poll_timeout(), Some(until));
    rig.text("37[]");
    assert_eq!(rig.take().len(), 1);
    rig.connection.shrink();
    assert_eq!(rig.connection.poll_timeout(), None);
}
