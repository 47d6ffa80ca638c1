//! Requests, and answers read to their end.

use crate::Outcome;

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Bytes of the input behind it.
    pub(crate) behind: usize,
}

const PATH: &str = "/socket.io/?EIO=4&transport=";

/// Writes a GET of a session, or the one that opens it.
pub(crate) fn get(sid: &str, out: &mut Vec<u8>) {
    out.extend(
        format!(
            "GET {PATH}polling{}{sid} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            mark(sid)
        )
        .bytes(),
    );
}

/// Writes a POST of a session.
pub(crate) fn post(sid: &str, body: &[u8], out: &mut Vec<u8>) {
    let head = format!(
        "POST {PATH}polling{}{sid} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {}\r\n\r\n",
        mark(sid),
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

/// Writes the request for a WebSocket.
pub(crate) fn upgrade(sid: &str, out: &mut Vec<u8>) {
    let head = format!(
        "GET {PATH}websocket{}{sid} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        mark(sid)
    );
    out.extend_from_slice(head.as_bytes());
}

fn mark(sid: &str) -> &'static str {
    if sid.is_empty() { "" } else { "&sid=" }
}

/// The first answer in the input, when all of it is there.
pub(crate) fn answer(input: &[u8]) -> Outcome<Option<Answer>> {
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = input.split_at_checked(end + 4).ok_or("no head")?;
    let head = std::str::from_utf8(head)?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    let field = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then_some(value.trim())
        })
    };
    let body = match (field("content-length"), field("transfer-encoding")) {
        _ if status == 101 => Some((Vec::new(), rest)),
        (Some(len), _) => {
            let whole = rest.split_at_checked(len.parse()?);
            whole.map(|(body, behind)| (body.to_vec(), behind))
        }
        (None, Some(_)) => chunks(rest)?,
        (None, None) => return Err(format!("an answer without a length: {head}").into()),
    };
    Ok(body.map(|(body, behind)| Answer {
        status,
        body,
        behind: behind.len(),
    }))
}

/// The packets of a poll without the server's ping, and whether it was among them. Some servers ping at once.
pub(crate) fn without_ping(body: &[u8]) -> (Vec<u8>, bool) {
    let packets: Vec<&[u8]> = body.split(|byte| *byte == 0x1e).collect();
    let others: Vec<&[u8]> = packets
        .iter()
        .copied()
        .filter(|packet| *packet != b"2")
        .collect();
    (others.join(&0x1e), others.len() < packets.len())
}

/// Whether that is how a server says that it has taken a POST.
pub(crate) fn is_ok(body: &[u8]) -> bool {
    body.eq_ignore_ascii_case(b"ok")
}

fn chunks(mut rest: &[u8]) -> Outcome<Option<(Vec<u8>, &[u8])>> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let Some((size, behind)) = rest.split_at_checked(end) else {
            break;
        };
        let size = usize::from_str_radix(std::str::from_utf8(size)?, 16)?;
        let behind = behind.strip_prefix(b"\r\n").unwrap_or_default();
        let Some((chunk, behind)) = behind.split_at_checked(size) else {
            break;
        };
        let Some(behind) = behind.strip_prefix(b"\r\n") else {
            break;
        };
        if size == 0 {
            return Ok(Some((body, behind)));
        }
        body.extend_from_slice(chunk);
        rest = behind;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_bodies_are_read_to_their_end() {
        for wire in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            for len in 0..wire.len() {
                assert!(answer(&wire.as_bytes()[..len]).unwrap().is_none(), "{len}");
            }
            let more = format!("{wire}HTTP");
            let answer = answer(more.as_bytes()).unwrap().unwrap();
            assert_eq!(
                (answer.status, &answer.body[..], answer.behind),
                (200, &b"hello"[..], 4)
            );
        }
    }
}
