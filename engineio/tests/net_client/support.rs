//! Clients of the echo server, and what is asked of them.

use std::net::SocketAddr;
use std::sync::Arc;

use engineio::client::{Detail, Event};
use engineio::net::client::{Client, Connection, Options};
use engineio::{CloseReason, Data, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tungstenite::handshake::derive_accept_key;

pub(crate) use crate::net::{App, eventually, soon};

/// Options for a server, without what the environment may say.
pub(crate) fn options(app: &App) -> Options {
    Options::new(&app.addr.to_string()).unwrap()
}

pub(crate) fn over(app: &App, transport: Transport) -> Options {
    options(app).transports([transport])
}

pub(crate) fn connect(options: Options) -> Connection {
    Client::new(options).unwrap().connect()
}

/// A connection that is open.
pub(crate) async fn open(options: Options) -> Connection {
    let mut connection = connect(options);
    assert_eq!(next(&mut connection).await, Event::Opened);
    connection
}

pub(crate) async fn next(connection: &mut Connection) -> Event {
    soon(connection.next()).await.unwrap()
}

/// The next message; an upgrade may come before it.
pub(crate) async fn message(connection: &mut Connection) -> Data {
    loop {
        match next(connection).await {
            Event::Message(data) => return data,
            Event::Upgraded => {}
            event => panic!("{event:?}: {:?}", connection.detail()),
        }
    }
}

pub(crate) fn send(connection: &mut Connection, text: &str) {
    connection.send(Data::from(text).into()).unwrap();
}

pub(crate) async fn echoes(connection: &mut Connection, text: &str) {
    send(connection, text);
    assert_eq!(message(connection).await, Data::from(text));
}

/// Why the connection ended; nothing follows.
pub(crate) async fn closed(connection: &mut Connection) -> CloseReason {
    loop {
        match next(connection).await {
            Event::Closed(reason) => {
                assert_eq!(soon(connection.next()).await, None);
                return reason;
            }
            Event::Upgraded | Event::Message(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

/// Nothing is left at the server.
pub(crate) async fn nothing_left(app: &App) {
    let server = &app.server;
    eventually(|| (server.open_sessions(), server.connections()) == (0, 0)).await;
}

/// What a scripted server was sent: the head of a request, and the body.
pub(crate) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut input = Vec::new();
    let end = loop {
        let end = input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if stream.read_buf(&mut input).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = input.split_off(end);
    let head = String::from_utf8(input).unwrap();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        stream.read_buf(&mut body).await.ok().filter(|n| *n > 0)?;
    }
    Some((head, String::from_utf8(body).unwrap()))
}

/// A server that answers requests on each connection in turn, for ever or until `None`.
pub(crate) async fn scripted(
    answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                while let Some((head, body)) = request(&mut stream).await {
                    let Some(answer) = answer(&head, &body) else {
                        // nothing comes any more, until the client goes
                        while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
                        return;
                    };
                    stream.write_all(answer.as_bytes()).await.ok();
                    if answer.contains("101 ") {
                        while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
                    }
                }
            });
        }
    });
    addr
}

pub(crate) fn answer(status: &str, body: &str) -> Option<String> {
    let len = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {len}\r\n\r\n{body}"
    ))
}

/// An open packet; intervals in milliseconds.
pub(crate) fn open_packet(interval: u32, timeout: u32) -> String {
    format!(
        "0{{\"sid\":\"abc\",\"upgrades\":[],\"pingInterval\":{interval},\
         \"pingTimeout\":{timeout},\"maxPayload\":1000000}}"
    )
}

/// The answer to a WebSocket's handshake, with more headers.
pub(crate) fn switching(head: &str, headers: &str) -> String {
    let accept = derive_accept_key(header(head, "sec-websocket-key").unwrap().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
    )
}

/// A header of a request.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

pub(crate) fn at(addr: SocketAddr) -> Options {
    Options::new(&addr.to_string()).unwrap()
}

pub(crate) async fn failed(options: Options) -> (CloseReason, Option<Detail>) {
    let mut connection = connect(options);
    let reason = closed(&mut connection).await;
    (reason, connection.detail().cloned())
}

/// The stream of a WebSocket whose handshake the server has answered.
pub(crate) async fn switched(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    let (head, _) = soon(request(&mut stream)).await.unwrap();
    let answer = switching(&head, "");
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream
}

pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    assert!(text.len() < 126);
    [&[0x81, text.len() as u8], text.as_bytes()].concat()
}
