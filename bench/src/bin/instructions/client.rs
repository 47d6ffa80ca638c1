//! A client by hand, which costs the server nothing but its messages.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::Outcome;

/// A silent server has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const HANDSHAKE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

pub(crate) struct Client {
    stream: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream,
            output: HANDSHAKE.into(),
            input: Vec::new(),
        };
        client.send()?;
        while !client.input.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.stream.read_exact(&mut byte)?;
            client.input.extend(byte);
        }
        client.input.clear();
        client.expect(1)?;
        client.queue("40");
        client.send()?;
        client.expect(1)?;
        Ok(client)
    }

    pub(crate) fn queue(&mut self, message: &str) {
        self.frame(TEXT, message.as_bytes());
    }

    pub(crate) fn queue_bytes(&mut self, message: &[u8]) {
        self.frame(BINARY, message);
    }

    /// A frame masked with zeros, which is the same work for the server.
    fn frame(&mut self, first: u8, content: &[u8]) {
        self.output.push(first);
        match u8::try_from(content.len()) {
            Ok(len @ ..126) => self.output.push(0x80 | len),
            _ => {
                self.output.push(0x80 | 126);
                let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
                self.output.extend(len.to_be_bytes());
            }
        }
        self.output.extend([0; 4]);
        self.output.extend_from_slice(content);
    }

    /// Sends what is queued, in one write.
    pub(crate) fn send(&mut self) -> Outcome {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }

    /// Takes so many messages.
    pub(crate) fn expect(&mut self, mut messages: usize) -> Outcome {
        while messages > 0 {
            if let Some(len) = self.frame_len() {
                self.input.drain(..len);
                messages -= 1;
                continue;
            }
            let mut bytes = [0; 16 * 1024];
            let count = self.stream.read(&mut bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend(bytes.iter().take(count));
        }
        Ok(())
    }

    /// Bytes of the first frame, if all of it is there.
    fn frame_len(&self) -> Option<usize> {
        let (head, content) = match *self.input.as_slice() {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [_, 126, ..] => return None,
            [_, len, ..] => (2, usize::from(len)),
            _ => return None,
        };
        Some(head + content).filter(|len| *len <= self.input.len())
    }
}
