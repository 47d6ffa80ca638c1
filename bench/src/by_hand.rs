//! [`Client`]: a WebSocket client by hand, which blocks: for what is counted and not timed. It costs the server nothing but
//! its messages.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::frames::{self, Kind};

/// A silent server has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const HANDSHAKE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One connection, in the namespace `/`.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
    /// How much of the input was given out.
    used: usize,
    reads: usize,
}

impl Client {
    /// Opens a connection and joins the namespace.
    ///
    /// # Errors
    /// The server is not there, or does not answer as it should.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream,
            output: HANDSHAKE.into(),
            input: Vec::new(),
            used: 0,
            reads: 0,
        };
        client.send()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        client.skip(1)?;
        client.queue("40");
        client.send()?;
        match client.message()? {
            joined if joined.starts_with(b"40{") => Ok(client),
            other => Err(io::Error::other(String::from_utf8_lossy(other))),
        }
    }

    /// Adds a message of text to what is sent next.
    pub fn queue(&mut self, message: &str) {
        frames::masked(Kind::Text, message.as_bytes(), &mut self.output);
    }

    /// Adds a message of bytes.
    pub fn queue_bytes(&mut self, message: &[u8]) {
        frames::masked(Kind::Binary, message, &mut self.output);
    }

    /// Sends what is queued, in one write.
    ///
    /// # Errors
    /// The server is gone.
    pub fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }

    /// The next message.
    ///
    /// # Errors
    /// The server is gone, silent, or sends what is no message.
    pub fn message(&mut self) -> io::Result<&[u8]> {
        loop {
            let waiting = self.input.get(self.used..).unwrap_or_default();
            if let Some(frame) = frames::first(waiting).map_err(io::Error::other)? {
                let end = self.input.len() - frame.rest.len();
                let start = end - frame.content.len();
                self.used = end;
                return Ok(self.input.get(start..end).unwrap_or_default());
            }
            self.input.drain(..self.used);
            self.used = 0;
            let mut bytes = [0; 64 * 1024];
            let count = self.stream.read(&mut bytes)?;
            self.reads += 1;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend(bytes.iter().take(count));
        }
    }

    /// How often messages were read from the system: no more often than the server wrote, if it is not read too late.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads
    }

    /// Takes so many messages.
    ///
    /// # Errors
    /// As [`Client::message`].
    pub fn skip(&mut self, messages: usize) -> io::Result<()> {
        (0..messages).try_for_each(|_| self.message().map(drop))
    }
}
