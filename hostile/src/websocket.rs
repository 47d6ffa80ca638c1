//! WebSocket frames by hand.

use std::time::Instant;

use crate::outcome::{check, short};
use crate::peer::Peer;
use crate::{Failure, Outcome};

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
const MASK: [u8; 4] = [1, 2, 3, 4];

/// A client's frame.
pub(crate) fn frame(first: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = header(first, content.len() as u64);
    out.extend(content.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

/// The header of a client's frame alone.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut out = vec![first];
    match len {
        0..126 => out.push(0x80 | len as u8),
        126..65_536 => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend(MASK);
    out
}

/// The request that asks for a WebSocket.
pub(crate) fn upgrade(target: &str, headers: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

pub(crate) struct WebSocket {
    pub(crate) peer: Peer,
}

impl WebSocket {
    /// The handshake's answer must come next.
    pub(crate) fn new(mut peer: Peer) -> Outcome<Self> {
        let answer = peer.answer()?;
        answer.has(101)?;
        let accept = answer.header("sec-websocket-accept");
        check!(
            accept == Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "wrong accept key {accept:?}"
        );
        Ok(Self { peer })
    }

    pub(crate) fn send(&mut self, text: &str) -> Outcome {
        self.peer.send(frame(TEXT, text))
    }

    pub(crate) fn send_binary(&mut self, content: &[u8]) -> Outcome {
        self.peer.send(frame(BINARY, content))
    }

    /// Sends texts in one write.
    pub(crate) fn send_all<T: AsRef<str>>(
        &mut self,
        texts: impl IntoIterator<Item = T>,
    ) -> Outcome {
        let frames: Vec<u8> = texts
            .into_iter()
            .flat_map(|text| frame(TEXT, text.as_ref()))
            .collect();
        self.peer.send(frames)
    }

    /// The next frame: its first byte and its content.
    pub(crate) fn frame(&mut self) -> Outcome<(u8, Vec<u8>)> {
        self.peer.needs(2)?;
        let (start, len) = match self.peer.input() {
            [_, 126, ..] => {
                self.peer.needs(4)?;
                (4, self.length(2..4))
            }
            [_, 127, ..] => {
                self.peer.needs(10)?;
                (10, self.length(2..10))
            }
            [_, len, ..] => (2, usize::from(*len)),
            _ => (2, 0),
        };
        check!(len <= 100_000_000, "a frame of {len} bytes");
        self.peer.needs(start + len)?;
        let head = self.peer.take(start);
        Ok((
            head.first().copied().unwrap_or_default(),
            self.peer.take(len),
        ))
    }

    fn length(&self, bytes: std::ops::Range<usize>) -> usize {
        let bytes = self.peer.input().get(bytes).unwrap_or_default();
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    }

    /// The next text; heartbeats are answered on the way.
    pub(crate) fn text(&mut self) -> Outcome<String> {
        let asked = Instant::now();
        loop {
            check!(
                asked.elapsed() < self.peer.patience,
                "nothing but heartbeats for {:?}",
                self.peer.patience
            );
            let (first, content) = self.frame()?;
            let text = String::from_utf8_lossy(&content).into_owned();
            check!(
                first == TEXT,
                "expected a text, got {first:02x} {:?}",
                short(&text)
            );
            if text != "2" {
                return Ok(text);
            }
            self.send("3")?;
        }
    }

    pub(crate) fn expect(&mut self, text: &str) -> Outcome {
        let got = self.text()?;
        check!(
            got == text,
            "expected {:?}, got {:?}",
            short(text),
            short(&got)
        );
        Ok(())
    }

    /// Joins a namespace and gives the socket's id.
    pub(crate) fn join(&mut self, namespace: &str) -> Outcome<String> {
        let suffix = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        self.send(&format!("40{suffix}"))?;
        let answer = self.text()?;
        let joined = answer.strip_prefix(&format!("40{suffix}"));
        let joined =
            joined.ok_or_else(|| Failure::new(format!("not joined: {:?}", short(&answer))))?;
        crate::peer::sid(joined).map(str::to_owned)
    }

    /// Sends an event and gets it back: the server has handled everything before it.
    pub(crate) fn echoes(&mut self) -> Outcome {
        self.send(r#"42999["echo","are you there?"]"#)?;
        self.expect(r#"43999["are you there?"]"#)
    }

    /// Waits for the server's close frame, and gives its code (0 for none) when the connection has ended.
    pub(crate) fn closed(&mut self) -> Outcome<u16> {
        loop {
            let (first, content) = self.frame()?;
            match (first, content.as_slice()) {
                (CLOSE, body) => {
                    // the server may have gone already
                    self.peer.send(frame(CLOSE, body)).ok();
                    let rest = self.peer.ended()?;
                    check!(
                        rest.is_empty(),
                        "{} bytes behind the close frame",
                        rest.len()
                    );
                    let code = body
                        .first_chunk()
                        .map_or(0, |code| u16::from_be_bytes(*code));
                    check!(
                        body.len() == 2 || body.is_empty(),
                        "a close frame of {} bytes",
                        body.len()
                    );
                    return Ok(code);
                }
                (TEXT, b"2") => {}
                (_, body) => {
                    let text = String::from_utf8_lossy(body);
                    return Err(Failure::new(format!(
                        "expected a close frame, got {first:02x} {:?}",
                        short(&text)
                    )));
                }
            }
        }
    }

    pub(crate) fn closes_with(&mut self, code: u16) -> Outcome {
        let got = self.closed()?;
        check!(got == code, "expected close code {code}, got {got}");
        Ok(())
    }
}
