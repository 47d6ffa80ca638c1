//! Connections of clients that speak revision 4: where they differ from those of today.
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

use std::sync::Arc;
use std::time::Instant;

use engineio::{Data, Protocol, Sid};
use socketio_proto::server::{Config, Connection, Event, Output};
use socketio_proto::{ConnectError, Limits, NamespaceId, Parser, Revision, SocketId};

struct Rig {
    connection: Connection,
    now: Instant,
}

impl Rig {
    fn new(config: Config) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a point to count from")]
        let now = Instant::now();
        let config = Arc::new(config);
        let connection = Connection::speaking(Revision::V4, Parser::Json, config, now);
        Self { connection, now }
    }

    fn text(&mut self, text: &str) {
        self.connection.handle_data(self.now, text.into());
    }

    fn accept(&mut self, namespace: &str) {
        let (sid, namespace) = (sid(), ns(namespace));
        let id = SocketId::of_session(&namespace, &sid);
        let accepted = self.connection.accept(self.now, &namespace, id, None);
        assert_eq!(accepted, Ok(()));
    }

    fn refuse(&mut self, namespace: &str, error: &ConnectError) {
        let refused = self.connection.refuse(self.now, &ns(namespace), error);
        assert_eq!(refused, Ok(()));
    }

    #[track_caller]
    fn expect(&mut self, lines: &[&str]) {
        let outputs = std::iter::from_fn(|| self.connection.poll_output());
        assert_eq!(outputs.map(short).collect::<Vec<_>>(), lines);
    }
}

fn sid() -> Sid {
    Sid::from_entropy([0; 15])
}

fn ns(name: &str) -> NamespaceId {
    NamespaceId::new(name).unwrap()
}

fn short(output: Output) -> String {
    match output {
        Output::Send(batch) => {
            let frames = batch.iter().map(|frame| frame.payload().to_vec());
            let texts = frames.map(|bytes| String::from_utf8(bytes).unwrap());
            texts.collect::<Vec<_>>().join(" ")
        }
        Output::Event(Event::ConnectRequested { namespace, auth }) => {
            format!("request {namespace} {}", auth.as_deref().unwrap_or("-"))
        }
        Output::Event(Event::Received {
            namespace, args, ..
        }) => {
            format!("received {namespace} {args:?}")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn the_revision_of_a_client_goes_with_that_of_its_engine() {
    assert_eq!(Revision::from(Protocol::V3), Revision::V4);
    assert_eq!(Revision::from(Protocol::V4), Revision::V5);
}

/// Contract 11.
#[test]
fn the_root_namespace_is_asked_for_by_being_there() {
    let mut rig = Rig::new(Config::default());
    assert_eq!(rig.connection.revision(), Revision::V4);
    rig.expect(&["request / -"]);
    rig.accept("/");
    rig.expect(&["40"]);
    rig.text("2[\"x\",1]");
    rig.expect(&["received / [1]"]);
    // a second CONNECT is a fault, as ever
    rig.text("0");
    rig.expect(&[
        "Event(Disconnected { namespace: \"/\", reason: ParseError })",
        "Close(ParseError)",
    ]);
}

/// Contract 11.
#[test]
fn refusals_are_bare_values() {
    let mut rig = Rig::new(Config::default());
    rig.expect(&["request / -"]);
    rig.refuse("/", &ConnectError::new("not \"you\""));
    rig.expect(&["44\"not \\\"you\\\"\""]);
    rig.text("0/a");
    rig.expect(&["request /a -"]);
    let error = ConnectError::new("no").data(&[401]).unwrap();
    rig.refuse("/a", &error);
    rig.expect(&["44/a,[401]"]);
    assert!(
        rig.connection.poll_timeout().is_some(),
        "nobody is connected"
    );
}

/// CONFORMANCE 1.5, 40.
#[test]
fn the_query_of_a_namespace_is_its_auth_payload() {
    let mut rig = Rig::new(Config::default());
    rig.accept("/");
    rig.expect(&["request / -", "40"]);
    rig.text("0/a?x=1&%26y=%22+%C3%A9&x=2&z,");
    rig.expect(&["request /a {\"&y\":\"\\\" é\",\"x\":\"2\",\"z\":\"\"}"]);
    rig.accept("/a");
    rig.expect(&["40/a,"]);
    rig.text("2/a,[\"x\"]");
    rig.text("2/a?x=1,[\"x\"]");
    rig.expect(&["received /a []", "received /a []"]);
    rig.text("0/b?");
    rig.expect(&["request /b {}"]);
    // a token is longer than a name may be
    let token = "t".repeat(8 * 1024 - "token=".len());
    rig.text(&format!("0/c?token={token},"));
    rig.expect(&[&format!("request /c {{\"token\":\"{token}\"}}")]);
    rig.text(&format!("0/d?token={token}t,"));
    let outputs = std::iter::from_fn(|| rig.connection.poll_output());
    assert_eq!(outputs.last().map(short).unwrap(), "Close(ParseError)");
}

#[test]
fn one_namespace_too_many_is_refused_in_the_same_words() {
    let config = Config::default().limits(Limits::default().namespaces(1));
    let mut rig = Rig::new(config);
    rig.text("0/a?x=1");
    rig.expect(&["request / -", "44/a,\"too many namespaces\""]);
}

#[test]
fn the_name_of_a_namespace_keeps_its_question_mark_in_revision_5() {
    let packet = |revision| {
        let mut decoder = Parser::Json.decoder(Limits::default()).revision(revision);
        let packet = decoder.feed(Data::from("0/a?x=1,")).unwrap().unwrap();
        packet.namespace.as_str().to_owned()
    };
    assert_eq!(packet(Revision::V5), "/a?x=1");
    assert_eq!(packet(Revision::V4), "/a");
}
