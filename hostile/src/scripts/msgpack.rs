//! A second server of the same process, whose packets are msgpack.

use super::{MAX_PAYLOAD, MB, MS};
use crate::outcome::check;
use crate::websocket::{BINARY, CLOSE, WebSocket, frame};
use crate::{Attack, Outcome, Script};

const WEBSOCKET: &str = "/msgpack/?EIO=4&transport=websocket";

pub(super) const SCRIPTS: &[Script] = &[
    Script::new(
        "a million arrays in each other",
        "GHSA-c6g7-r2mf-pf5g, A5",
        nested,
    )
    .calm()
    .memory(16 * MB),
    Script::new(
        "lengths that are announced and do not come",
        "GHSA-7xpx-rcqc-8qjh",
        announced,
    )
    .calm()
    .memory(MB),
    Script::new("a packet cut at each byte", "GHSA-7xpx-rcqc-8qjh, A38", cut)
        .calm()
        .memory(MB),
    Script::new("maps of a hundred thousand keys", "A42, msgpack", many_keys)
        .calm()
        .memory(32 * MB),
];

/// `{"type":0,"nsp":"/"}`
const CONNECT: &[u8] = b"\x82\xa4type\x00\xa3nsp\xa1/";
/// `{"type":2,"nsp":"/","data":…}`, without the data.
const EVENT: &[u8] = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data";

fn joined(attack: &Attack<'_>) -> Outcome<WebSocket> {
    let mut client = attack.upgrade(WEBSOCKET)?;
    let open = client.text()?;
    check!(open.starts_with("0{"), "no open packet: {open}");
    client.send_binary(CONNECT)?;
    let (first, content) = client.frame()?;
    let sid = content.windows(3).any(|bytes| bytes == b"sid");
    check!(first == BINARY && sid, "not joined: {content:?}");
    Ok(client)
}

/// The server ends the connection of who says this, and nothing is handled.
fn is_refused(attack: &Attack<'_>, packet: &[u8], what: &str) -> Outcome {
    let mut client = joined(attack)?;
    client.peer.pour(&frame(BINARY, packet), 1)?;
    loop {
        let (first, content) = client.frame()?;
        check!(
            first == CLOSE || first == 0x89,
            "{what}: {first:#x} {content:?}"
        );
        if first == CLOSE {
            return Ok(());
        }
    }
}

fn nested(attack: &Attack<'_>) -> Outcome {
    let cpu = attack.process().cpu()?;
    let room = MAX_PAYLOAD - EVENT.len() - 8;
    for (one, what) in [
        (&b"\x91"[..], "arrays"),
        (b"\x81\xa1a", "maps"),
        (b"\xdc\x00\x01", "long arrays"),
    ] {
        let data = one.repeat(room / one.len());
        is_refused(attack, &[EVENT, b"\x92\xa1x", &data].concat(), what)?;
        // outside of a packet, too
        is_refused(attack, &data, what)?;
    }
    attack.cpu_since(cpu, 100 * MS)?;
    attack.nothing_handled()
}

fn announced(attack: &Attack<'_>) -> Outcome {
    for kind in [
        0xc4_u8, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
    ] {
        let announced = [&[kind][..], &[0xff; 4]].concat();
        is_refused(attack, &announced, "a packet")?;
        is_refused(attack, &[EVENT, &announced].concat(), "data")?;
        is_refused(
            attack,
            &[EVENT, b"\x92\xa1x", &announced].concat(),
            "an argument",
        )?;
    }
    attack.nothing_handled()
}

fn cut(attack: &Attack<'_>) -> Outcome {
    let args: &[u8] = b"\x95\xa1x\xcb\x3f\xf0\0\0\0\0\0\0\xc4\x02ab\x81\xa1a\xcf\0\0\0\0\0\0\0\x01\xd9\x02\xc3\xa9";
    let packet = [EVENT, args].concat();
    for end in 0..packet.len() {
        let packet = packet.get(..end).unwrap_or_default();
        is_refused(attack, packet, &format!("{end} bytes"))?;
    }
    attack.nothing_handled()?;
    for (kind, what) in [
        (5_u8, "BINARY_EVENT"),
        (6, "BINARY_ACK"),
        (7, "7"),
        (0xff, "-1"),
    ] {
        let mut packet = packet.clone();
        if let Some(byte) = packet.get_mut(6) {
            *byte = kind;
        }
        is_refused(attack, &packet, what)?;
    }
    attack.nothing_handled()
}

fn many_keys(attack: &Attack<'_>) -> Outcome {
    let mut client = joined(attack)?;
    let mut map = vec![0xdf];
    map.extend(100_000_u32.to_be_bytes());
    for n in 0..100_000_u32 {
        map.push(0xa5);
        map.extend(format!("{n:05}").bytes());
        map.push(0xc0);
    }
    let packet = [EVENT, b"\x92\xa4echo", map.as_slice()].concat();
    for _ in 0..attack.rounds(10, 2) {
        client.peer.pour(&frame(BINARY, &packet), 1)?;
        let (first, content) = client.frame()?;
        check!(
            first == BINARY && content.len() > 600_000,
            "{first:#x}, {} bytes",
            content.len()
        );
    }
    Ok(())
}
