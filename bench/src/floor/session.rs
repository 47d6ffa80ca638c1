//! [`Session`]: one connection of a floor.

use std::fmt;

use tungstenite::handshake::derive_accept_key;

use super::Wish;
use crate::frames::{self, Kind, NoFrame};

/// The handshake of Engine.IO.
pub const OPEN: &str = "0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";
/// The answer to who joins the namespace.
pub const JOINED: &str = "40{\"sid\":\"floor\"}";

/// A connection from its HTTP request to its end.
#[derive(Debug, Default)]
pub struct Session {
    input: Vec<u8>,
    is_websocket: bool,
}

/// Why a connection ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unwanted {
    /// The client said goodbye; the answer is written.
    Goodbye,
    /// It sent what no client of the benchmark sends.
    Strange(String),
}

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goodbye => f.write_str("goodbye"),
            Self::Strange(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Unwanted {}

impl From<NoFrame> for Unwanted {
    fn from(error: NoFrame) -> Self {
        Self::Strange(error.to_string())
    }
}

impl Session {
    /// Takes what came from the client. Its own answers go into `out`, what others get goes to `each`.
    ///
    /// # Errors
    /// The connection has to end.
    pub fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut each: impl FnMut(Wish<'_>),
    ) -> Result<(), Unwanted> {
        if self.input.is_empty() && self.is_websocket {
            // nothing is kept between whole frames
            let rest = messages(bytes, out, &mut each)?;
            self.input.extend_from_slice(rest);
            return Ok(());
        }
        self.input.extend_from_slice(bytes);
        if !self.is_websocket {
            let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") else {
                return Ok(());
            };
            let head: Vec<u8> = self.input.drain(..end + 4).collect();
            upgrade(&head, out)?;
            self.is_websocket = true;
        }
        let rest = messages(&self.input, out, &mut each)?.len();
        let used = self.input.len() - rest;
        drop(self.input.drain(..used));
        Ok(())
    }
}

/// Answers the request, and opens the session.
fn upgrade(head: &[u8], out: &mut Vec<u8>) -> Result<(), Unwanted> {
    let head = String::from_utf8_lossy(head);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value.trim())
    });
    let key = key.ok_or_else(|| Unwanted::Strange(format!("no WebSocket: {head}")))?;
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ",
    );
    out.extend_from_slice(derive_accept_key(key.as_bytes()).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    frames::plain(Kind::Text, OPEN.as_bytes(), out);
    Ok(())
}

/// Takes all whole frames, and leaves the rest.
fn messages<'a>(
    mut bytes: &'a [u8],
    out: &mut Vec<u8>,
    each: &mut impl FnMut(Wish<'_>),
) -> Result<&'a [u8], Unwanted> {
    let mut clear = Vec::new();
    while let Some(frame) = frames::first(bytes)? {
        bytes = frame.rest;
        clear.clear();
        frames::unmask(frame.mask.unwrap_or_default(), frame.content, &mut clear);
        match frame.kind {
            Kind::Text => text(&clear, out, each)?,
            Kind::Binary => frames::plain(Kind::Binary, &clear, out),
            Kind::Ping => frames::plain(Kind::Pong, &clear, out),
            Kind::Pong => {}
            Kind::Close => {
                frames::plain(Kind::Close, &clear, out);
                return Err(Unwanted::Goodbye);
            }
        }
    }
    Ok(bytes)
}

/// One message, by how it begins.
fn text(
    message: &[u8],
    out: &mut Vec<u8>,
    each: &mut impl FnMut(Wish<'_>),
) -> Result<(), Unwanted> {
    let strange = || Unwanted::Strange(String::from_utf8_lossy(message).into_owned());
    if message == b"3" {
        return Ok(());
    }
    if message == b"40" {
        frames::plain(Kind::Text, JOINED.as_bytes(), out);
        return Ok(());
    }
    if message.starts_with(b"42[\"cast\",") {
        let mut frame = Vec::with_capacity(message.len() + 4);
        frames::plain(Kind::Text, message, &mut frame);
        each(Wish::Cast(&frame));
        return Ok(());
    }
    if let Some(rest) = message.strip_prefix(b"42[\"room\",\"") {
        let (room, rest) = split(rest, b"\",").ok_or_else(strange)?;
        let content = [b"42[\"cast\",", rest].concat();
        let mut frame = Vec::with_capacity(content.len() + 4);
        frames::plain(Kind::Text, &content, &mut frame);
        each(Wish::Room(room, &frame));
        return Ok(());
    }
    // what wants an answer: the packet with its id, then the event
    let (packet, rest) = split(message, b"[").ok_or_else(strange)?;
    let (name, rest) = split(rest, b",").ok_or_else(strange)?;
    let mut answer = Vec::with_capacity(message.len());
    match (packet, name) {
        ([b'4', b'2', id @ ..], b"\"join\"") => {
            let room = rest.strip_prefix(b"\"").and_then(|rest| split(rest, b"\""));
            let (room, _) = room.ok_or_else(strange)?;
            each(Wish::Join(room));
            answer.extend([b"43", id, b"[true]"].concat());
        }
        ([b'4', b'2', id @ ..], b"\"echo\"") => {
            for part in [b"43", id, b"[", rest] {
                answer.extend_from_slice(part);
            }
        }
        ([b'4', b'5', id @ ..], b"\"echo\"") => {
            for part in [b"46", id, b"[", rest] {
                answer.extend_from_slice(part);
            }
        }
        _ => return Err(strange()),
    }
    frames::plain(Kind::Text, &answer, out);
    Ok(())
}

/// What is before and behind the first `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|part| part == mark)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.strip_prefix(mark)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> (Vec<u8>, Vec<String>) {
        let (mut out, mut wishes) = (Vec::new(), Vec::new());
        text(message.as_bytes(), &mut out, &mut |wish| {
            wishes.push(format!("{wish:?}"));
        })
        .unwrap();
        (out, wishes)
    }

    #[test]
    fn an_echo_keeps_its_id_and_its_argument() {
        let (out, wishes) = told("4217[\"echo\",\"x\"]");
        assert_eq!((&out[2..], wishes.len()), (&b"4317[\"x\"]"[..], 0));
        let (out, _) = told("451-3[\"echo\",{\"_placeholder\":true,\"num\":0}]");
        assert_eq!(&out[2..], b"461-3[{\"_placeholder\":true,\"num\":0}]");
    }

    #[test]
    fn rooms_and_casts_are_for_others() {
        let (out, wishes) = told("420[\"join\",\"a\"]");
        assert_eq!((&out[2..], wishes.len()), (&b"430[true]"[..], 1));
        let (out, wishes) = told("42[\"room\",\"a\",\"x\"]");
        assert_eq!((out.len(), wishes.len()), (0, 1));
        let (out, wishes) = told("42[\"cast\",\"x\"]");
        assert_eq!((out.len(), wishes.len()), (0, 1));
    }
}
