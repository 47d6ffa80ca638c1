//! Messages as tables, what npm's package writes, and the security history of msgpack as tests.

use engineio::Data;
use proptest::prelude::*;

use crate::args::{Args, Binary, RawArgs, Value};
use crate::error::DecodeError::{self, *};
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId};
use crate::limits::Limits;
use crate::packet::{Body, ConnectError, Packet, Revision};
use crate::parser::Parser;

fn decode(message: &[u8]) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    let packet = decoder.feed(Data::Binary(message.to_vec().into()))?;
    assert!(!decoder.is_assembling() && decoder.buffered() == 0);
    Ok(packet.expect("each message is a packet"))
}

/// The map of a packet of this type in `/`, with more members.
fn packet(kind: u8, more: &[&[u8]]) -> Vec<u8> {
    let members = u8::try_from(2 + more.len()).unwrap();
    let head: &[&[u8]] = &[&[0x80 | members], b"\xa4type", &[kind], b"\xa3nsp\xa1/"];
    [head.concat(), more.concat()].concat()
}

fn data(value: &[u8]) -> Vec<u8> {
    [b"\xa4data", value].concat()
}

/// An event `a` with this one argument.
fn event(argument: &[u8]) -> Vec<u8> {
    packet(2, &[&data(&[b"\x92\xa1a", argument].concat())])
}

fn args_of(packet: Packet) -> RawArgs {
    match packet.body {
        Body::Event { args, .. } | Body::Ack { args, .. } => args,
        other => panic!("{other:?}"),
    }
}

fn argument(bytes: &[u8]) -> Result<String, DecodeError> {
    decode(&event(bytes)).map(|packet| args_of(packet).get(0).unwrap().to_owned())
}

fn sent(packet: &Packet) -> Vec<u8> {
    let batch = Parser::Msgpack.encode(packet, &Limits::default()).unwrap();
    let mut frames = batch.iter();
    let frame = frames.next().unwrap();
    assert!(frame.is_binary() && frames.next().is_none());
    frame.payload().to_vec()
}

#[test]
fn arguments_are_limited() {
    let limits = Limits::default().arguments(3);
    let event = |count: usize| {
        let mut bytes = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data".to_vec();
        bytes.push(0x91 + u8::try_from(count).unwrap());
        bytes.extend(b"\xa1a");
        bytes.extend(vec![1; count]);
        Parser::Msgpack
            .decoder(limits)
            .feed(Data::Binary(bytes.into()))
    };
    assert!(event(3).is_ok());
    assert_eq!(event(4), Err(TooManyArguments));
}

#[test]
fn every_packet_has_its_map() {
    let root = NamespaceId::ROOT;
    let args = RawArgs::encode(&Args((1, "b"))).unwrap();
    let name = "a".into();
    let ack = AckId::new(300);
    for (body, message) in [
        (Body::Connect { payload: None }, packet(0, &[])),
        (
            Body::Connect {
                payload: Some("{\"t\":[null,true]}".into()),
            },
            packet(0, &[&data(b"\x81\xa1t\x92\xc0\xc3")]),
        ),
        (Body::Disconnect, packet(1, &[])),
        (
            Body::Event {
                name,
                args: args.clone(),
                ack,
            },
            packet(2, &[b"\xa2id\xcd\x01\x2c", &data(b"\x93\xa1a\x01\xa1b")]),
        ),
        (
            Body::Ack {
                id: AckId::MIN,
                args,
            },
            packet(3, &[b"\xa2id\x00", &data(b"\x92\x01\xa1b")]),
        ),
        (
            Body::ConnectError {
                payload: "\"no\"".into(),
            },
            packet(4, &[&data(b"\xa2no")]),
        ),
    ] {
        let packet = Packet {
            namespace: root.clone(),
            body,
        };
        assert_eq!(sent(&packet), message);
        assert_eq!(decode(&message), Ok(packet));
    }
}

#[test]
fn values_are_what_json_makes_of_them() {
    for (bytes, json) in [
        (&b"\xc0"[..], "null"),
        (b"\xc2", "false"),
        (b"\x7f", "127"),
        (b"\xe0", "-32"),
        (b"\xd0\x05", "5"),
        (b"\xd0\x80", "-128"),
        (
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            "18446744073709551615",
        ),
        (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
        (b"\xca\x3f\x80\0\0", "1.0"),
        (b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"),
        (b"\xcb\x7f\xf8\0\0\0\0\0\0", "null"),
        (b"\xcb\x7f\xf0\0\0\0\0\0\0", "null"),
        (b"\xa4\"\\\n\0", "\"\\\"\\\\\\n\\u0000\""),
        (b"\x90", "[]"),
        (b"\x80", "{}"),
        (b"\x92\x90\x81\xa1k\x91\x01", "[[],{\"k\":[1]}]"),
        (b"\x82\x01\xc0\xff\xc0", "{\"1\":null,\"-1\":null}"),
        (b"\x82\xa1k\x01\xa1k\x02", "{\"k\":1,\"k\":2}"),
        // the extensions of notepack.io, and others
        (b"\xd4\0\0", "null"),
        (b"\xd7\0\0\0\0\0\0\0\0\0", "\"1970-01-01T00:00:00.000Z\""),
        (b"\xd7\0\x7f\0\0\0\0\0\0\0", "null"),
        (b"\xc7\x01\0\x07", "{\"_placeholder\":true,\"num\":0}"),
        (b"\xd4\x05\x07", "[5,{\"_placeholder\":true,\"num\":0}]"),
        (b"\xc7\0\xff", "[-1,{\"_placeholder\":true,\"num\":0}]"),
        (b"\xd5\0ab", "[0,{\"_placeholder\":true,\"num\":0}]"),
    ] {
        assert_eq!(argument(bytes).as_deref(), Ok(json), "{bytes:x?}");
    }
}

#[test]
fn a_number_that_names_an_event_is_seen_as_its_text() {
    for (bytes, text) in [
        (&b"\x07"[..], "7"),
        (b"\xff", "-1"),
        (b"\xca\x3f\xc0\0\0", "1.5"),
    ] {
        let packet = decode(&packet(2, &[&data(&[b"\x91", bytes].concat())])).unwrap();
        assert!(matches!(packet.body, Body::Event { name, .. } if name == *text));
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    let list = data(b"\x91\xa1a");
    for (message, error) in [
        (vec![], Malformed),
        (b"\xc0".to_vec(), Malformed),
        (b"\x80".to_vec(), UnknownType),
        (packet(5, &[&list]), UnknownType),
        (packet(0xff, &[&list]), UnknownType),
        (b"\x82\xa4type\xc0\xa3nsp\xa1/".to_vec(), UnknownType),
        (
            b"\x82\xa4type\xcb\0\0\0\0\0\0\0\0\xa3nsp\xa1/".to_vec(),
            UnknownType,
        ),
        (b"\x81\xa4type\x00".to_vec(), InvalidNamespace),
        (b"\x82\xa4type\x00\xa3nsp\xa0".to_vec(), InvalidNamespace),
        (
            b"\x82\xa4type\x00\xa3nsp\xa4chat".to_vec(),
            InvalidNamespace,
        ),
        (
            b"\x82\xa4type\x00\xa3nsp\xa4/a,b".to_vec(),
            InvalidNamespace,
        ),
        (packet(0, &[&data(b"\xc0")]), InvalidPayload),
        (packet(0, &[&data(b"\x90")]), InvalidPayload),
        (packet(0, &[b"\xa2id\x01"]), InvalidAckId),
        (packet(1, &[&data(b"\x80")]), InvalidPayload),
        (packet(2, &[]), InvalidPayload),
        (packet(2, &[&data(b"\x80")]), InvalidPayload),
        (packet(2, &[&data(b"\x90")]), InvalidName),
        (packet(2, &[&data(b"\x91\xc0")]), InvalidName),
        (packet(2, &[&data(b"\x91\xca\x7f\xc0\0\0")]), InvalidName),
        (packet(2, &[&data(b"\x91\xc4\x01a")]), InvalidName),
        (packet(2, &[&data(b"\x91\xaadisconnect")]), ReservedName),
        (packet(2, &[b"\xa2id\xff", &list]), InvalidAckId),
        (packet(2, &[b"\xa2id\xc0", &list]), InvalidAckId),
        (
            packet(2, &[b"\xa2id\xcf\0\x20\0\0\0\0\0\0", &list]),
            InvalidAckId,
        ),
        (packet(3, &[&list]), InvalidAckId),
        (packet(4, &[&data(b"\xc0")]), InvalidPayload),
        (packet(4, &[]), InvalidPayload),
        ([packet(1, &[]), vec![0xc0]].concat(), Malformed),
        (event(b"\xc1"), Malformed),
        (event(b"\xa2\xff\xfe"), Malformed),
        (event(b"\x81\xc0\x01"), InvalidPayload),
        (event(b"\x81\x90\x01"), InvalidPayload),
        (
            event(b"\x92\xc4\0\x82\xac_placeholder\xc3\xa3num\x00"),
            InvalidPlaceholder,
        ),
    ] {
        assert_eq!(decode(&message), Err(error), "{message:x?}");
    }
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    assert_eq!(decoder.feed("2[\"a\"]".into()), Err(UnexpectedText));
}

#[test]
fn what_is_undefined_is_not_there_and_what_is_unknown_is_passed_over() {
    let undefined: &[&[u8]] = &[b"\xa4data\xd4\0\0", b"\xa2id\xd4\0\0"];
    assert_eq!(decode(&packet(0, undefined)), decode(&packet(0, &[])));
    let options: &[u8] = b"\xa7options\x81\xa8compress\xc3";
    let list = data(b"\x91\xa1a");
    assert_eq!(
        decode(&packet(2, &[options, &list])),
        decode(&packet(2, &[&list]))
    );
    assert_eq!(
        decode(&packet(2, &[&data(b"\xc0"), &list])),
        decode(&packet(2, &[&list])),
        "the last of two counts"
    );
}

/// GHSA-7xpx-rcqc-8qjh: every type, cut off at every byte.
#[test]
fn a_message_that_is_cut_off_is_an_error() {
    let values: &[&[u8]] = &[
        b"\xc4\x02ab",
        b"\xc5\0\x02ab",
        b"\xc6\0\0\0\x02ab",
        b"\xc7\x02\x05ab",
        b"\xc8\0\x02\x05ab",
        b"\xc9\0\0\0\x02\x05ab",
        b"\xca\0\0\0\0",
        b"\xcb\0\0\0\0\0\0\0\0",
        b"\xcc\x01",
        b"\xcd\0\x01",
        b"\xce\0\0\0\x01",
        b"\xcf\0\0\0\0\0\0\0\x01",
        b"\xd0\x01",
        b"\xd1\0\x01",
        b"\xd2\0\0\0\x01",
        b"\xd3\0\0\0\0\0\0\0\x01",
        b"\xd4\0\0",
        b"\xd5\x01ab",
        b"\xd6\x01abcd",
        b"\xd7\0\0\0\0\0\0\0\0\0",
        b"\xd8\x010123456789abcdef",
        b"\xd9\x02ab",
        b"\xda\0\x02ab",
        b"\xdb\0\0\0\x02ab",
        b"\xdc\0\x02\x01\x02",
        b"\xdd\0\0\0\x02\x01\x02",
        b"\xde\0\x01\xa1k\x01",
        b"\xdf\0\0\0\x01\xa1k\x01",
        b"\xa2ab",
        b"\x92\x01\x02",
        b"\x81\xa1k\x01",
    ];
    for value in values {
        let message = event(value);
        assert!(decode(&message).is_ok(), "{value:x?}");
        for len in 0..message.len() {
            assert_eq!(decode(&message[..len]), Err(Malformed), "{value:x?} {len}");
        }
    }
}

/// GHSA-7xpx-rcqc-8qjh: a length is only believed when the bytes are there.
#[test]
fn a_length_beyond_the_message_is_an_error() {
    for marker in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        for more in [&[][..], &[1; 100]] {
            let value = [&[marker, 0xff, 0xff, 0xff, 0xff], more].concat();
            assert_eq!(decode(&event(&value)), Err(Malformed), "{marker:x}");
            assert_eq!(decode(&value), Err(Malformed), "{marker:x}");
        }
    }
}

/// Miri takes some microseconds for a byte, and sees with few what it would see with many.
const MANY: usize = if cfg!(miri) { 5_000 } else { 1_000_000 };

/// GHSA-c6g7-r2mf-pf5g: what is deep takes no stack.
#[test]
fn nesting_ends_at_the_limit() {
    for opening in [&b"\x91"[..], b"\x81\xa1k", b"\xdd\0\0\0\x01"] {
        let nested = |depth: usize| event(&[&opening.repeat(depth), &b"\x01"[..]].concat());
        // the array of the packet is the first level
        assert!(decode(&nested(127)).is_ok());
        assert_eq!(decode(&nested(128)), Err(TooDeep));
        assert_eq!(decode(&nested(MANY)), Err(TooDeep));
        let unclosed = opening.repeat(MANY);
        assert_eq!(decode(&event(&unclosed)), Err(Malformed));
        assert_eq!(decode(&unclosed), Err(Malformed));
        let junk = packet(1, &[b"\xa1x", &opening.repeat(MANY), b"\x01"]);
        assert_eq!(decode(&junk), Err(Malformed), "two members too many");
    }
    let extension = [&b"\x91".repeat(127)[..], b"\xd4\x05\x00"].concat();
    assert_eq!(decode(&event(&extension)), Err(TooDeep));
    let deep = [&b"\x91".repeat(MANY)[..], b"\x01"].concat();
    let junk = [b"\x83\xa4type\x01\xa3nsp\xa1/\xa1x", &deep[..]].concat();
    assert!(decode(&junk).is_ok(), "what is passed over is never built");
}

#[test]
fn a_packet_counts_in_both_of_its_forms() {
    let limits = Limits::default().packet_bytes(100);
    let mut decoder = Parser::Msgpack.decoder(limits);
    let mut feed = |message: Vec<u8>| decoder.feed(Data::Binary(message.into())).map(drop);
    assert_eq!(feed(event(&[0xc0])), Ok(()));
    assert_eq!(feed(event(&[&[0xc4, 60][..], &[1; 60]].concat())), Ok(()));
    let text = |len: u8| event(&[&[0xd9, len][..], &vec![b'x'; len.into()]].concat());
    assert_eq!((feed(text(77)), text(77).len()), (Ok(()), 100));
    assert_eq!(feed(text(78)), Err(TooLarge));
    // a CONNECT whose payload takes 100 bytes in JSON and less here, and one of 101
    let nulls = [&b"\x81\xa1k\xdc\0\x13"[..], &[0xc0; 18]].concat();
    let connect = |last: &[u8]| packet(0, &[&data(&[&nulls, last].concat())]);
    assert_eq!(feed(connect(b"\xa0")), Ok(()));
    assert_eq!(feed(connect(b"\xa1x")), Err(TooLarge));
    // 90 bytes and a placeholder
    assert_eq!(
        feed(event(&[&[0xc4, 75][..], &[1; 75]].concat())),
        Err(TooLarge)
    );
    assert_eq!(
        feed(event(&[&[0xc4, 200][..], &[1; 200]].concat())),
        Err(TooLarge)
    );
    // a byte each, `null,` in JSON
    assert_eq!(
        feed(event(&[&b"\xdc\0\x28"[..], &[0xc0; 40]].concat())),
        Err(TooLarge)
    );
}

#[test]
fn more_bytes_may_be_in_a_packet_than_json_has_attachments_for() {
    let many: Vec<Binary> = (0..50u8).map(|n| vec![n; 3].into()).collect();
    let root = NamespaceId::ROOT;
    let limits = Limits::default();
    let batch = Parser::Msgpack.event(&root, "a", &many, None, &limits);
    let message = batch.unwrap().iter().next().unwrap().payload().to_vec();
    let args = args_of(decode(&message).unwrap());
    assert_eq!(args.attachments().len(), 50);
    assert_eq!(args.read::<Vec<Binary>>(), Ok(many));
}

#[test]
fn bytes_share_the_message_unless_they_are_a_small_part_of_it() {
    let large = [&b"\xc5\x03\xe8"[..], &[7; 1000]].concat();
    let message = bytes::Bytes::from(event(&large));
    let range = message.as_ptr_range();
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    let packet = decoder
        .feed(Data::Binary(message.clone()))
        .unwrap()
        .unwrap();
    assert!(range.contains(&args_of(packet).attachments()[0].as_ptr()));
    drop(message);

    let small = [&b"\x92\xc4\x02ab\xda\x03\xe8"[..], &[b'x'; 1000]].concat();
    let message = bytes::Bytes::from(event(&small));
    let range = message.as_ptr_range();
    let packet = decoder
        .feed(Data::Binary(message.clone()))
        .unwrap()
        .unwrap();
    let args = args_of(packet);
    assert_eq!(args.attachments()[0], "ab");
    assert!(!range.contains(&args.attachments()[0].as_ptr()));
    drop(message);
}

#[test]
fn a_document_has_bytes_as_numbers() {
    let message = packet(0, &[&data(b"\x81\xa1k\xc4\x02\x01\x02")]);
    let payload = Some("{\"k\":[1,2]}".into());
    let namespace = NamespaceId::ROOT;
    let body = Body::Connect { payload };
    assert_eq!(decode(&message), Ok(Packet { namespace, body }));
}

/// Arguments as a client with JSON may have written them, relayed.
#[test]
fn any_valid_json_is_written() {
    let text = concat!(
        r#"52-[ "a" , { "num" : 1 , "\u005fplaceholder" : true } , "\u00e9\n" , -0 , 1e2 ,"#,
        r#" 123456789012345678901, -7, [ ], { } , {"_placeholder":true,"num":0}]"#
    );
    let mut json = Parser::Json.decoder(Limits::default());
    json.feed(text.into()).unwrap();
    json.feed(Data::Binary(b"zero".to_vec().into())).unwrap();
    let packet = json.feed(Data::Binary(b"one".to_vec().into()));
    let message = sent(&packet.unwrap().unwrap());
    let expected = [
        &b"\x9a\xa1a\xc4\x03one\xa3\xc3\xa9\n\xcb\x80\0\0\0\0\0\0\0\xcb\x40\x59\0\0\0\0\0\0\xcb"[..],
        &123_456_789_012_345_678_901f64.to_be_bytes(),
        b"\xf9\x90\x80\xc4\x04zero",
    ];
    assert_eq!(message, self::packet(2, &[&data(&expected.concat())]));
}

#[test]
fn what_has_no_form_is_not_sent() {
    for argument in ["1e999", "\"\\ud800\"", "{\"\\ud800\":1}"] {
        let mut json = Parser::Json.decoder(Limits::default());
        let packet = json.feed(format!("2[\"a\",{argument}]").as_str().into());
        let packet = packet.unwrap().unwrap();
        let result = Parser::Msgpack.encode(&packet, &Limits::default());
        assert!(
            matches!(result, Err(EncodeError::Serialize(_))),
            "{argument}"
        );
    }
    let imitation = serde_json::json!({ "_placeholder": true, "num": 0 });
    let payload = Args((imitation.clone(), Binary::from(vec![1])));
    let (root, limits) = (NamespaceId::ROOT, Limits::default());
    let event = Parser::Msgpack.event(&root, "a", &payload, None, &limits);
    assert_eq!(event, Err(EncodeError::Placeholder));
    assert!(
        Parser::Msgpack
            .event(&root, "a", &imitation, None, &limits)
            .is_ok()
    );
    let event = Parser::Msgpack.event(&root, "connect", &1, None, &limits);
    assert_eq!(event, Err(EncodeError::Reserved));
}

/// Clients 2.x with `socket.io-msgpack-parser` 2.
#[test]
fn clients_of_revision_4_write_text_or_binary() {
    let mut decoder = Parser::Msgpack
        .decoder(Limits::default())
        .revision(Revision::V4);
    let mut namespace_and_payload = |text: &str| {
        let packet = decoder.feed(text.into())?.expect("complete");
        match packet.body {
            Body::Connect { payload } => Ok((packet.namespace.to_string(), payload)),
            other => panic!("{other:?}"),
        }
    };
    let text = r#"{"type":0,"query":"x=1","options":{"compress":true},"nsp":"/a?x=1"}"#;
    let expected = ("/a".to_owned(), Some("{\"x\":\"1\"}".into()));
    assert_eq!(namespace_and_payload(text), Ok(expected));
    assert_eq!(
        namespace_and_payload(r#"{"type":2,"nsp":"/"}"#),
        Err(UnknownType)
    );
    assert_eq!(namespace_and_payload("2[\"a\"]"), Err(Malformed));
    let left = decoder.feed(r#"{"type":1,"nsp":"/"}"#.into());
    assert_eq!(left.unwrap().unwrap().body, Body::Disconnect);
    let mut feed = |message: Vec<u8>| decoder.feed(Data::Binary(message.into()));
    for message in [
        packet(5, &[&data(b"\x92\xa1a\xc4\x01\x07")]),
        packet(6, &[b"\xa2id\x00", &data(b"\x91\xc4\x01\x07")]),
    ] {
        let packet = feed(message).unwrap().unwrap();
        assert_eq!(args_of(packet).attachments().len(), 1);
    }
    let payload = packet(0, &[&data(b"\x80")]);
    assert_eq!(feed(payload), Err(InvalidPayload));

    let root = NamespaceId::ROOT;
    let no = ConnectError::new("no");
    let word = no.clone().data("why").unwrap();
    let more = no.clone().data(&[1]).unwrap();
    for (error, said) in [(no, "\"no\""), (word, "\"why\""), (more, "\"no\"")] {
        let batch = Parser::Msgpack.error(&root, &error).unwrap();
        let message = batch.iter().next().unwrap().payload().to_vec();
        let payload = said.into();
        assert_eq!(
            decode(&message).unwrap().body,
            Body::ConnectError { payload }
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_packet_or_an_error(bytes in any::<Vec<u8>>()) {
        let _ = decode(&bytes);
        if let Ok(packet) = decode(&event(&bytes)) {
            let args = args_of(packet);
            let _ = args.value::<Value>(0);
        }
    }
}
