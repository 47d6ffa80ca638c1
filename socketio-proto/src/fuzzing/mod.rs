//! Bodies of the fuzz targets, which the tests run as well.

mod client;

use std::time::Instant;

use engineio::{Data, Text};

use crate::args::{RawArgs, Value};
use crate::limits::Limits;
#[cfg(feature = "msgpack")]
use crate::packet::Revision;
use crate::packet::{Body, Packet};
use crate::parser::{Decoder, Parser, scan};

pub use client::client;

/// A point to count from.
#[expect(clippy::disallowed_methods, reason = "no machine reads it")]
fn start() -> Instant {
    Instant::now()
}

/// One text message: whatever comes out of it can be looked at, and sent again.
pub fn packet(bytes: &[u8]) {
    let Ok(text) = Text::from_utf8(bytes.to_vec().into()) else {
        return;
    };
    scan::agrees(&text);
    let mut decoder = Parser::Json.decoder(Limits::default());
    let len = text.len();
    match decoder.feed(Data::Text(text)) {
        Ok(Some(packet)) => inspect(&Parser::Json, &packet, len),
        Ok(None) => assert!(decoder.is_assembling() && decoder.buffered() == len),
        Err(_) => assert!(!decoder.is_assembling() && decoder.buffered() == 0),
    }
}

/// A sequence of messages, each as `kind, length, content`, against small limits.
pub fn reassembly(mut bytes: &[u8]) {
    let limits = Limits::default().attachments(3).packet_bytes(200).depth(8);
    let mut decoder = Parser::Json.decoder(limits);
    while let [kind, len, rest @ ..] = bytes {
        let len = usize::from(*len).min(rest.len());
        let (content, rest) = rest.split_at(len);
        bytes = rest;
        let content = content.to_vec();
        let data = match kind % 2 {
            0 => match String::from_utf8(content) {
                Ok(text) => Data::Text(text.into()),
                Err(_) => continue,
            },
            _ => Data::Binary(content.into()),
        };
        feed(&mut decoder, data, &limits);
    }
}

fn feed(decoder: &mut Decoder, data: Data, limits: &Limits) {
    let was_assembling = decoder.is_assembling();
    let is_text = matches!(data, Data::Text(_));
    let result = decoder.feed(data);
    assert!(decoder.buffered() <= limits.packet_bytes);
    assert_eq!(decoder.is_assembling(), result == Ok(None));
    assert!(result.is_err() || was_assembling != is_text, "out of turn");
    if let Ok(Some(packet)) = result {
        inspect(&Parser::Json, &packet, limits.packet_bytes);
    }
}

/// One message of msgpack, for a client of either revision: whatever comes out of it can be looked
/// at, and sent again.
#[cfg(feature = "msgpack")]
pub fn msgpack(bytes: &[u8]) {
    let limits = Limits::default().packet_bytes(10_000);
    let decoder = || Parser::Msgpack.decoder(limits);
    let binary = Data::Binary(bytes.to_vec().into());
    let packet = decoder().feed(binary.clone());
    if let Ok(packet) = &packet {
        let packet = packet.as_ref().expect("each message is a packet");
        inspect(&Parser::Msgpack, packet, limits.packet_bytes);
    }
    let _ = decoder().revision(Revision::V4).feed(binary);
    if let Ok(text) = Text::from_utf8(bytes.to_vec().into()) {
        assert!(decoder().feed(Data::Text(text.clone())).is_err());
        let _ = decoder().revision(Revision::V4).feed(Data::Text(text));
    }
}

/// Reads and sends what was received.
fn inspect(parser: &Parser, packet: &Packet, bytes: usize) {
    if let Body::Event { args, .. } | Body::Ack { args, .. } = &packet.body {
        read(args, bytes);
    }
    let batch = parser.encode(packet, &Limits::default());
    let batch = batch.expect("what came in can go out");
    let mut again = None;
    let mut decoder = parser.decoder(Limits::default().packet_bytes(usize::MAX));
    for frame in batch.iter() {
        let data = match frame.payload() {
            content if frame.is_binary() => Data::Binary(content.to_vec().into()),
            [b'4', text @ ..] => Data::from(std::str::from_utf8(text).expect("a text frame")),
            other => panic!("not a message: {other:?}"),
        };
        again = decoder.feed(data).expect("what we send is valid");
    }
    assert_eq!(again.as_ref(), Some(packet));
}

fn read(args: &RawArgs, bytes: usize) {
    for index in 0..args.len() {
        // numbers beyond f64 and lone surrogates have no value here, but never panic
        let _ = args.value::<Value>(index);
        let _ = args.value::<String>(index);
    }
    assert!(args.iter().map(str::len).sum::<usize>() <= bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of packets, so that random sequences get far.
    const PIECES: &[&str] = &[
        "0",
        "1",
        "2",
        "3",
        "4",
        "51-",
        "52-",
        "61-",
        "7",
        "/chat",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\"a\"",
        ":",
        "\\",
        "\\ud800",
        "1e999",
        "-1",
        " ",
        "null",
        "true",
        "é",
        "\"_placeholder\"",
        "\"num\"",
        "{\"_placeholder\":true,\"num\":0}",
        "{\"_placeholder\":true,\"num\":1}",
        "9007199254740993",
    ];

    fn nearly_packet() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..12);
        let whole = prop_oneof![
            Just(String::new()),
            Just("2[\"a\",".to_owned()),
            Just("51-[\"a\",{\"_placeholder\":true,\"num\":0},".to_owned()),
        ];
        (whole, pieces, any::<bool>()).prop_map(|(start, pieces, close)| {
            let end = if close { "]" } else { "" };
            format!("{start}{}{end}", pieces.concat()).into_bytes()
        })
    }

    fn operations(contents: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, content) in contents {
            bytes.push(kind);
            bytes.push(u8::try_from(content.len()).unwrap_or(u8::MAX));
            bytes.extend(content);
        }
        bytes
    }

    type Body = fn(&[u8]);

    const TARGETS: &[(&str, Body)] = &[
        ("socketio_packet", packet),
        ("socketio_reassembly", reassembly),
        ("socketio_client", client),
        #[cfg(feature = "msgpack")]
        ("socketio_msgpack", msgpack),
    ];

    #[test]
    fn the_seeds_of_the_fuzz_targets_pass() {
        let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        for (target, body) in TARGETS {
            let folder = std::fs::read_dir(seeds.join(target)).expect(target);
            let mut count = 0;
            for entry in folder {
                body(&std::fs::read(entry.unwrap().path()).unwrap());
                count += 1;
            }
            assert!(count >= 10, "{target}: {count} seeds");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_packet_or_an_error(bytes in any::<Vec<u8>>()) {
            packet(&bytes);
            reassembly(&bytes);
        }

        #[test]
        fn what_looks_like_a_packet_is_one_or_an_error(bytes in nearly_packet()) {
            packet(&bytes);
        }

        #[test]
        fn any_sequence_of_messages_stays_within_limits(
            contents in prop::collection::vec((any::<u8>(), nearly_packet()), 0..8)
        ) {
            reassembly(&operations(contents));
        }
    }

    /// What a server may say, so that random sequences get far.
    fn answers() -> impl Strategy<Value = Vec<u8>> {
        prop::sample::select(vec![
            r#"0{"sid":"x"}"#,
            r#"0/a,{"sid":"x","pid":"k"}"#,
            r#"4/b,{"message":"no"}"#,
            "1",
            "1/a,",
            r#"2["e",1]"#,
            r#"2/a,["e","offset"]"#,
            r#"27["asks"]"#,
            "30[]",
            "31[1]",
            "3/a,0[]",
            "3/a,1[]",
            r#"51-["b",{"_placeholder":true,"num":0}]"#,
            "nonsense",
        ])
        .prop_map(|text| text.as_bytes().to_vec())
    }

    proptest! {
        #[test]
        fn any_sequence_of_operations_keeps_the_client_s_contract(
            ops in prop::collection::vec(
                prop_oneof![
                    (0u8..14, any::<u8>()).prop_map(|(kind, what)| vec![kind, what]),
                    answers().prop_map(|text| operations(vec![(14, text)])),
                ],
                0..60,
            ),
        ) {
            client(&ops.concat());
        }
    }

    #[cfg(feature = "msgpack")]
    proptest! {
        #[test]
        fn any_bytes_are_a_packet_of_msgpack_or_an_error(bytes in any::<Vec<u8>>()) {
            msgpack(&bytes);
            let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a";
            msgpack(&[&head[..], &bytes].concat());
        }
    }

    #[test]
    fn a_complete_packet_passes_both() {
        let text = br#"51-/chat,7["a",{"_placeholder":true,"num":0},[1]]"#.to_vec();
        packet(&text);
        reassembly(&operations(vec![
            (0, text.clone()),
            (1, vec![1, 2]),
            (0, text),
            (0, vec![]),
        ]));
    }
}
