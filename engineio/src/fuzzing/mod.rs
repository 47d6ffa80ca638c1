//! Bodies of the fuzz targets, which the tests run as well.

mod client;
mod session;

use bytes::Bytes;

use crate::jsonp::{Callback, payload_of_form};
use crate::payload::{Decoder, Encoder, SEPARATOR, v3};
use crate::query::{Query, Route, escape, pairs};
use crate::{Config, Frame, Open, Packet, Sid, Text};

pub use client::client;
pub use session::session;

/// Packets that the payload target accepts in one body.
const MAX_PACKETS: usize = 64;

/// One packet of a client: what decodes encodes to the same bytes, in every form.
pub fn packet(bytes: &[u8]) {
    let Ok(text) = Text::from_utf8(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let Ok(packet) = Packet::decode(&text) else {
        return;
    };
    let mut out = Vec::new();
    packet.encode(&mut out);
    assert_eq!(out, bytes);
    assert_eq!(
        Packet::from_frame(packet.clone().into_frame()),
        Ok(packet.clone())
    );
    if let Packet::Message(data) = &packet {
        let frame = Frame::message(data);
        let mut polling = Vec::new();
        frame.write_polling(&mut polling);
        assert_eq!(polling, bytes);
        assert_eq!(polling.len(), frame.polling_len());
    }
}

/// One packet of a server: what decodes encodes to a packet that decodes to the same. (The
/// handshake loses the keys and the upgrades that we do not know.)
pub fn server_packet(bytes: &[u8]) {
    let Ok(text) = Text::from_utf8(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let Ok(packet) = Packet::decode_from_server(&text) else {
        return;
    };
    let mut out = Vec::new();
    packet.encode(&mut out);
    let again = Text::from_utf8(out.clone().into()).expect("packets are UTF-8");
    assert_eq!(Packet::decode_from_server(&again), Ok(packet.clone()));
    match &packet {
        Packet::Open(open) => {
            assert!(!open.ping_interval().is_zero() && !open.ping_timeout().is_zero());
            let json = again.strip_prefix('0').expect("an open packet");
            assert_eq!(Open::decode(json).as_ref(), Ok(open));
        }
        _ => assert_eq!(out, bytes),
    }
}

/// One payload: as many packets as separators allow, nothing after a fault, and the same bytes
/// again when there was none.
pub fn payload(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let Ok(mut packets) = Decoder::new(body, MAX_PACKETS) else {
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    let mut encoder = Encoder::new(usize::MAX);
    let mut count = 0;
    let mut failed = false;
    for packet in packets.by_ref() {
        assert!(!failed, "a packet after a fault");
        count += 1;
        match packet {
            Ok(packet) => encoder.push(&packet),
            Err(_) => failed = true,
        }
    }
    assert!(packets.next().is_none());
    assert!(count <= MAX_PACKETS + usize::from(failed));
    let separators = bytes.iter().filter(|byte| **byte == SEPARATOR).count();
    assert!(count <= separators + 1);
    if !failed {
        assert_eq!(encoder.finish(), bytes);
    }
}

/// One payload of revision 3: lengths hold, nothing comes after a fault, and what was decoded is
/// the same when it is sent again in either form.
pub fn payload_v3(bytes: &[u8]) {
    let Ok(mut decoder) = v3::Decoder::new(Bytes::copy_from_slice(bytes), MAX_PACKETS) else {
        assert!(std::str::from_utf8(bytes).is_err());
        return;
    };
    let mut packets = Vec::new();
    let mut failed = false;
    for packet in decoder.by_ref() {
        assert!(!failed, "a packet after a fault");
        match packet {
            Ok(packet) => packets.push(packet),
            Err(_) => failed = true,
        }
    }
    assert!(decoder.next().is_none());
    assert!(packets.len() <= MAX_PACKETS);
    // three bytes is the shortest packet with its length
    assert!(packets.len() * 3 <= bytes.len());
    for form in [v3::Form::Text, v3::Form::Binary] {
        let again = v3::encode(form, &packets);
        let decoded: Result<Vec<_>, _> = v3::Decoder::new(again, MAX_PACKETS)
            .expect("texts are UTF-8")
            .collect();
        assert_eq!(decoded.as_ref(), Ok(&packets));
    }
}

/// What a JSONP client posts and gets: whatever it is, a script stays one call with one string.
pub fn jsonp(bytes: &[u8]) {
    let _ = payload_of_form(bytes);
    let text = String::from_utf8_lossy(bytes);
    let callback: Callback = "7".parse().expect("a digit");
    let script = callback.script(&text);
    let string = script.strip_prefix("___eio[7](\"");
    let string = string.and_then(|rest| rest.strip_suffix("\");"));
    let mut chars = string.expect("one call with one string").chars();
    while let Some(c) = chars.next() {
        assert!(c != '"' && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'));
        if c == '\\' {
            chars.next().expect("what is escaped");
        }
    }
    let field = format!("d={}", escape(&text));
    let posted = payload_of_form(field.as_bytes()).expect("one field");
    if !text.contains('\\') {
        assert_eq!(posted, text.as_bytes());
    }
}

/// One query string: a decision or an error, and parameters that survive being sent again.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for (key, value) in pairs(text) {
        let again = format!("{}={}", escape(&key), escape(&value));
        assert!(again.is_ascii());
        assert_eq!(pairs(&again).collect::<Vec<_>>(), [(key, value)]);
    }
    let sid: Result<Sid, _> = text.parse();
    if let Ok(sid) = sid {
        assert_eq!(sid.as_str(), text);
    }
    let Ok(query) = Query::parse(text, &Config::default()) else {
        return;
    };
    for (get, upgrade) in [(true, true), (true, false), (false, true), (false, false)] {
        match query.route(get, upgrade) {
            Ok(Route::Open(transport)) => assert!(get && transport == query.transport()),
            Ok(Route::Continue(sid, _)) => assert!(!sid.as_str().is_empty()),
            Err(error) => assert_eq!(error.status(), 400),
        }
    }
}

/// A client's WebSocket bytes, cut into reads by the first byte: the cuts change nothing, and
/// no more is kept than one message.
#[cfg(any(feature = "server", feature = "client"))]
pub fn reader(bytes: &[u8]) {
    crate::net::ws::fuzz(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Body = fn(&[u8]);

    const TARGETS: &[(&str, Body)] = &[
        ("engineio_packet", packet),
        ("engineio_jsonp", jsonp),
        ("engineio_payload", payload),
        ("engineio_payload_v3", payload_v3),
        ("engineio_query", query),
        #[cfg(any(feature = "server", feature = "client"))]
        ("engineio_reader", reader),
        ("engineio_session", session),
        ("engineio_client", client),
        ("engineio_server_packet", server_packet),
    ];

    const PIECES_V3: &[&[u8]] = &[
        b"1:6",
        b"2:4x",
        b"2:4\xc3\xa9",
        b"8:b4AQIDBA",
        b"6:b4AQID",
        b"3:",
        b"\0\x01\xff6",
        b"\x01\x03\xff\x04ab",
        b"\0",
        b"\xff",
        b"4",
        b":",
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

    fn seeds_of_the_client() -> Vec<Vec<u8>> {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/engineio_client");
        let files = std::fs::read_dir(seeds).expect("seeds");
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    proptest! {
        /// Random bytes alone seldom open a session.
        #[test]
        fn a_client_goes_on_from_every_seed_with_any_bytes(
            plan in any::<u8>(),
            seed in prop::sample::select(seeds_of_the_client()),
            length in any::<prop::sample::Index>(),
            tail in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let length = length.index(seed.len());
            let mut bytes = seed;
            bytes.truncate(length.max(1));
            bytes.extend(tail);
            client(&bytes);
            bytes[0] = plan;
            client(&bytes);
        }

        #[test]
        fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for (_, body) in TARGETS {
                body(&bytes);
            }
        }

        #[test]
        fn what_looks_like_a_payload_passes(
            pieces in prop::collection::vec(
                prop::sample::select(&["1", "2", "2probe", "4x", "4é", "b", "AQID", "\u{1e}", "6"][..]),
                0..90,
            )
        ) {
            let body = pieces.concat();
            packet(body.as_bytes());
            payload(body.as_bytes());
        }

        #[test]
        fn what_looks_like_a_payload_of_revision_3_passes(
            pieces in prop::collection::vec(
                prop::sample::select(PIECES_V3),
                0..90,
            )
        ) {
            payload_v3(&pieces.concat());
        }
    }
}
