//! Tables of wire forms and what they mean, and the parser's security history as tests.

use engineio::Data;

use super::*;
use crate::args::{Args, Binary, RawArgs, Value};
use crate::error::DecodeError::{self, *};
use crate::packet::{Body, Packet};

fn decode(text: &str) -> Result<Option<Packet>, DecodeError> {
    Parser::Json.decoder(Limits::default()).feed(text.into())
}

fn packet(text: &str) -> Packet {
    decode(text).expect("valid").expect("complete")
}

/// A packet in short: namespace, kind, name, id, arguments.
fn short(packet: &Packet) -> String {
    let args = |args: &RawArgs| args.iter().collect::<Vec<_>>().join(" ");
    let body = match &packet.body {
        Body::Connect { payload: None } => "connect".to_owned(),
        Body::Connect {
            payload: Some(payload),
        } => format!("connect {payload}"),
        Body::Disconnect => "disconnect".to_owned(),
        Body::Event {
            name,
            args: a,
            ack: None,
        } => format!("event {name} {}", args(a)),
        Body::Event {
            name,
            args: a,
            ack: Some(id),
        } => format!("event#{id} {name} {}", args(a)),
        Body::Ack { id, args: a } => format!("ack#{id} {}", args(a)),
        Body::ConnectError { payload } => format!("error {payload}"),
    };
    format!("{} {body}", packet.namespace)
}

fn wire(batch: &Batch) -> Vec<String> {
    let frames = batch.iter().map(|frame| {
        let text = String::from_utf8_lossy(frame.payload()).into_owned();
        if frame.is_binary() {
            format!("b{text}")
        } else {
            text
        }
    });
    frames.collect()
}

#[test]
fn every_packet_has_its_text_form() {
    for (text, expected) in [
        ("0", "/ connect"),
        ("0{}", "/ connect {}"),
        ("0{\"a\": [1]} ", "/ connect {\"a\": [1]}"),
        ("0/chat,", "/chat connect"),
        ("0/chat", "/chat connect"),
        (
            "0/chat,{\"token\":\"x\"}",
            "/chat connect {\"token\":\"x\"}",
        ),
        ("0/chat?x=1,", "/chat?x=1 connect"),
        ("0/__proto__,", "/__proto__ connect"),
        ("1", "/ disconnect"),
        ("1/chat,", "/chat disconnect"),
        ("1/chat", "/chat disconnect"),
        ("2[\"a\"]", "/ event a "),
        (
            "2[\"a\",1,{\"b\":[2, 3]},null]",
            "/ event a 1 {\"b\":[2, 3]} null",
        ),
        ("20[\"a\"]", "/ event#0 a "),
        ("2007[\"a\"]", "/ event#7 a "),
        ("29007199254740991[\"a\"]", "/ event#9007199254740991 a "),
        ("2/chat,7[\"a\",\"]\"]", "/chat event#7 a \"]\""),
        ("2/,[\"a\"]", "/ event a "),
        ("2[\"a\\n\\\"b\"]", "/ event a\n\"b "),
        ("2[\"\"]", "/ event  "),
        ("2[12,1]", "/ event 12 1"),
        ("2[-1.5]", "/ event -1.5 "),
        ("2[\"__proto__\",1]", "/ event __proto__ 1"),
        (
            "2[\"message\",{\"_placeholder\":true,\"num\":0}]",
            "/ event message {\"_placeholder\":true,\"num\":0}",
        ),
        ("2[\"a\",1,2,3,4,5,6]", "/ event a 1 2 3 4 5 6"),
        ("2[ \"a\" , 1 ] ", "/ event a 1"),
        ("31[]", "/ ack#1 "),
        ("3/chat,12[null,\"x\"]", "/chat ack#12 null \"x\""),
        ("4{\"message\":\"no\"}", "/ error {\"message\":\"no\"}"),
        ("4/chat,\"no\"", "/chat error \"no\""),
    ] {
        assert_eq!(short(&packet(text)), expected, "{text}");
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    for (text, error) in [
        ("", UnknownType),
        ("7", UnknownType),
        (" ", UnknownType),
        ("é", UnknownType),
        ("-1", UnknownType),
        ("x[\"a\"]", UnknownType),
        ("0[]", InvalidPayload),
        ("0\"x\"", InvalidPayload),
        ("0null", InvalidPayload),
        ("0{", InvalidPayload),
        ("0{}x", InvalidPayload),
        ("05", InvalidAckId),
        ("05{}", InvalidAckId),
        ("1{}", InvalidPayload),
        ("1 ", InvalidPayload),
        ("15", InvalidAckId),
        ("2", InvalidPayload),
        ("2[\"a\"", InvalidPayload),
        ("2[\"a\"]]", InvalidPayload),
        ("2[\"a\",]", InvalidPayload),
        ("2[\"a\",01]", InvalidPayload),
        ("2[\"a\n\"]", InvalidPayload),
        ("2[\"a\",\"\\x\"]", InvalidPayload),
        ("2[\"\\ud800\"]", InvalidName),
        ("2/chat[\"a\"]", InvalidPayload),
        ("2/a\u{1},[\"a\"]", InvalidNamespace),
        ("3[]", InvalidAckId),
        ("31", InvalidPayload),
        ("31{}", InvalidPayload),
        ("4", InvalidPayload),
        ("41", InvalidAckId),
        ("4[]", InvalidPayload),
        ("4null", InvalidPayload),
        ("5", InvalidAttachments),
        ("5[\"a\"]", InvalidAttachments),
        ("51[\"a\"]", InvalidAttachments),
        ("51-", InvalidPayload),
        ("61-[]", InvalidAckId),
        ("51-[\"a\"]", InvalidPlaceholder),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    let long = format!("0/{},", "x".repeat(255));
    assert_eq!(decode(&long), Err(InvalidNamespace));
}

#[test]
fn attachments_follow_their_header() {
    let mut decoder = Parser::Json.decoder(Limits::default());
    let text = r#"52-/chat,3["a",{"num":1,"_placeholder":true},[{"_placeholder":true,"num":0}]]"#;
    assert_eq!(decoder.feed(text.into()), Ok(None));
    assert!(decoder.is_assembling());
    assert_eq!(decoder.buffered(), text.len());
    assert_eq!(decoder.feed(Data::Binary(vec![1].into())), Ok(None));
    assert_eq!(decoder.buffered(), text.len() + 1);
    let packet = decoder
        .feed(Data::Binary(vec![2, 2].into()))
        .unwrap()
        .unwrap();
    assert!(!decoder.is_assembling());
    assert_eq!(decoder.buffered(), 0);
    let Body::Event { name, args, ack } = packet.body else {
        panic!("{packet:?}")
    };
    assert_eq!((name.as_str(), ack), ("a", AckId::new(3)));
    let Args((second, first)): Args<(Binary, Vec<Binary>)> = args.read().unwrap();
    assert_eq!((&second[..], &first[0][..]), (&[2, 2][..], &[1][..]));
    let bytes = |byte: &'static [u8]| Value::Binary(bytes::Bytes::from_static(byte));
    let Args(values): Args<(Value, Value)> = args.read().unwrap();
    assert_eq!(values, (bytes(&[2, 2]), Value::Array(vec![bytes(&[1])])));
    assert_eq!(args.attachments().len(), 2);

    assert_eq!(
        decoder.feed(r#"61-5[{"_placeholder":true,"num":0}]"#.into()),
        Ok(None)
    );
    let packet = decoder.feed(Data::Binary(vec![].into())).unwrap().unwrap();
    assert!(matches!(packet.body, Body::Ack { id, .. } if id.get() == 5));
}

#[test]
fn text_and_binary_come_only_where_they_are_due() {
    let mut decoder = Parser::Json.decoder(Limits::default());
    assert_eq!(
        decoder.feed(Data::Binary(vec![1].into())),
        Err(UnexpectedBinary)
    );
    decoder
        .feed(r#"51-["a",{"_placeholder":true,"num":0}]"#.into())
        .unwrap();
    assert_eq!(decoder.feed("2[\"b\"]".into()), Err(UnexpectedText));
    assert!(!decoder.is_assembling());
}

/// Miri takes some microseconds for a byte, and sees with few what it would see with many.
const MANY: usize = if cfg!(miri) { 5_000 } else { 1_000_000 };

/// CVE-2020-36049: memory grew with the square of the digits.
#[test]
fn a_megabyte_of_digits_is_refused() {
    for kind in ["2", "3", "5", "0"] {
        let digits = kind.repeat(MANY);
        assert!(decode(&digits).is_err());
    }
    for (text, error) in [
        ("29007199254740992[\"a\"]", InvalidAckId),
        ("200000000000000001[\"a\"]", InvalidAckId),
        ("2+1[\"a\"]", InvalidPayload),
        ("2 1[\"a\"]", InvalidPayload),
        ("21e1[\"a\"]", InvalidPayload),
        ("2 [\"a\"]", InvalidPayload),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
}

/// CVE-2022-2421: the number of a placeholder was not checked.
#[test]
fn placeholders_name_every_attachment_exactly_once() {
    for number in [
        "\"splice\"",
        "-1",
        "1",
        "1.5",
        "0.0",
        "1e308",
        "null",
        "[0]",
        "{}",
        "true",
        "\"0\"",
        "9223372036854775808",
        "18446744073709551616",
        "{\"_placeholder\":true,\"num\":0}",
    ] {
        let text = format!(r#"51-["x",{{"_placeholder":true,"num":{number}}}]"#);
        assert_eq!(decode(&text), Err(InvalidPlaceholder), "{text}");
    }
    for args in [
        r#"{"_placeholder":true}"#,
        r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":0,"more":1}"#,
        r#"{"_placeholder":true,"num":1,"num":0}"#,
        r#"{"_placeholder":true,"_placeholder":true}"#,
        r#"{"_placeholder":false,"num":0}"#,
        r#"{"_placeholder":1,"num":0}"#,
        r#"{"_placeholder":"true","num":0}"#,
        r#"{"_Placeholder":true,"num":0}"#,
        r#""{\"_placeholder\":true,\"num\":0}""#,
        r#"["_placeholder",true,"num",0]"#,
        r#"{"a":{"_placeholder":null},"num":0}"#,
        r#"{"_placeholder":[true],"num":0}"#,
        r#"{"num":0,"x":{"_placeholder":true}}"#,
        "",
    ] {
        let text = format!("51-[\"x\",{args}]");
        let refused = matches!(decode(&text), Err(InvalidPlaceholder | InvalidPayload));
        assert!(refused, "{text}");
    }
    let two = r#"52-["x",{"_placeholder":true,"num":0}]"#;
    assert_eq!(decode(two), Err(InvalidPlaceholder));
    for args in [
        r#"{"_placeholder":true,"num":0}"#,
        r#"{ "num" : 0 , "_placeholder" : true }"#,
        r#"{"_place\u0068older":true,"n\u0075m":0}"#,
        r#"1e999,"\ud800",[[{"a":{"_placeholder":true,"num":0}}]],{"num":7}"#,
        r#"{"_placeholder":false},{"\ud800":true},{"_placeholder":true,"num":0}"#,
        r#""\\",{"_placeholder":true,"num":0},"\\\"""#,
        r#"{"_placeholder":true,"num":0},{"num":1,"_placeholder":"_placeholder"}"#,
    ] {
        let text = format!("51-[\"x\",{args}]");
        assert_eq!(decode(&text), Ok(None), "{text}");
    }
}

/// CVE-2023-32695: the name of an event could be anything.
#[test]
fn the_name_of_an_event_is_a_string_or_a_number() {
    for (text, error) in [
        ("2[{\"toString\":\"x\"}]", InvalidName),
        ("2[[\"a\"]]", InvalidName),
        ("2[null]", InvalidName),
        ("2[true]", InvalidName),
        ("2[]", InvalidName),
        ("2{}", InvalidPayload),
        ("2\"x\"", InvalidPayload),
        ("2", InvalidPayload),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
}

/// CVE-2024-38355: nobody listened for `error`.
#[test]
fn error_is_an_ordinary_name() {
    assert_eq!(short(&packet("2[\"error\"]")), "/ event error ");
    assert_eq!(short(&packet("2[\"error\",{}]")), "/ event error {}");
}

/// CVE-2026-33151 and CVE-2026-69185: any count of attachments, and a count of zero.
#[test]
fn the_count_of_attachments_is_checked_in_the_header() {
    for (text, error) in [
        ("511-[\"x\"]", TooManyAttachments),
        ("5999999999999-[\"x\"]", TooManyAttachments),
        ("50-[\"x\"]", InvalidAttachments),
        ("600-1[]", InvalidAttachments),
        ("5-1-[\"x\"]", InvalidAttachments),
        ("5-[\"x\"]", InvalidAttachments),
        ("55e0-[\"x\"]", InvalidAttachments),
        ("50x2-[\"x\"]", InvalidAttachments),
        ("5 2-[\"x\"]", InvalidAttachments),
        ("52.0-[\"x\"]", InvalidAttachments),
        ("5+1-[\"x\"]", InvalidAttachments),
        ("5١-[\"x\"]", InvalidAttachments),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
    let mut more = Parser::Json.decoder(Limits::default().attachments(11));
    assert_eq!(more.feed("511-[\"x\"]".into()), Err(InvalidPlaceholder));
    assert_eq!(more.feed("512-[\"x\"]".into()), Err(TooManyAttachments));
}

#[test]
fn reserved_names_are_refused_in_both_directions() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        assert_eq!(decode(&format!("2[\"{name}\"]")), Err(ReservedName));
        let sent = Parser::Json.event(&NamespaceId::ROOT, name, &1, None, &Limits::default());
        assert_eq!(sent, Err(EncodeError::Reserved));
    }
    assert_eq!(decode("2[\"\\u0063onnect\"]"), Err(ReservedName));
}

#[test]
#[cfg_attr(miri, ignore = "forty thousand arguments take minutes")]
fn arguments_are_limited() {
    for (start, name) in [("2", "\"a\","), ("31", "")] {
        let text = |count| format!("{start}[{name}{}]", vec!["1"; count].join(","));
        assert!(decode(&text(10_000)).is_ok());
        assert_eq!(decode(&text(10_001)), Err(TooManyArguments));
    }
}

#[test]
fn depth_is_limited_without_recursion() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (text, deepest) in [("2[\"a\",@]", 127), ("31[@]", 127), ("0{\"a\":@}", 127)] {
        let text = |depth| text.replace('@', &nested(depth));
        assert!(decode(&text(deepest)).is_ok());
        assert_eq!(decode(&text(deepest + 1)), Err(TooDeep));
        assert_eq!(decode(&text(MANY)), Err(TooDeep));
    }
    let binary = format!(
        r#"51-["a",{{"_placeholder":true,"num":0}},{}]"#,
        nested(128)
    );
    assert_eq!(decode(&binary), Err(TooDeep));
    // many, but not deep
    let wide = format!("2[\"a\"{}]", ",[{}]".repeat(1000));
    let Body::Event { args, .. } = packet(&wide).body else {
        panic!()
    };
    assert_eq!(args.len(), 1000);
    let brackets = format!("2[\"a\",\"{}\"]", "[{\\\"".repeat(1000));
    assert!(decode(&brackets).is_ok());
    // the deepest that is let in can be read
    let deep = packet(&format!("2[\"a\",{}]", nested(127)));
    let Body::Event { args, .. } = deep.body else {
        panic!()
    };
    assert!(args.read::<Value>().is_ok());
}

#[test]
fn bytes_are_limited_for_text_and_attachments_together() {
    let limits = Limits::default().packet_bytes(50);
    let mut decoder = Parser::Json.decoder(limits);
    let long = format!("2[\"{}\"]", "x".repeat(46));
    assert_eq!(decoder.feed(long.as_str().into()), Err(TooLarge));
    assert!(
        decoder
            .feed(format!("2[\"{}\"]", "x".repeat(45)).as_str().into())
            .is_ok()
    );
    let header = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    for (bytes, fits) in [(50 - header.len(), true), (51 - header.len(), false)] {
        decoder.feed(header.into()).unwrap();
        let result = decoder.feed(Data::Binary(vec![0; bytes].into()));
        assert_eq!(result.is_ok(), fits);
        assert!(!decoder.is_assembling());
    }
}

#[test]
fn packets_are_written_as_node_writes_them() {
    let root = NamespaceId::ROOT;
    let chat = NamespaceId::new("chat").unwrap();
    let limits = Limits::default();
    let id = SocketId::from_entropy([0; 15]);
    let key = SessionKey::new("k\"");
    let json = Parser::Json;
    let no = ConnectError::new("Invalid namespace");
    let why = ConnectError::new("no").data(&[1]).unwrap();
    for (batch, text) in [
        (
            json.connected(&root, &id, None).unwrap(),
            r#"40{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#,
        ),
        (
            json.connected(&chat, &id, Some(&key)).unwrap(),
            r#"40/chat,{"sid":"AAAAAAAAAAAAAAAAAAAA","pid":"k\""}"#,
        ),
        (json.connect(&root, None).unwrap(), "40"),
        (
            json.connect(&chat, Some("{\"a\":1}".into())).unwrap(),
            "40/chat,{\"a\":1}",
        ),
        (
            json.connect_error(&chat, &no).unwrap(),
            r#"44/chat,{"message":"Invalid namespace"}"#,
        ),
        (
            json.connect_error(&root, &why).unwrap(),
            r#"44{"message":"no","data":[1]}"#,
        ),
        (json.disconnect(&root).unwrap(), "41"),
        (json.disconnect(&chat).unwrap(), "41/chat,"),
        (
            json.event(&root, "a", &(), None, &limits).unwrap(),
            r#"42["a",null]"#,
        ),
        (
            json.event(&root, "a", &Args(()), None, &limits).unwrap(),
            r#"42["a"]"#,
        ),
        (
            json.event(&chat, "a\"b", &Args((1, 1.0, "x")), AckId::new(7), &limits)
                .unwrap(),
            r#"42/chat,7["a\"b",1,1.0,"x"]"#,
        ),
        (
            json.ack(&root, AckId::MAX, &(1, 2), &limits).unwrap(),
            "439007199254740991[[1,2]]",
        ),
        (
            json.ack(&chat, AckId::MIN, &Args(()), &limits).unwrap(),
            "43/chat,0[]",
        ),
    ] {
        assert_eq!(wire(&batch), [text]);
    }
}

#[test]
fn bytes_become_attachments_in_order() {
    let (root, limits) = (NamespaceId::ROOT, Limits::default());
    let one = Binary(vec![b'1'].into());
    let two = Binary(vec![b'2'].into());
    let payload = Args((&one, "x", [Some(&two), None]));
    let batch = Parser::Json
        .event(&root, "a", &payload, AckId::new(3), &limits)
        .unwrap();
    let text = concat!(
        r#"452-3["a",{"_placeholder":true,"num":0},"x","#,
        r#"[{"_placeholder":true,"num":1},null]]"#
    );
    assert_eq!(wire(&batch), [text, "b1", "b2"]);
    let batch = Parser::Json.ack(&root, AckId::MIN, &one, &limits).unwrap();
    assert_eq!(
        wire(&batch),
        [r#"461-0[{"_placeholder":true,"num":0}]"#, "b1"]
    );
}

#[test]
fn what_the_peer_would_refuse_is_not_sent() {
    let (root, limits) = (NamespaceId::ROOT, Limits::default());
    let event = |payload: &Value| Parser::Json.event(&root, "a", payload, None, &limits);
    let binary = || Value::Binary(vec![1].into());
    assert!(event(&vec![binary(); 10].into()).is_ok());
    assert_eq!(
        event(&vec![binary(); 11].into()),
        Err(EncodeError::TooManyAttachments)
    );
    let relayed = |count| {
        let raw = RawArgs::encode(&vec![binary(); count]).unwrap();
        Parser::Json.ack(&root, AckId::MIN, &raw, &limits)
    };
    assert!(relayed(10).is_ok());
    assert_eq!(relayed(11), Err(EncodeError::TooManyAttachments));

    let imitation = || -> Value {
        let members = [("_placeholder", Value::from(true)), ("num", 0.into())];
        members.into_iter().collect::<crate::args::Map>().into()
    };
    assert!(event(&imitation()).is_ok());
    assert_eq!(
        event(&vec![binary(), imitation()].into()),
        Err(EncodeError::Placeholder)
    );

    let map = std::collections::BTreeMap::from([(vec![1], 1)]);
    let refused = Parser::Json.event(&root, "a", &map, None, &limits);
    assert!(matches!(refused, Err(EncodeError::Serialize(_))));
}

#[test]
fn an_event_shares_the_memory_of_its_packet() {
    let text = Text::from(r#"2/chat,["name","argument"]"#);
    let within = |part: &str| {
        let start = text.as_ptr() as usize;
        (start..start + text.len()).contains(&(part.as_ptr() as usize))
    };
    let mut decoder = Parser::Json.decoder(Limits::default());
    let packet = decoder.feed(Data::Text(text.clone())).unwrap().unwrap();
    let Body::Event { name, args, .. } = packet.body else {
        panic!()
    };
    assert!(within(&name) && within(args.get(0).unwrap()) && within(packet.namespace.as_str()));
    assert!(!within(packet.namespace.detached().as_str()));
}
