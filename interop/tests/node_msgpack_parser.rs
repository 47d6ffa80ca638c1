//! npm's `socket.io-msgpack-parser` and ours read the same messages, and what we write it reads as
//! its own. Where they differ we are the stricter, for a reason that `docs/parser-differences.md`
//! gives; a difference without one fails.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

#[path = "common/shown.rs"]
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use interop::root;
use rmpv::Value as Token;
use serde_json::{Value as Json, json};
use socketio_proto::DecodeError::{self, *};
use socketio_proto::{Body, Data, Limits, Packet, Parser, RawArgs, Value};

use crate::shown::{doubles, plain};

/// Type, namespace, id, name and data; `None` for a message that is refused.
type Verdict = Option<Json>;
type Ours = Result<Json, DecodeError>;

/// Why we may differ: a name that the page explains, and what tells such a case.
struct Difference {
    name: &'static str,
    applies: fn(&[u8], &Ours, &Json) -> bool,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "integers-are-integers",
        applies: |bytes, ours, _| {
            let float = has(bytes, &[0xca]) || has(bytes, &[0xcb]);
            matches!(ours, Err(UnknownType | InvalidAckId)) && float
        },
    },
    Difference {
        name: "namespace-is-short-and-printable",
        applies: |_, ours, _| *ours == Err(InvalidNamespace),
    },
    Difference {
        name: "ack-id-is-counted-by-javascript",
        applies: |_, ours, node| {
            let number = |id: &Json| id.as_str()?.parse::<f64>().ok();
            let counted = |id: f64| (0.0..9_007_199_254_740_992.0).contains(&id);
            *ours == Err(InvalidAckId) && number(&node["id"]).is_some_and(|id| !counted(id))
        },
    },
    Difference {
        name: "ack-id-has-a-use",
        applies: |_, ours, node| *ours == Err(InvalidAckId) && !matches!(kind(node), 2 | 3),
    },
    Difference {
        name: "an-ack-has-an-id",
        applies: |_, ours, node| {
            *ours == Err(InvalidAckId) && kind(node) == 3 && node["id"].is_null()
        },
    },
    Difference {
        name: "an-event-has-a-name",
        applies: |_, ours, node| *ours == Err(InvalidName) && kind(node) == 2,
    },
    Difference {
        name: "reserved-names-are-refused",
        applies: |_, ours, _| *ours == Err(ReservedName),
    },
    Difference {
        name: "depth-is-limited",
        applies: |_, ours, _| *ours == Err(TooDeep),
    },
    Difference {
        name: "an-imitated-placeholder-beside-bytes",
        applies: |_, ours, _| *ours == Err(InvalidPlaceholder),
    },
    Difference {
        name: "strings-are-utf-8",
        applies: |bytes, ours, _| {
            let broken = |value: &Token| matches!(value, Token::String(text) if !text.is_str());
            *ours == Err(Malformed) && any(&tokens(bytes), &broken)
        },
    },
    Difference {
        name: "data-are-an-array",
        applies: |bytes, ours, _| {
            let packet = tokens(bytes);
            let data =
                |(key, value): &(Token, Token)| key.as_str() == Some("data") && value.is_ext();
            *ours == Err(InvalidPayload) && packet.as_map().unwrap().iter().any(data)
        },
    },
    Difference {
        name: "keys-are-strings-or-integers",
        applies: |bytes, ours, _| {
            let packet = tokens(bytes);
            let of_packet = packet.as_map().unwrap();
            let strange = |value: &Token| {
                let key =
                    |(key, _): &(Token, Token)| !(key.is_str() || key.is_i64() || key.is_u64());
                value.as_map().is_some_and(|map| map.iter().any(key))
            };
            match ours {
                Err(Malformed) => of_packet.iter().any(|(key, _)| !key.is_str()),
                Err(InvalidPayload) => any(&packet, &strange),
                _ => false,
            }
        },
    },
    Difference {
        name: "bytes-of-a-connect-are-numbers",
        applies: |_, ours, node| ours.is_ok() && matches!(kind(node), 0 | 4) && has_buffer(node),
    },
    Difference {
        name: "number-names-keep-their-text",
        applies: |_, ours, node| {
            let name = ours.as_ref().ok().and_then(|ours| ours["name"].as_str());
            let (ours, node) = (name.map(str::parse::<f64>), node["name"].as_str());
            ours.is_some_and(|ours| ours.is_ok() && ours == node.unwrap_or_default().parse())
        },
    },
    Difference {
        name: "proto-is-a-key",
        applies: |bytes, ours, _| ours.is_ok() && has(bytes, b"__proto__"),
    },
];

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The message as another implementation reads it.
fn tokens(message: &[u8]) -> Token {
    rmpv::decode::read_value(&mut &*message).unwrap()
}

/// Whether a value, or one within it, is like this.
fn any(value: &Token, like: &dyn Fn(&Token) -> bool) -> bool {
    like(value)
        || match value {
            Token::Array(values) => values.iter().any(|value| any(value, like)),
            Token::Map(members) => {
                let within = |(key, value): &(Token, Token)| any(key, like) || any(value, like);
                members.iter().any(within)
            }
            _ => false,
        }
}

fn has_buffer(node: &Json) -> bool {
    node["data"].to_string().contains("\"Buffer\"")
}

fn kind(node: &Json) -> u64 {
    node["type"].as_f64().map_or(9, |kind| kind as u64)
}

#[test]
fn node_and_we_differ_only_where_we_say_so() {
    let cases = cases();
    assert!(cases.len() >= 1000, "{} cases", cases.len());
    let (mut unexplained, mut used) = (String::new(), BTreeMap::new());
    let (mut accepted, mut written) = (0, Vec::new());
    for (message, node) in cases.iter().zip(node(&cases)) {
        let packet = read(message);
        let ours = packet.clone().map(|packet| doubles(shown(packet)));
        if let (Ok(packet), Some(node)) = (packet, &node) {
            accepted += 1;
            written.push((packet, node.clone()));
        }
        if ours.clone().ok() == node {
            continue;
        }
        // there is none where we accept what Node refuses
        let reason = node.as_ref().and_then(|node| {
            let applies = |difference: &&Difference| (difference.applies)(message, &ours, node);
            DIFFERENCES.iter().find(applies)
        });
        match reason {
            Some(difference) => *used.entry(difference.name).or_insert(0) += 1,
            None => {
                let show = |text: String| text.chars().take(300).collect::<String>();
                let (hex, ours, node) = (hex(message), format!("{ours:?}"), format!("{node:?}"));
                let (hex, ours, node) = (show(hex), show(ours), show(node));
                writeln!(unexplained, "{hex}\n  node {node}\n  ours {ours}").unwrap();
            }
        }
    }
    assert!(unexplained.is_empty(), "{unexplained}");
    assert!(accepted >= 200, "{accepted} accepted");
    let page = std::fs::read_to_string(root().join("docs/parser-differences.md")).unwrap();
    for difference in DIFFERENCES {
        let name = difference.name;
        assert!(used.contains_key(name), "no case shows {name}");
        assert!(
            page.contains(&format!("`{name}`")),
            "the page does not explain {name}"
        );
    }
    println!(
        "{} cases, {accepted} accepted, differences {used:?}",
        cases.len()
    );
    what_we_write_reads_the_same(&written);
}

/// Node reads our own form of a packet as it read the original.
fn what_we_write_reads_the_same(packets: &[(Packet, Json)]) {
    let ours = |(packet, _): &(Packet, Json)| {
        let batch = Parser::Msgpack.encode(packet, &Limits::default()).unwrap();
        let mut frames = batch.iter();
        let frame = frames.next().unwrap();
        assert!(frame.is_binary() && frames.next().is_none());
        frame.payload().to_vec()
    };
    let messages: Vec<_> = packets.iter().map(ours).collect();
    for ((message, again), (packet, first)) in messages.iter().zip(node(&messages)).zip(packets) {
        let mut again = again.unwrap_or_else(|| panic!("Node refuses {}", hex(message)));
        if matches!(kind(first), 0 | 4) && has_buffer(first) || has(message, b"__proto__") {
            continue;
        }
        // a name that is a number is sent as the text that it came as
        let number = |packet: &Json| {
            packet["name"]
                .as_str()
                .and_then(|name| name.parse::<f64>().ok())
        };
        if number(&again).is_some() && number(&again) == number(first) {
            again["name"] = first["name"].clone();
        }
        assert_eq!(again, *first, "{packet:?}");
    }
}

/// Asks Node about all messages at once.
fn node(messages: &[Vec<u8>]) -> Vec<Verdict> {
    let lines = messages
        .iter()
        .map(|message| format!("\"{}\"\n", hex(message)));
    let text = script(&[], lines.collect());
    let verdicts: Vec<Verdict> = text.lines().map(node_verdict).collect();
    assert_eq!(verdicts.len(), messages.len());
    verdicts
}

fn script(args: &[&str], input: String) -> String {
    let folder = root().join("interop");
    let parser = folder.join("node_modules/socket.io-msgpack-parser");
    assert!(
        parser.exists(),
        "{} is missing: run `cargo xtask setup`",
        parser.display()
    );
    let mut child = Command::new("node")
        .arg(folder.join("node/msgpack_verdicts.mjs"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut stdin = child.stdin.take().unwrap();
    // on its own thread: with both pipes full, neither side would go on
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "node: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn node_verdict(line: &str) -> Verdict {
    let mut verdict: Json = serde_json::from_str(line).unwrap();
    let object = verdict.as_object_mut().unwrap();
    if object.remove("verdict").unwrap() == "refused" {
        return None;
    }
    let data = object.get_mut("data").unwrap();
    // what is too deep for us is too deep for this test
    *data = serde_json::from_str(data.as_str().unwrap()).unwrap_or_else(|_| json!("unreadable"));
    Some(doubles(verdict))
}

fn read(message: &[u8]) -> Result<Packet, DecodeError> {
    let mut decoder = Parser::Msgpack.decoder(Limits::default());
    let packet = decoder.feed(Data::Binary(message.to_vec().into()))?;
    Ok(packet.expect("each message is a packet"))
}

fn shown(packet: Packet) -> Json {
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let (kind, id, name, data) = match packet.body {
        Body::Connect { payload } => {
            let data = payload.map_or(Json::Null, |text| json(&text));
            (0, None, None, data)
        }
        Body::Disconnect => (1, None, None, Json::Null),
        Body::Event { name, args, ack } => (2, ack, Some(name.to_string()), arguments(&args)),
        Body::Ack { id, args } => (3, Some(id), None, arguments(&args)),
        Body::ConnectError { payload } => (4, None, None, json(&payload)),
        other => panic!("unknown to this test: {other:?}"),
    };
    let id = id.map(|id| id.to_string());
    json!({"type": kind, "nsp": packet.namespace.as_str(), "id": id, "name": name, "data": data})
}

fn arguments(args: &RawArgs) -> Json {
    let read = |index| plain(args.value::<Value>(index).unwrap());
    (0..args.len()).map(read).collect()
}

/// Values that a JavaScript client does not write, or not in this form.
const VALUES: &[&[u8]] = &[
    b"\xca\x3f\x80\0\0",
    b"\xcb\x3f\xf0\0\0\0\0\0\0",
    b"\xcb\x7f\xf8\0\0\0\0\0\0",
    b"\xcb\xff\xf0\0\0\0\0\0\0",
    b"\xcb\x80\0\0\0\0\0\0\0",
    b"\xcc\x05",
    b"\xcf\0\0\0\0\0\0\0\x05",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xcf\0\x20\0\0\0\0\0\x01",
    b"\xd0\x05",
    b"\xd1\0\x05",
    b"\xd2\0\0\0\x05",
    b"\xd3\0\0\0\0\0\0\0\x05",
    b"\xd3\x80\0\0\0\0\0\0\0",
    b"\xc1",
    b"\xc4\0",
    b"\xc5\0\x01a",
    b"\xc6\0\0\0\x01a",
    b"\xc6\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc7\x01\0a",
    b"\xc8\0\x01\0a",
    b"\xc9\0\0\0\x01\0a",
    b"\xc7\0\x05",
    b"\xc7\x02\x7fab",
    b"\xc8\0\x02\x80ab",
    b"\xc9\0\0\0\x02\xffab",
    b"\xd4\0\x07",
    b"\xd4\x01a",
    b"\xd5\0ab",
    b"\xd5\xffab",
    b"\xd6\xff\0\0\0\x01",
    b"\xd7\0\0\0\0\0\0\0\0\x01",
    b"\xd7\0\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xd7\xff\0\0\0\0\0\0\0\x01",
    b"\xd8\x01aaaaaaaaaaaaaaaa",
    b"\xd9\x01a",
    b"\xda\0\x01a",
    b"\xdb\0\0\0\x01a",
    b"\xa1\xff",
    b"\xa2\xc0\x80",
    b"\xa3\xed\xa0\x80",
    b"\xa4\xf0\x9f\xa6\x80",
    b"\xdc\0\x01\x01",
    b"\xdd\0\0\0\x01\x01",
    b"\xde\0\x01\xa1k\x01",
    b"\xdf\0\0\0\x01\xa1k\x01",
    b"\x82\xa1k\x01\xa1k\x02",
    b"\x81\x01\x02",
    b"\x81\xff\x02",
    b"\x81\xc0\x02",
    b"\x81\xc3\x02",
    b"\x81\xca\x3f\x80\0\0\x02",
    b"\x81\x90\x02",
    b"\x81\xc4\x01a\x02",
    b"\x81\xa9__proto__\x02",
    b"\x81\xa9__proto__\x81\xa1k\x02",
];

fn cases() -> Vec<Vec<u8>> {
    let mut cases = BTreeSet::new();
    for line in script(&["write"], String::new()).lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let message = bytes(line["hex"].as_str().unwrap());
        vary(&message, &mut cases);
        cases.insert(message);
    }
    let event = |data: &[u8]| [b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data", data].concat();
    for value in VALUES {
        let nested: Vec<u8> = [b"\x92\xa1a\x91", *value].concat();
        let more: &[Vec<u8>] = &[
            value.to_vec(),
            event(value),
            event(&[b"\x91", *value].concat()),
            event(&[b"\x92\xa1a", *value].concat()),
            event(&[b"\x92\xa1a\x81\xa1k", *value].concat()),
            event(&nested),
            [
                b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1a\xa2id",
                *value,
            ]
            .concat(),
            [
                b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1a\xa1x",
                *value,
            ]
            .concat(),
            [
                b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x91\xa1a",
                *value,
                b"\x01",
            ]
            .concat(),
            [b"\x83\xa4type\x00\xa3nsp\xa1/\xa4data", *value].concat(),
            [b"\x83\xa4type\x04\xa3nsp\xa1/\xa4data", *value].concat(),
            [b"\x82\xa4type", *value, b"\xa3nsp\xa1/"].concat(),
            [b"\x82\xa4type\x00\xa3nsp", *value].concat(),
        ];
        cases.extend(more.iter().cloned());
    }
    cases.into_iter().collect()
}

/// The message cut off, continued, and with each byte replaced by some others.
fn vary(message: &[u8], cases: &mut BTreeSet<Vec<u8>>) {
    cases.insert([message, b"\xc0"].concat());
    if message.len() > 80 {
        cases.insert(message[..message.len() - 1].to_vec());
        cases.insert(message[..message.len() / 2].to_vec());
        return;
    }
    for at in 0..message.len() {
        cases.insert(message[..at].to_vec());
        // not 0xc9: for an extension as long as 4 GB, Node makes a buffer and fills it
        for byte in [
            0x00, 0x02, 0x80, 0x91, 0xa1, 0xc0, 0xc1, 0xc4, 0xcb, 0xd4, 0xd7, 0xdd, 0xff,
        ] {
            let mut other = message.to_vec();
            other[at] = byte;
            cases.insert(other);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
