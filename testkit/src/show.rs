//! Outputs as lines of text, which tests compare and people read.

use std::fmt::Write as _;

use engineio::server::{Event, Output, Reply};
use engineio::{Data, Frame, client};

use crate::watch::number;

/// One line, for example `reply 3: 4a|4b`, `frame 1: 3probe`, `message <0102>`,
/// `closed: ping timeout`.
#[must_use]
pub fn show(output: &Output) -> String {
    match output {
        Output::Reply { request, reply } => format!("reply {}: {}", number(request), answer(reply)),
        Output::Frame { link, frame } => format!("frame {}: {}", number(link), text_of(frame)),
        Output::CloseLink { link } => format!("close link {}", number(link)),
        Output::Event(event) => news(event),
        other => format!("{other:?}"),
    }
}

/// One line of a client, for example `get 1`, `post 2: 4a|4b`, `open 3: websocket`.
#[must_use]
pub fn show_client(output: &client::Output) -> String {
    use client::Output;
    match output {
        Output::Get { request } => format!("get {}", number(request)),
        Output::Post { request, body } => {
            let body = String::from_utf8_lossy(body).replace('\u{1e}', "|");
            format!("post {}: {body}", number(request))
        }
        Output::Abandon { request } => format!("abandon {}", number(request)),
        Output::OpenLink { link, kind } => format!("open {}: {}", number(link), kind.name()),
        Output::Frame { link, frame } => format!("frame {}: {}", number(link), text_of(frame)),
        Output::CloseLink { link } => format!("close link {}", number(link)),
        Output::Event(event) => news(event),
        other => format!("{other:?}"),
    }
}

fn news(event: &Event) -> String {
    match event {
        Event::Opened => "opened".to_owned(),
        Event::Message(data) => format!("message {}", content(data)),
        Event::Upgraded => "upgraded".to_owned(),
        Event::Ping => "ping".to_owned(),
        Event::Closed(reason) => format!("closed: {reason}"),
        other => format!("{other:?}"),
    }
}

fn answer(reply: &Reply) -> String {
    match reply {
        Reply::Payload(payload) => String::from_utf8_lossy(payload).replace('\u{1e}', "|"),
        Reply::BinaryPayload(payload) => hex(payload),
        Reply::Ok => "ok".to_owned(),
        Reply::Refused(error) => format!("refused {}", error.code()),
        Reply::TooSlow => "status 408".to_owned(),
        Reply::NoMemory => "status 503".to_owned(),
        Reply::TooLarge => "status 413".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A frame's packet as text, binary as `<hex>`.
#[must_use]
pub fn text_of(frame: &Frame) -> String {
    if frame.is_binary() {
        hex(frame.payload())
    } else {
        String::from_utf8_lossy(frame.payload()).into_owned()
    }
}

fn content(data: &Data) -> String {
    match data {
        Data::Text(text) => text.as_str().to_owned(),
        Data::Binary(bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::from("<");
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a string cannot fail");
    }
    out + ">"
}
