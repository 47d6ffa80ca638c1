//! HTTP by hand, on a connection that is kept.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Failure, Outcome};

#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            input: Vec::new(),
        })
    }

    /// Status and body of the answer.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        query: &str,
        body: &str,
    ) -> Outcome<(u16, String)> {
        let length = body.len();
        let head = format!(
            "{method} /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(head.as_bytes()).await?;
        let end = loop {
            let found = self.input.windows(4).position(|end| end == b"\r\n\r\n");
            match found {
                Some(at) => break at + 4,
                None => self.more().await?,
            }
        };
        let head: Vec<u8> = self.input.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        while self.input.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.input.drain(..length).collect();
        let status = status.ok_or_else(|| Failure::new(format!("no status: {head}")))?;
        Ok((status, String::from_utf8(body)?))
    }

    async fn more(&mut self) -> Outcome {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(Failure::new("the server ended an HTTP connection")),
            _ => Ok(()),
        }
    }
}
