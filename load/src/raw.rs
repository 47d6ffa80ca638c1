//! Peers that speak the protocol by hand, and badly: they are slow, or do not read.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::Outcome;

const ANSWER: Duration = Duration::from_secs(20);
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A WebSocket in the namespace `/` with a small receive buffer, which nobody reads any more.
pub(crate) async fn stalled(address: SocketAddr) -> Outcome<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(address).await?;
    join(&mut stream).await?;
    Ok(stream)
}

/// Asks for a WebSocket, and for the namespace `/`; returns when it is in.
pub(crate) async fn join(stream: &mut TcpStream) -> Outcome {
    upgrade(stream).await?;
    stream.write_all(&text(b"40")).await?;
    let mut heard = Vec::new();
    while !heard.ends_with(b"40{\"sid\":\"") {
        heard.push(timeout(ANSWER, stream.read_u8()).await??);
    }
    Ok(())
}

/// Asks for a WebSocket and waits for the answer.
pub(crate) async fn upgrade(stream: &mut TcpStream) -> Outcome {
    let request = request("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE, "");
    stream.write_all(request.as_bytes()).await?;
    let head = head(stream).await?;
    if !head.starts_with("HTTP/1.1 101") {
        return Err(format!("no upgrade: {head}").into());
    }
    Ok(())
}

/// A request whose head never ends.
pub(crate) async fn slow_head(address: SocketAddr) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: lo")
        .await?;
    Ok(stream)
}

/// A session over long-polling, and a POST whose body stops after a few bytes.
pub(crate) async fn slow_body(address: SocketAddr) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let open = request("GET", "/socket.io/?EIO=4&transport=polling", "", "");
    stream.write_all(open.as_bytes()).await?;
    head(&mut stream).await?;
    let mut body = [0; 512];
    let count = timeout(ANSWER, stream.read(&mut body)).await??;
    let body = String::from_utf8_lossy(body.get(..count).unwrap_or_default()).into_owned();
    let (_, sid) = body.split_once("\"sid\":\"").ok_or("no sid")?;
    let (sid, _) = sid.split_once('"').ok_or("no sid")?;
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let post = request("POST", &path, "Content-Length: 1000\r\n", "42[\"x\",\"");
    stream.write_all(post.as_bytes()).await?;
    Ok(stream)
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}")
}

/// A masked frame of text; the key is zero.
pub(crate) fn text(content: &[u8]) -> Vec<u8> {
    frame(0x81, content)
}

/// A masked frame, by its first byte.
pub(crate) fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(content.len()), u16::try_from(content.len())) {
        (Ok(len @ ..126), _) => frame.push(0x80 | len),
        (_, Ok(len)) => {
            frame.push(0xfe);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend_from_slice(&(content.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(content);
    frame
}

/// The head of an answer.
async fn head(stream: &mut TcpStream) -> Outcome<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(ANSWER, stream.read_u8()).await??);
    }
    Ok(String::from_utf8(head)?)
}

/// Waits until the server has ended the connection; `false` when it has not in time. What it says meanwhile is read
/// only if `reads`.
pub(crate) async fn gone(stream: &mut TcpStream, until: Instant, reads: bool) -> bool {
    if reads {
        let mut rest = [0; 4096];
        let end = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
        return tokio::time::timeout_at(until, end).await.is_ok();
    }
    // a peer that does not read learns of a reset, and of nothing else, by its socket's state
    loop {
        if SockRef::from(&*stream)
            .take_error()
            .ok()
            .flatten()
            .is_some()
            || has_ended(stream)
        {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        // more often, thousands of them would be work for the server
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether an empty write is refused.
fn has_ended(stream: &TcpStream) -> bool {
    // a ping of the WebSocket: answered by nobody who has given this connection up
    matches!(
        stream.try_write(&[0x89, 0x80, 0, 0, 0, 0]),
        Err(error) if error.kind() != std::io::ErrorKind::WouldBlock
    )
}
