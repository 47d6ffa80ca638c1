//! A WebSocket by hand, so that it can be left at any byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Failure, Outcome};

#[derive(Debug)]
pub(crate) struct RawSocket {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

/// The request that asks for it, for a session.
pub(crate) fn request(sid: &str) -> String {
    asking(&format!("&sid={sid}"))
}

/// The request that asks for it, and for a session.
pub(crate) fn opening() -> String {
    asking("")
}

fn asking(query: &str) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nHost: localhost\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

/// A text frame of a client, with a mask of zeros.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            // no text here is longer
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

impl RawSocket {
    pub(crate) async fn connect(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            input: Vec::new(),
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Outcome {
        Ok(self.stream.write_all(bytes).await?)
    }

    pub(crate) async fn send(&mut self, text: &str) -> Outcome {
        self.write(&frame(text)).await
    }

    /// Whether the server has agreed to a WebSocket.
    pub(crate) async fn answered(&mut self) -> Outcome<bool> {
        loop {
            if let Some(at) = self.input.windows(4).position(|end| end == b"\r\n\r\n") {
                let head: Vec<u8> = self.input.drain(..at + 4).collect();
                return Ok(head.starts_with(b"HTTP/1.1 101"));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(false);
            }
        }
    }

    /// The next text; `None` when the server has ended it. Cancel safe.
    pub(crate) async fn text(&mut self) -> Outcome<Option<String>> {
        loop {
            match self.take()? {
                Some((1, text)) => return Ok(Some(String::from_utf8(text)?)),
                Some((8, _)) => return Ok(None),
                Some((opcode, _)) => return Err(Failure::new(format!("a frame of kind {opcode}"))),
                None => {
                    if self.stream.read_buf(&mut self.input).await? == 0 {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Ready once something waits to be read.
    pub(crate) async fn readable(&self) -> Outcome {
        if self.input.is_empty() {
            self.stream.readable().await?;
        }
        Ok(())
    }

    /// Reads until the server has ended it, in whatever way.
    pub(crate) async fn ended(&mut self) {
        let mut rest = [0; 1024];
        while let Ok(1..) = self.stream.read(&mut rest).await {}
    }

    fn take(&mut self) -> Outcome<Option<(u8, Vec<u8>)>> {
        let (Some(first), Some(second)) = (self.input.first(), self.input.get(1)) else {
            return Ok(None);
        };
        let opcode = first & 15;
        let (length, start) = match second {
            127 => return Err(Failure::new("a frame that is too long")),
            126 => match self.input.get(2..).and_then(|rest| rest.first_chunk()) {
                Some(length) => (usize::from(u16::from_be_bytes(*length)), 4),
                None => return Ok(None),
            },
            length => (usize::from(*length), 2),
        };
        if self.input.len() < start + length {
            return Ok(None);
        }
        let mut frame: Vec<u8> = self.input.drain(..start + length).collect();
        Ok(Some((opcode, frame.split_off(start))))
    }
}
