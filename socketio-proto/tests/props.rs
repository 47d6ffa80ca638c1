//! What holds for all values, all bytes and all sequences of operations.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use socketio_proto::server::{Config, Connection, Event, Output};
use socketio_proto::{
    AckId, Args, Batch, Body, CloseReason, ConnectError, Data, Limits, Map, Misuse, NamespaceId,
    Packet, Parser, RawArgs, SocketId, Value, is_reserved,
};

/// Any value; numbers that are not finite have no form in JSON, and objects no key twice.
fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Value::Binary(bytes.into())),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::from(members.into_iter().rev().collect::<Map>())),
        ]
    })
}

fn namespace() -> impl Strategy<Value = NamespaceId> {
    let any_name = "[^,\\p{Cc}]{0,60}".prop_map(|name| NamespaceId::new(name).unwrap());
    prop_oneof![Just(NamespaceId::ROOT), any_name]
}

fn ack_id() -> impl Strategy<Value = AckId> {
    prop_oneof![0..100u64, 0..=AckId::MAX.get()].prop_map(|id| AckId::new(id).unwrap())
}

fn limits() -> Limits {
    Limits::default().attachments(1000)
}

fn messages(batch: &Batch) -> Vec<Data> {
    let frames = batch.iter().map(|frame| match frame.payload() {
        content if frame.is_binary() => Data::Binary(content.to_vec().into()),
        [b'4', text @ ..] => Data::from(std::str::from_utf8(text).unwrap()),
        other => panic!("not a message: {other:?}"),
    });
    frames.collect()
}

fn parser() -> impl Strategy<Value = Parser> {
    prop::sample::select(vec![
        Parser::Json,
        #[cfg(feature = "msgpack")]
        Parser::Msgpack,
    ])
}

/// What the only packet of `batch` is on the other side.
fn received(parser: &Parser, batch: &Batch) -> Packet {
    let mut decoder = parser.decoder(limits());
    let mut packets = messages(batch)
        .into_iter()
        .map(|data| decoder.feed(data).unwrap());
    let packet = packets.find_map(|packet| packet);
    assert_eq!(packets.next(), None);
    packet.unwrap()
}

proptest! {
    #[test]
    fn an_event_arrives_as_it_was_sent(
        parser in parser(),
        namespace in namespace(),
        name in any::<String>().prop_filter("reserved", |name| !is_reserved(name)),
        first in value(),
        second in value(),
        ack in prop::option::of(ack_id()),
    ) {
        let payload = Args((first, second));
        let batch = parser.event(&namespace, &name, &payload, ack, &limits()).unwrap();
        let packet = received(&parser, &batch);
        prop_assert_eq!(packet.namespace, namespace);
        let Body::Event { name: got_name, args, ack: got_ack } = packet.body else {
            panic!("{:?}", packet.body)
        };
        prop_assert_eq!((got_name.as_str(), got_ack), (name.as_str(), ack));
        prop_assert_eq!(args.len(), 2);
        prop_assert_eq!(args.read::<Args<(Value, Value)>>(), Ok(payload));
    }

    #[test]
    fn an_ack_arrives_as_it_was_sent(
        parser in parser(),
        namespace in namespace(),
        id in ack_id(),
        value in value(),
    ) {
        let args = RawArgs::encode(&value).unwrap();
        let batch = parser.ack(&namespace, id, &args, &limits()).unwrap();
        let packet = received(&parser, &batch);
        prop_assert_eq!(packet, Packet { namespace, body: Body::Ack { id, args: args.clone() } });
        prop_assert_eq!(args.read::<Value>(), Ok(value));
    }

    #[test]
    fn other_packets_arrive_as_they_were_sent(
        parser in parser(),
        namespace in namespace(),
        entropy in any::<[u8; 15]>(),
        message in any::<String>(),
        data in value(),
    ) {
        let id = SocketId::from_entropy(entropy);
        let packet = received(&parser, &parser.connected(&namespace, &id, None).unwrap());
        let expected = format!("{{\"sid\":\"{id}\"}}");
        let payload = Some(expected.into());
        prop_assert_eq!(packet, Packet { namespace: namespace.clone(), body: Body::Connect { payload } });

        let packet = received(&parser, &parser.disconnect(&namespace).unwrap());
        prop_assert_eq!(packet, Packet { namespace: namespace.clone(), body: Body::Disconnect });

        let error = ConnectError::new(message.as_str()).data(&data).unwrap();
        let packet = received(&parser, &parser.connect_error(&namespace, &error).unwrap());
        let Body::ConnectError { payload } = packet.body else { panic!("{:?}", packet.body) };
        let object: Map = match serde_json::from_str(&payload) {
            Ok(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(object.get("message"), Some(&message.into()));
        prop_assert_eq!(object.len(), 2);
    }

    #[test]
    fn any_messages_are_packets_or_errors(
        messages in prop::collection::vec(prop_oneof![
            any::<String>().prop_map(|text| Data::from(text.as_str())),
            "[0-7][0-3]?-?(/[a-b]?,)?[0-9]{0,3}\\[\"[a-c]\"(,[0-9\\[\\]{}]{0,3})?\\]".prop_map(|text| Data::from(text.as_str())),
            Just(Data::from(r#"51-["a",{"_placeholder":true,"num":0}]"#)),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(|bytes| Data::Binary(bytes.into())),
        ], 0..20),
    ) {
        let limits = Limits::default().packet_bytes(120);
        let mut decoder = Parser::Json.decoder(limits);
        for data in messages {
            let result = decoder.feed(data);
            prop_assert!(decoder.buffered() <= 120);
            prop_assert_eq!(decoder.is_assembling(), result == Ok(None));
        }
    }
}

/// What may be done to a connection. Namespaces and ids are few, so that they meet.
#[derive(Clone, Debug)]
enum Operation {
    Text(String),
    Binary,
    Accept(u8),
    Refuse(u8),
    Send(u8),
    ExpectAck(u8, u64, u64),
    Disconnect(u8),
    Wait(u64),
    Closed,
}

fn operation() -> impl Strategy<Value = Operation> {
    let namespace = 0..4u8;
    prop_oneof![
        8 => (namespace.clone(), prop::sample::select(&["0", "1", "2", "3", "4", "5"][..]), 0..4u64)
            .prop_map(|(number, kind, id)| {
                let name = ns(number);
                Operation::Text(match kind {
                    "0" | "1" => format!("{kind}{name},"),
                    "2" => format!("2{name},[\"x\"]"),
                    "3" => format!("3{name},{id}[]"),
                    "5" => format!("51-{name},[\"x\",{{\"_placeholder\":true,\"num\":0}}]"),
                    // protocol errors are rare, or no sequence would get far
                    _ if id == 0 => format!("4{name},{{}}"),
                    _ => format!("0{name},"),
                })
            }),
        2 => Just(Operation::Binary),
        6 => namespace.clone().prop_map(Operation::Accept),
        1 => namespace.clone().prop_map(Operation::Refuse),
        2 => namespace.clone().prop_map(Operation::Send),
        4 => (namespace.clone(), 0..4u64, 0..60u64)
            .prop_map(|(name, id, wait)| Operation::ExpectAck(name, id, wait)),
        2 => namespace.prop_map(Operation::Disconnect),
        2 => (0..50u64).prop_map(Operation::Wait),
        1 => Just(Operation::Closed),
    ]
}

fn ns(number: u8) -> NamespaceId {
    NamespaceId::new(["", "a", "b", "c"][usize::from(number % 4)]).unwrap()
}

/// What an observer knows: which namespaces are connecting (`false`) or connected, with the acks
/// that are pending there.
#[derive(Default)]
struct Model {
    namespaces: BTreeMap<NamespaceId, bool>,
    acks: BTreeMap<(NamespaceId, AckId), Instant>,
    closed: bool,
}

impl Model {
    fn is(&self, namespace: &NamespaceId, connected: bool) -> bool {
        self.namespaces.get(namespace) == Some(&connected)
    }

    /// Each output must be one that the contract allows now.
    fn observe(&mut self, output: Output, now: Instant) {
        assert!(!self.closed, "{output:?} after the end");
        match output {
            Output::Send(_) => {}
            Output::Close(_) => {
                assert!(!self.namespaces.values().any(|connected| *connected));
                self.closed = true;
            }
            Output::Event(Event::ConnectRequested { namespace, .. }) => {
                assert_eq!(self.namespaces.insert(namespace, false), None);
            }
            Output::Event(Event::Received { namespace, .. }) => assert!(self.is(&namespace, true)),
            Output::Event(Event::Acked { namespace, id, .. }) => {
                let until = self.acks.remove(&(namespace, id));
                assert!(until.expect("an ack that was pending") > now);
            }
            Output::Event(Event::AckExpired { namespace, id }) => {
                let until = self.acks.remove(&(namespace, id));
                assert!(until.expect("an ack that was pending") <= now);
            }
            Output::Event(Event::Disconnected { namespace, .. }) => {
                assert_eq!(self.namespaces.remove(&namespace), Some(true));
                self.acks.retain(|(name, _), _| *name != namespace);
            }
            other => panic!("unknown to the model: {other:?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn start() -> Instant {
    Instant::now()
}

proptest! {
    #[test]
    fn the_machine_keeps_its_contract(
        operations in prop::collection::vec(operation(), 0..60),
        reason in prop::sample::select(&[CloseReason::TransportClose, CloseReason::PingTimeout][..]),
    ) {
        let mut now = start();
        let config = Config::default().limits(Limits::default().namespaces(3));
        let mut connection = Connection::new(Parser::Json, Arc::new(config), now);
        let mut model = Model::default();
        for operation in operations.into_iter().chain([Operation::Closed]) {
            let mut ended = false;
            match operation {
                Operation::Text(text) => connection.handle_data(now, text.as_str().into()),
                Operation::Binary => connection.handle_data(now, Data::Binary(vec![1].into())),
                Operation::Accept(name) => {
                    let (name, id) = (ns(name), SocketId::from_entropy([0; 15]));
                    let result = connection.accept(now, &name, id, None);
                    let allowed = !model.closed && model.is(&name, false);
                    assert_eq!(result.is_ok(), allowed, "{result:?}");
                    if allowed {
                        model.namespaces.insert(name, true);
                    }
                }
                Operation::Refuse(name) => {
                    let name = ns(name);
                    let result = connection.refuse(now, &name, &ConnectError::new("no"));
                    assert_eq!(result.is_ok(), !model.closed && model.is(&name, false));
                    if result.is_ok() {
                        model.namespaces.remove(&name);
                    }
                }
                Operation::Send(name) => {
                    let batch = Data::from("2[\"x\"]").into();
                    let result = connection.send(&ns(name), batch);
                    assert_eq!(result.is_ok(), !model.closed && model.is(&ns(name), true));
                }
                Operation::ExpectAck(name, id, wait) => {
                    let (name, id) = (ns(name), AckId::new(id).unwrap());
                    let until = now + Duration::from_secs(wait);
                    match connection.expect_ack(now, &name, id, until) {
                        Ok(()) => {
                            assert!(model.is(&name, true));
                            assert_eq!(model.acks.insert((name, id), until), None);
                        }
                        Err(Misuse::DuplicateAck) => {
                            assert!(model.acks.contains_key(&(name, id)));
                        }
                        Err(Misuse::Closed) => assert!(model.closed),
                        Err(other) => {
                            assert_eq!(other, Misuse::NotConnected);
                            assert!(!model.is(&name, true));
                        }
                    }
                }
                Operation::Disconnect(name) => {
                    let result = connection.disconnect(now, &ns(name));
                    assert_eq!(result.is_ok(), !model.closed && model.is(&ns(name), true));
                }
                Operation::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    connection.handle_timeout(now);
                }
                Operation::Closed => {
                    connection.handle_closed(now, reason);
                    ended = true;
                }
            }
            while let Some(output) = connection.poll_output() {
                model.observe(output, now);
            }
            if ended {
                assert!(!model.namespaces.values().any(|connected| *connected));
                model.closed = true;
            }
            if let Some(due) = connection.poll_timeout() {
                // an ack that is expected until now is due at once; its turn comes with the next call
                assert!(due >= now && !model.closed);
            }
        }
    }
}
