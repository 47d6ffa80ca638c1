//! The contract, line by line. What the machine does is shown as it would be read:
//! `> 20["x"]` is sent, `/ connected` is an event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::{CloseReason, Data};

use super::*;
use crate::args::{Args, Binary, IntoArgs};
use crate::error::{EncodeError, Misuse, SendError};
use crate::parser::Parser;

const ID: &str = "AAAAAAAAAAAAAAAAAAAA";

/// A machine, its clock, and the last question of each kind.
struct Rig {
    machine: Connection,
    now: Instant,
    attempts: Vec<(NamespaceId, Attempt)>,
    replies: Vec<Reply>,
    emits: u64,
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn any_instant() -> Instant {
    Instant::now()
}

fn ns(name: &str) -> NamespaceId {
    NamespaceId::new(name).unwrap()
}

impl Rig {
    fn new(config: Config) -> Self {
        Self {
            machine: Connection::new(Parser::Json, Arc::new(config)),
            now: any_instant(),
            attempts: Vec::new(),
            replies: Vec::new(),
            emits: 0,
        }
    }

    /// Connected to these namespaces, and all of it told.
    fn connected(names: &[&str]) -> Self {
        let mut rig = Self::new(Config::default());
        for name in names {
            rig.machine.connect(&ns(name));
        }
        rig.machine.handle_opened(rig.now);
        rig.take();
        for name in names {
            rig.enter(name);
        }
        rig
    }

    /// With `/` connected and these settings for it.
    fn with(settings: Settings) -> Self {
        let mut rig = Self::connected(&["/"]);
        rig.machine.configure(&ns("/"), settings);
        rig
    }

    /// Answers the question for credentials, and lets the server answer.
    fn enter(&mut self, name: &str) {
        self.authenticate(name, None).unwrap();
        self.text(&format!("0{}{{\"sid\":\"{ID}\"}}", prefix(name)));
        let told = self.take();
        assert_eq!(told.first(), Some(&format!("> 0{}", prefix(name))));
        assert_eq!(told.last(), Some(&format!("{name} connected")));
    }

    fn authenticate(&mut self, name: &str, auth: Option<&str>) -> Result<(), Misuse> {
        let asked = self.attempts.iter().rev().find(|(own, _)| own == name);
        let (_, attempt) = asked.expect("nobody asked");
        self.machine
            .authenticate(&ns(name), *attempt, auth.map(Text::from))
    }

    fn reopen(&mut self) {
        self.machine
            .handle_closed(self.now, CloseReason::TransportClose);
        self.take();
        self.machine.handle_opened(self.now);
        self.take();
    }

    fn text(&mut self, text: &str) {
        self.machine.handle_data(self.now, text.into());
    }

    fn emit_to(&mut self, name: &str, event: &str, options: Emit) -> EmitId {
        self.try_emit(name, event, &Args(()), options).unwrap()
    }

    fn emit(&mut self, event: &str, options: Emit) -> EmitId {
        self.emit_to("/", event, options)
    }

    fn try_emit(
        &mut self,
        name: &str,
        event: &str,
        args: &(impl IntoArgs + ?Sized),
        options: Emit,
    ) -> Result<EmitId, SendError> {
        let args = RawArgs::encode(args).unwrap();
        self.emits += 1;
        let emit = EmitId::new(self.emits);
        let ack = options.ack.map(|_| emit);
        let options = Emit { ack, ..options };
        self.machine
            .emit(self.now, &ns(name), event.into(), args, options)
            .map(|()| emit)
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
    }

    /// All outputs since the last call.
    fn take(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            told.push(self.show(output));
        }
        told
    }

    fn show(&mut self, output: Output) -> String {
        match output {
            Output::Send(batch) => {
                let frames = batch.iter().map(|frame| match frame.payload() {
                    bytes if frame.is_binary() => format!("{bytes:?}"),
                    text => std::str::from_utf8(text).unwrap().replacen('4', "", 1),
                });
                format!("> {}", frames.collect::<Vec<_>>().join(" "))
            }
            Output::Close(reason) => format!("close: {reason}"),
            Output::Event(event) => self.show_event(event),
        }
    }

    fn show_event(&mut self, event: Event) -> String {
        match event {
            Event::AuthNeeded { namespace, attempt } => {
                self.attempts.push((namespace.clone(), attempt));
                format!("{namespace} auth?")
            }
            Event::Connected {
                namespace,
                recovered,
                ..
            } if recovered => format!("{namespace} recovered"),
            Event::Connected { namespace, .. } => format!("{namespace} connected"),
            Event::Refused { namespace, error } => match error.data_json() {
                Some(data) => format!("{namespace} refused: {error} {data}"),
                None => format!("{namespace} refused: {error}"),
            },
            Event::Received {
                namespace,
                name,
                args,
                reply,
            } => {
                let asks = if reply.is_some() { "?" } else { "" };
                self.replies.extend(reply);
                format!("{namespace} {name}{args:?}{asks}")
            }
            Event::Sent {
                namespace,
                name,
                args,
            } => format!("{namespace} sent {name}{args:?}"),
            Event::Acked { emit, args, .. } => format!("#{} {args:?}", self.nth(emit)),
            Event::AckFailed { emit, failure, .. } => format!("#{} {failure:?}", self.nth(emit)),
            Event::Disconnected { namespace, reason } => format!("{namespace} left: {reason}"),
        }
    }

    fn nth(&self, emit: EmitId) -> u64 {
        emit.0
    }
}

fn prefix(name: &str) -> String {
    if name == "/" {
        String::new()
    } else {
        format!("{name},")
    }
}

/// With an answer; the rig numbers them.
fn ack() -> Emit {
    Emit::default().ack(EmitId::new(0))
}

fn ack_in(seconds: u64) -> Emit {
    ack().timeout(Some(Duration::from_secs(seconds)))
}

fn retries(retries: u32) -> Settings {
    Settings {
        retries,
        ack_timeout: Some(Duration::from_secs(1)),
        ..Settings::default()
    }
}

// 1

#[test]
fn credentials_are_asked_for_at_every_connection_in_the_order_of_asking() {
    let mut rig = Rig::new(Config::default());
    for name in ["/b", "/", "/a"] {
        rig.machine.connect(&ns(name));
        rig.machine.connect(&ns(name));
    }
    assert!(rig.take().is_empty() && rig.machine.is_wanted());
    rig.machine.handle_opened(rig.now);
    assert_eq!(rig.take(), ["/b auth?", "/ auth?", "/a auth?"]);
    rig.authenticate("/", Some(r#"{"token":1}"#)).unwrap();
    rig.authenticate("/b", None).unwrap();
    assert_eq!(rig.take(), [r#"> 0{"token":1}"#, "> 0/b,"]);
    rig.reopen();
    assert_eq!(rig.attempts.len(), 6);
}

#[test]
fn an_answer_to_an_earlier_question_is_refused() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    rig.machine.handle_opened(rig.now);
    rig.take();
    let (_, old) = rig.attempts.pop().unwrap();
    rig.reopen();
    let late = rig.machine.authenticate(&ns("/"), old, None);
    assert_eq!(late, Err(Misuse::NotConnecting));
    assert_eq!(rig.authenticate("/", Some("[1]")), Err(Misuse::InvalidAuth));
    rig.enter("/");
    assert_eq!(rig.authenticate("/", None), Err(Misuse::NotConnecting));
}

#[test]
fn credentials_that_cannot_be_had_are_a_refusal() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    rig.machine.handle_opened(rig.now);
    rig.take();
    let (name, attempt) = rig.attempts.pop().unwrap();
    let error = ConnectError::new("no token");
    rig.machine.abandon(&name, attempt, error).unwrap();
    assert_eq!(rig.take(), ["/ refused: no token", "close: forced close"]);
}

// 2

#[test]
fn every_connected_namespace_is_told_of_the_end_once() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.machine.connect(&ns("/waiting"));
    rig.machine.handle_closed(rig.now, CloseReason::PingTimeout);
    rig.machine
        .handle_closed(rig.now, CloseReason::TransportClose);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "/waiting auth?",
            "/ left: ping timeout",
            "/a left: ping timeout"
        ]
    );
    assert!(rig.machine.is_wanted(), "all three are to come back");
}

#[test]
fn an_explicit_disconnect_says_so_to_both_sides() {
    let mut rig = Rig::connected(&["/", "/foo"]);
    rig.machine.disconnect(rig.now, &ns("/"));
    assert_eq!(rig.take(), ["> 1", "/ left: io client disconnect"]);
    rig.machine.disconnect(rig.now, &ns("/"));
    rig.machine.disconnect(rig.now, &ns("/foo"));
    let told = rig.take();
    assert_eq!(
        told,
        [
            "> 1/foo,",
            "/foo left: io client disconnect",
            "close: forced close"
        ]
    );
    assert!(!rig.machine.is_wanted());
    rig.machine.connect(&ns("/foo"));
    assert!(rig.take().is_empty(), "the old connection is not used");
    rig.machine.handle_opened(rig.now);
    assert_eq!(rig.take(), ["/foo auth?"]);
}

// 3

#[test]
fn a_refused_namespace_is_not_asked_for_again() {
    let mut rig = Rig::connected(&["/"]);
    rig.machine.connect(&ns("/admin"));
    rig.take();
    rig.authenticate("/admin", None).unwrap();
    rig.text(r#"4/admin,{"message":"unauthorized","data":{"code":401}}"#);
    let told = rig.take();
    assert_eq!(
        told,
        ["> 0/admin,", r#"/admin refused: unauthorized {"code":401}"#]
    );
    rig.reopen();
    assert_eq!(
        rig.attempts.last().map(|(name, _)| name.clone()),
        Some(ns("/"))
    );
    assert!(rig.machine.is_active(&ns("/")) && !rig.machine.is_active(&ns("/admin")));
}

#[test]
fn a_server_that_puts_us_out_is_not_asked_again() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.text("1/a,");
    assert_eq!(rig.take(), ["/a left: io server disconnect"]);
    rig.text("1");
    let told = rig.take();
    assert_eq!(
        told,
        ["/ left: io server disconnect", "close: forced close"]
    );
}

#[test]
fn an_answer_without_an_id_is_that_of_an_old_server() {
    for answer in ["0", r#"0{"sid":7}"#, r#"0{"sid":""}"#] {
        let mut rig = Rig::new(Config::default());
        rig.machine.connect(&ns("/"));
        rig.machine.handle_opened(rig.now);
        rig.take();
        rig.authenticate("/", None).unwrap();
        rig.text(answer);
        let told = rig.take();
        assert_eq!(
            told.get(1).unwrap(),
            "/ refused: the server speaks Socket.IO 2 or older"
        );
    }
}

// 4

#[test]
fn what_came_and_went_early_comes_out_before_the_connect() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    rig.emit("before", Emit::default());
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"2["missed",1]"#);
    rig.text(r#"25["asked"]"#);
    rig.emit("meanwhile", Emit::default());
    assert_eq!(rig.take(), ["> 0"]);
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "/ missed[1]",
            "/ asked[]?",
            r#"> 2["before"]"#,
            r#"> 2["meanwhile"]"#,
            "/ connected"
        ]
    );
    let reply = rig.replies.pop().unwrap();
    rig.machine
        .answer(&ns("/"), reply, RawArgs::default())
        .unwrap();
    assert_eq!(rig.take(), ["> 35[]"]);
}

#[test]
fn too_much_that_comes_early_closes() {
    let early = |max_early| {
        let config = Config {
            max_early,
            ..Config::default()
        };
        let mut rig = Rig::new(config);
        rig.machine.connect(&ns("/"));
        rig.machine.handle_opened(rig.now);
        rig.take();
        rig.authenticate("/", None).unwrap();
        rig.text(&format!(r#"2["x","{}"]"#, "x".repeat(100)));
        rig
    };
    let size = early(1000).machine.early;
    assert!(size > 100);
    assert_eq!(early(size - 1).take(), ["> 0", "close: parse error"]);
    let mut rig = early(size);
    assert_eq!(rig.take(), ["> 0"]);
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.machine.early, 0, "it is early no more");
}

// 5

#[test]
fn events_wait_for_a_connection_within_a_bound_and_volatile_ones_do_not() {
    let config = Config {
        max_buffered: 100,
        ..Config::default()
    };
    let mut rig = Rig::new(config);
    rig.machine.connect(&ns("/"));
    rig.emit("kept", Emit::default());
    rig.emit("gone", Emit::default().volatile());
    let emit = rig.emit("gone", ack().volatile());
    assert_eq!(rig.take(), [format!("#{} Dropped", emit.0)]);
    let large = rig.try_emit("/", "large", &"x".repeat(100), ack());
    assert_eq!(large, Err(SendError::Full));
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 2["kept"]"#, "/ connected"]);
    assert_eq!(rig.machine.buffered(), 0);
    rig.try_emit("/", "large", &"x".repeat(100), ack()).unwrap();
    assert!(
        rig.take().concat().starts_with(r#"> 20["large""#),
        "a refused emit spends no id"
    );
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_waits() {
    let mut rig = Rig::new(Config::default());
    let refused = rig.try_emit("/", "connect", &1, Emit::default());
    assert_eq!(refused, Err(SendError::Encode(EncodeError::Reserved)));
    let many = vec![Binary::default(); 11];
    for retries in [0, 1] {
        let settings = Settings {
            retries,
            ..Settings::default()
        };
        rig.machine.configure(&ns("/"), settings);
        let refused = rig.try_emit("/", "x", &many, Emit::default());
        assert_eq!(
            refused,
            Err(SendError::Encode(EncodeError::TooManyAttachments))
        );
    }
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn binary_leaves_behind_its_event() {
    let mut rig = Rig::connected(&["/"]);
    let bytes = Binary(b"\x01\x02".as_slice().into());
    rig.try_emit("/", "b", &Args((bytes, 1)), ack()).unwrap();
    let told = rig.take();
    assert_eq!(
        told,
        [r#"> 51-0["b",{"_placeholder":true,"num":0},1] [1, 2]"#]
    );
    rig.text(r#"61-0[{"_placeholder":true,"num":0}]"#);
    rig.machine
        .handle_data(rig.now, Data::Binary(b"\x03".as_slice().into()));
    assert!(rig.take().concat().contains("1 bytes"));
}

// 6

#[test]
fn every_ack_ends_once() {
    let mut rig = Rig::connected(&["/", "/a"]);
    let (one, two) = (rig.emit("one", ack()), rig.emit("two", ack()));
    rig.emit_to("/a", "other", ack());
    assert_eq!(rig.take().len(), 3);
    rig.text(r#"31["yes",2]"#);
    rig.text(r#"31["again"]"#);
    rig.text(r#"37["unknown"]"#);
    assert_eq!(rig.take(), [format!(r#"#{} ["yes", 2]"#, two.0)]);
    rig.machine.disconnect(rig.now, &ns("/"));
    let told = rig.take();
    assert_eq!(told.last().unwrap(), &format!("#{} Disconnected", one.0));
    assert_eq!(rig.machine.pending_acks(), 1, "that of /a");
}

#[test]
fn a_given_time_counts_from_the_emit_and_the_default_from_the_sending() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    let (short, long) = (rig.emit("short", ack_in(5)), rig.emit("long", ack_in(100)));
    let default = rig.emit("default", ack());
    assert_eq!(
        rig.machine.poll_timeout(),
        Some(rig.now + Duration::from_secs(5))
    );
    rig.pass(60);
    assert_eq!(rig.take(), [format!("#{} Timeout", short.0)]);
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(
        told,
        [
            "> 0",
            r#"> 21["long"]"#,
            r#"> 22["default"]"#,
            "/ connected"
        ]
    );
    rig.pass(29);
    assert!(rig.take().is_empty());
    rig.pass(1);
    assert_eq!(rig.take(), [format!("#{} Timeout", default.0)]);
    rig.pass(10);
    assert_eq!(rig.take(), [format!("#{} Timeout", long.0)]);
    rig.text(r#"31["late"]"#);
    assert!(rig.take().is_empty());
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn an_ack_whose_event_was_not_sent_outlives_a_connection() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    let emit = rig.emit("x", ack());
    rig.machine.handle_opened(rig.now);
    rig.reopen();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 20["x"]"#, "/ connected"]);
    rig.text("30[]");
    assert_eq!(rig.take(), [format!("#{} []", emit.0)]);
}

#[test]
fn an_answer_can_be_given_a_time_later() {
    let mut rig = Rig::connected(&["/"]);
    let second = Duration::from_secs(1);
    let one = rig.emit("x", ack());
    rig.machine.limit_ack(rig.now, &ns("/"), one, second);
    rig.pass(1);
    assert_eq!(rig.take().last().unwrap(), &format!("#{} Timeout", one.0));
    rig.machine.limit_ack(rig.now, &ns("/"), one, second);
    assert_eq!(rig.machine.poll_timeout(), None);

    rig.machine.configure(&ns("/"), retries(1));
    let (two, three) = (rig.emit("2", ack()), rig.emit("3", ack()));
    rig.machine.limit_ack(rig.now, &ns("/"), two, 5 * second);
    rig.machine.limit_ack(rig.now, &ns("/"), three, 7 * second);
    rig.pass(4);
    assert_eq!(rig.take(), [r#"> 21["2"]"#]);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 22["2"]"#]);
    rig.text("32[]");
    rig.pass(6);
    assert_eq!(rig.take().last().unwrap(), r#"> 23["3"]"#);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 24["3"]"#]);
}

#[test]
fn a_server_can_owe_only_so_many_acks() {
    let config = Config {
        limits: Limits::default().pending_acks(1),
        ..Config::default()
    };
    let mut rig = Rig::new(config);
    rig.emit("x", ack());
    let refused = rig.try_emit("/", "x", &1, ack());
    assert_eq!(refused, Err(SendError::TooManyAcks));
    rig.emit("without", Emit::default());
}

// 7

#[test]
fn with_retries_one_event_is_out_and_each_sending_has_its_id() {
    let mut rig = Rig::with(retries(3));
    let (one, two) = (rig.emit("1", ack()), rig.emit("2", ack()));
    assert_eq!(rig.take(), [r#"> 20["1"]"#]);
    rig.pass(1);
    rig.pass(1);
    assert_eq!(rig.take(), [r#"> 21["1"]"#, r#"> 22["1"]"#]);
    rig.text("30[]");
    assert!(
        rig.take().is_empty(),
        "the answer to a sending of before is late"
    );
    rig.text("32[]");
    assert_eq!(
        rig.take(),
        [format!("#{} []", one.0), r#"> 23["2"]"#.to_owned()]
    );
    rig.text("33[]");
    assert_eq!(rig.take(), [format!("#{} []", two.0)]);
    assert_eq!(rig.machine.buffered(), 0);
}

#[test]
fn an_event_is_given_up_after_its_retries_and_the_next_one_has_its_turn() {
    let mut rig = Rig::with(retries(1));
    let one = rig.emit("1", ack());
    rig.emit("2", Emit::default());
    rig.emit("volatile", Emit::default().volatile());
    assert_eq!(rig.take(), [r#"> 20["1"]"#, r#"> 2["volatile"]"#]);
    rig.pass(1);
    rig.pass(1);
    let told = rig.take();
    assert_eq!(
        told,
        [
            r#"> 21["1"]"#.to_owned(),
            format!("#{} Timeout", one.0),
            r#"> 22["2"]"#.to_owned()
        ]
    );
}

#[test]
fn nothing_of_the_queue_leaves_while_there_is_no_connection() {
    let mut rig = Rig::with(retries(10));
    rig.emit("1", Emit::default());
    assert_eq!(rig.take(), [r#"> 20["1"]"#]);
    rig.machine
        .handle_closed(rig.now, CloseReason::TransportError);
    rig.emit("2", Emit::default());
    rig.pass(100);
    assert_eq!(rig.take(), ["/ left: transport error"]);
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0", r#"> 21["1"]"#, "/ connected"]);
    rig.text("31[]");
    assert_eq!(rig.take().last().unwrap(), r#"> 22["2"]"#);
}

// 8

#[test]
fn an_answer_belongs_to_the_connection_of_its_question() {
    let mut rig = Rig::connected(&["/"]);
    rig.text(r#"27["question"]"#);
    rig.take();
    let reply = rig.replies.pop().unwrap();
    assert_eq!(reply.id().get(), 7);
    rig.reopen();
    let answer = RawArgs::encode(&1).unwrap();
    let early = rig.machine.answer(&ns("/"), reply, answer.clone());
    assert_eq!(early, Err(SendError::Closed));
    rig.enter("/");
    let late = rig.machine.answer(&ns("/"), reply, answer);
    assert_eq!(late, Err(SendError::Closed));
}

// 9

#[test]
fn a_key_brings_the_session_back() {
    let mut rig = Rig::new(Config::default());
    rig.machine.connect(&ns("/"));
    rig.machine.handle_opened(rig.now);
    rig.take();
    let enter = |rig: &mut Rig, auth: Option<&str>, answer: &str| {
        rig.authenticate("/", auth).unwrap();
        rig.text(answer);
        rig.take()
    };
    let told = enter(&mut rig, None, r#"0{"sid":"a","pid":"k\"1"}"#);
    assert_eq!(told, ["> 0", "/ connected"]);
    rig.reopen();
    let told = enter(&mut rig, Some("{ }"), r#"2["missed","o1"]"#);
    assert_eq!(told, [r#"> 0{"pid":"k\"1"}"#]);
    rig.text(r#"0{"sid":"a","pid":"k\"1"}"#);
    assert_eq!(rig.take(), [r#"/ missed["o1"]"#, "/ recovered"]);
    rig.text(r#"2["x","o2"]"#);
    rig.text(r#"2["volatile",1]"#);
    rig.text(r#"21["asks","no offset"]"#);
    rig.reopen();
    let told = enter(&mut rig, Some(r#" {"a":1} "#), r#"0{"sid":"b","pid":"k2"}"#);
    assert_eq!(
        told,
        [r#"> 0{"pid":"k\"1","offset":"o2","a":1}"#, "/ connected"]
    );
    rig.reopen();
    let told = enter(&mut rig, None, r#"0{"sid":"c"}"#);
    assert_eq!(
        told,
        [r#"> 0{"pid":"k2"}"#, "/ connected"],
        "nothing came in that session"
    );
    rig.reopen();
    assert_eq!(
        enter(&mut rig, None, r#"0{"sid":"d"}"#),
        ["> 0", "/ connected"]
    );
}

// 10

#[test]
fn what_cannot_be_read_closes_and_what_is_not_ours_is_ignored() {
    let mut rig = Rig::connected(&["/"]);
    for text in [
        "2/other,[\"x\"]",
        "3/other,0[]",
        "1/other,",
        "0{\"sid\":\"twice\"}",
        "30[]",
    ] {
        rig.text(text);
    }
    assert!(rig.take().is_empty());
    rig.text("2{}");
    rig.text(r#"2["after"]"#);
    let told = rig.take();
    assert_eq!(told, ["/ left: parse error", "close: parse error"]);
    rig.machine.handle_closed(rig.now, CloseReason::ParseError);
    assert!(rig.take().is_empty() && rig.machine.is_wanted());
}

#[test]
fn half_a_packet_is_forgotten_with_its_connection() {
    let mut rig = Rig::connected(&["/"]);
    rig.text(r#"51-["x",{"_placeholder":true,"num":0}]"#);
    rig.reopen();
    rig.enter("/");
    rig.text(r#"2["whole"]"#);
    assert_eq!(rig.take(), ["/ whole[]"]);
}

// 11

#[test]
fn who_leaves_while_connecting_says_so_when_the_answer_comes() {
    let mut rig = Rig::connected(&["/"]);
    for answer in [r#"0/a,{"sid":"x"}"#, r#"4/a,{"message":"no"}"#] {
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.authenticate("/a", None).unwrap();
        rig.machine.disconnect(rig.now, &ns("/a"));
        rig.text(answer);
        let told = rig.take();
        let goodbye = answer.starts_with('0').then_some("> 1/a,");
        assert_eq!(
            told,
            ["> 0/a,"].into_iter().chain(goodbye).collect::<Vec<_>>()
        );
    }
    rig.machine.connect(&ns("/a"));
    rig.take();
    rig.authenticate("/a", None).unwrap();
    rig.machine.disconnect(rig.now, &ns("/a"));
    rig.machine.connect(&ns("/a"));
    rig.text(r#"0/a,{"sid":"x"}"#);
    assert_eq!(rig.take(), ["> 0/a,", "/a connected"]);
}

#[test]
fn what_came_early_is_of_the_connect_that_it_came_for() {
    let mut rig = Rig::connected(&["/"]);
    let connecting = |rig: &mut Rig| {
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.authenticate("/a", None).unwrap();
        rig.text(r#"2/a,7["one"]"#);
        rig.machine.disconnect(rig.now, &ns("/a"));
        rig.text(r#"2/a,["two"]"#);
        rig.take();
    };
    for answer in [r#"0/a,{"sid":"x"}"#, r#"4/a,{"message":"no"}"#] {
        connecting(&mut rig);
        rig.text(answer);
        assert_eq!(rig.machine.early, 0);
        rig.take();
        rig.machine.connect(&ns("/a"));
        rig.take();
        rig.enter("/a");
        assert!(rig.replies.is_empty(), "of a session that nobody wanted");
        rig.machine.disconnect(rig.now, &ns("/a"));
    }
    // who comes back before the answer has missed nothing
    connecting(&mut rig);
    rig.machine.connect(&ns("/a"));
    rig.text(r#"0/a,{"sid":"x"}"#);
    assert_eq!(rig.take(), ["/a one[]?", "/a two[]", "/a connected"]);
    assert_eq!(rig.machine.early, 0);
}

// 12

#[test]
fn what_is_due_fires_before_what_comes() {
    let mut rig = Rig::connected(&["/"]);
    let emit = rig.emit("x", ack_in(1));
    rig.take();
    rig.now += Duration::from_secs(1);
    rig.text(r#"30["too late"]"#);
    assert_eq!(rig.take(), [format!("#{} Timeout", emit.0)]);
}

// and the rest

#[test]
fn who_wants_to_see_what_leaves_sees_it_when_it_leaves() {
    let mut rig = Rig::new(Config::default());
    let settings = Settings {
        watch_sent: true,
        ..Settings::default()
    };
    rig.machine.configure(&ns("/"), settings);
    rig.machine.connect(&ns("/"));
    rig.try_emit("/", "x", &7, Emit::default()).unwrap();
    rig.machine.handle_opened(rig.now);
    rig.take();
    rig.authenticate("/", None).unwrap();
    rig.text(r#"0{"sid":"x"}"#);
    let told = rig.take();
    assert_eq!(told, ["> 0", r#"> 2["x",7]"#, "/ sent x[7]", "/ connected"]);
}

#[test]
fn a_namespace_that_is_removed_leaves_nothing() {
    let mut rig = Rig::new(Config::default());
    let one = rig.emit_to("/a", "x", ack());
    rig.machine.configure(&ns("/a"), retries(1));
    let two = rig.emit_to("/a", "y", ack());
    rig.machine.remove(rig.now, &ns("/a"));
    assert_eq!(
        rig.take(),
        [one, two].map(|emit| format!("#{} Dropped", emit.0))
    );
    assert_eq!((rig.machine.buffered(), rig.machine.pending_acks()), (0, 0));
    assert_eq!(rig.machine.poll_timeout(), None);
}

#[test]
fn what_is_retried_counts_with_its_name_and_its_arguments() {
    let waiting = |event: &str, argument: &str| {
        let mut rig = Rig::new(Config::default());
        rig.machine.configure(&ns("/"), retries(1));
        rig.try_emit("/", event, argument, Emit::default()).unwrap();
        rig.machine.buffered()
    };
    let least = waiting("x", "");
    assert_eq!(waiting("xyz", ""), least + 2);
    assert_eq!(waiting("x", "ab"), least + 2);
}

#[test]
fn many_outputs_wait_until_they_are_taken() {
    let mut rig = Rig::connected(&["/"]);
    for n in 0..100 {
        rig.text(&format!("2[{n}]"));
    }
    let expected: Vec<_> = (0..100).map(|n| format!("/ {n}[]")).collect();
    assert_eq!(rig.take(), expected);
}

#[test]
fn what_waits_is_bounded_from_the_first_event_on() {
    for retries in [0, 3] {
        let config = Config {
            max_buffered: 400,
            ..Config::default()
        };
        let mut rig = Rig::new(config);
        let settings = Settings {
            retries,
            ..Settings::default()
        };
        rig.machine.configure(&ns("/"), settings);
        rig.machine.connect(&ns("/"));
        let large = rig.try_emit("/", "large", &"x".repeat(400), ack());
        assert_eq!(large, Err(SendError::Full));
        rig.try_emit("/", "small", &1, ack()).unwrap();
        rig.try_emit("/", "small", &1, ack()).unwrap();
    }
}

#[test]
fn a_namespace_that_is_removed_while_it_is_left_still_says_so_and_no_more() {
    let mut rig = Rig::connected(&["/", "/a"]);
    rig.machine.disconnect(rig.now, &ns("/a"));
    rig.machine.remove(rig.now, &ns("/a"));
    rig.machine.connect(&ns("/a"));
    let told = ["> 1/a,", "/a left: io client disconnect", "/a auth?"];
    assert_eq!(rig.take(), told);
}
