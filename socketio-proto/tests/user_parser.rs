//! The machine with a parser that cannot write everything. A whole one is in the documentation of
//! `UserParser`, and in the server's tests.
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use socketio_proto::server::{Config, Connection, Event, Output};
use socketio_proto::{
    Batch, Body, CloseReason, ConnectError, Data, DecodeError, DisconnectReason, EncodeError,
    Limits, Misuse, NamespaceId, Packet, Parser, RawArgs, SocketId, UserDecoder, UserParser,
};

/// Any text asks for `/`, but `…` waits for more. Of what a server says it knows only some.
#[derive(Debug)]
struct Mute {
    welcome: bool,
}

impl UserParser for Mute {
    fn encode(&self, packet: &Packet, _: &Limits) -> Result<Batch, EncodeError> {
        match packet.body {
            Body::Connect { .. } if self.welcome => Ok(Data::from("welcome").into()),
            _ => Err(EncodeError::Serialize("no words for that".into())),
        }
    }

    fn decoder(&self, _: Limits) -> Box<dyn UserDecoder> {
        Box::new(Any)
    }
}

#[derive(Debug)]
struct Any;

impl UserDecoder for Any {
    fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        let (namespace, body) = (NamespaceId::ROOT, Body::Connect { payload: None });
        Ok((data != Data::from("…")).then_some(Packet { namespace, body }))
    }
}

fn connection(welcome: bool) -> (Connection, Instant) {
    #[expect(clippy::disallowed_methods, reason = "a point to count from")]
    let now = Instant::now();
    let parser = Parser::user(Mute { welcome });
    let connection = Connection::new(parser, Arc::new(Config::default()), now);
    (connection, now)
}

/// A connection whose client has asked for `/`.
fn asked(welcome: bool) -> (Connection, Instant) {
    let (mut connection, now) = connection(welcome);
    connection.handle_data(now, "hello".into());
    let asked = connection.poll_output().unwrap();
    assert!(matches!(
        asked,
        Output::Event(Event::ConnectRequested { .. })
    ));
    (connection, now)
}

fn outputs(connection: &mut Connection) -> Vec<Output> {
    std::iter::from_fn(|| connection.poll_output()).collect()
}

fn left() -> Output {
    Output::Event(Event::Disconnected {
        namespace: NamespaceId::ROOT,
        reason: DisconnectReason::ServerError,
    })
}

/// Contract 12, and with it 3 and 4.
#[test]
fn what_cannot_be_said_closes_the_connection() {
    let root = NamespaceId::ROOT;
    let id = SocketId::from_entropy([0; 15]);
    let close = Output::Close(CloseReason::ServerError);

    let (mut connection, now) = asked(false);
    assert_eq!(connection.accept(now, &root, id.clone(), None), Ok(()));
    assert_eq!(outputs(&mut connection), [left(), close.clone()]);

    let (mut connection, now) = asked(false);
    let no = ConnectError::new("no");
    assert_eq!(connection.refuse(now, &root, &no), Ok(()));
    assert_eq!(outputs(&mut connection), std::slice::from_ref(&close));
    assert_eq!(connection.refuse(now, &root, &no), Err(Misuse::Closed));

    let (mut connection, now) = asked(true);
    assert_eq!(connection.accept(now, &root, id, None), Ok(()));
    assert_eq!(
        outputs(&mut connection),
        [Output::Send(Data::from("welcome").into())]
    );
    assert_eq!(connection.disconnect(now, &root), Ok(()));
    assert_eq!(outputs(&mut connection), [left(), close]);
    assert_eq!(connection.poll_timeout(), None);
}

#[test]
fn what_is_never_complete_runs_into_the_deadline() {
    let (mut connection, now) = connection(true);
    connection.handle_data(now, "…".into());
    let due = connection.poll_timeout().unwrap();
    assert_eq!(due, now + Duration::from_secs(30));
    connection.handle_timeout(due);
    assert_eq!(
        outputs(&mut connection),
        [Output::Close(CloseReason::ParseError)]
    );
}

/// Reads more into a message than it says: `c20` is a CONNECT whose payload has 20 bytes, `d3` one
/// that is nested 3 deep, `e20` an event whose argument has 20 bytes.
#[derive(Debug)]
struct Generous;

impl UserParser for Generous {
    fn encode(&self, _: &Packet, _: &Limits) -> Result<Batch, EncodeError> {
        Ok(Data::from("welcome").into())
    }

    fn decoder(&self, _: Limits) -> Box<dyn UserDecoder> {
        Box::new(Self)
    }
}

impl UserDecoder for Generous {
    fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        let Data::Text(text) = data else {
            return Err(DecodeError::UnexpectedBinary);
        };
        let (kind, count) = text.split_at(1);
        let count: usize = count.parse().unwrap();
        let payload = match kind {
            "c" => format!("{{\"a\":\"{}\"}}", "x".repeat(count - 8)),
            _ => format!("{}1{}", "{\"a\":".repeat(count), "}".repeat(count)),
        };
        let body = match kind {
            "e" => Body::Event {
                name: "x".into(),
                args: RawArgs::encode("x".repeat(count - 2).as_str()).unwrap(),
                ack: None,
            },
            _ => Body::Connect {
                payload: Some(payload.into()),
            },
        };
        let namespace = NamespaceId::ROOT;
        Ok(Some(Packet { namespace, body }))
    }
}

#[test]
fn what_a_parser_makes_of_a_message_keeps_the_limits() {
    let (large, deep) = (Err(DecodeError::TooLarge), Err(DecodeError::TooDeep));
    for (message, expected) in [
        ("c30", Ok(())),
        ("c31", large),
        ("e30", Ok(())),
        ("e31", large),
        ("d3", Ok(())),
        ("d4", deep),
    ] {
        let limits = Limits::default().packet_bytes(30).depth(3);
        let mut decoder = Parser::user(Generous).decoder(limits);
        let result = decoder.feed(message.into()).map(drop);
        assert_eq!(result, expected, "{message}");
    }
}
