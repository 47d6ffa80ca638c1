//! The request's query: what it asks for, and Node's error codes when it cannot have it.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Config, HandshakeError, Sid, Transport};

/// The parameters that Engine.IO reads. Others are the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    transport: Transport,
    sid: Option<Sid>,
    version: Option<u8>,
}

/// What a valid request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A new session.
    Open(Transport),
    /// The session of this id, over this transport.
    Continue(Sid, Transport),
}

impl Query {
    /// Reads the raw query string (without `?`).
    ///
    /// Parameters are percent-decoded. A missing, unreadable or disabled transport is code 0;
    /// an id that no server can have made is code 1. A parameter of ours that comes twice has
    /// no value that could be read, because two readers of it might pick different ones.
    ///
    /// # Errors
    /// As said.
    pub fn parse(query: &str, config: &Config) -> Result<Self, HandshakeError> {
        let mut transport = None;
        let mut sid = None;
        let mut version = None;
        for (key, mut value) in pairs(query) {
            let slot = match &*key {
                "transport" => &mut transport,
                "sid" => &mut sid,
                "EIO" => &mut version,
                _ => continue,
            };
            if slot.is_some() {
                value = Cow::Borrowed("");
            }
            *slot = Some(value);
        }
        let transport = transport
            .and_then(|name| Transport::from_name(&name))
            .filter(|transport| config.allows(*transport))
            .ok_or(HandshakeError::UnknownTransport)?;
        let sid = sid.map(|sid| sid.parse().map_err(|_| HandshakeError::UnknownSession));
        let sid = sid.transpose()?;
        Ok(Self {
            transport,
            sid,
            version: version.and_then(|version| version.parse().ok()),
        })
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Decides what the request wants, in the order of Node's checks.
    ///
    /// `upgrade` says whether it is a WebSocket upgrade, `get` whether its method is GET. The
    /// version is not looked at: see [`Query::check_version`].
    ///
    /// # Errors
    /// Code 2 for a handshake that is no GET, code 3 for a WebSocket without upgrade.
    pub fn route(&self, get: bool, upgrade: bool) -> Result<Route, HandshakeError> {
        match self.sid {
            // whether it fits the transport is looked at when the session is known
            Some(sid) => Ok(Route::Continue(sid, self.transport)),
            None if !get => Err(HandshakeError::BadMethod),
            None if upgrade == (self.transport == Transport::WebSocket) => {
                Ok(Route::Open(self.transport))
            }
            None => Err(HandshakeError::BadRequest),
        }
    }

    /// The protocol version, 4. A missing or unreadable one means 3, as in Node.
    ///
    /// # Errors
    /// Code 5.
    pub fn check_version(&self) -> Result<(), HandshakeError> {
        if self.version == Some(4) {
            Ok(())
        } else {
            Err(HandshakeError::UnsupportedVersion)
        }
    }
}

/// Splits and percent-decodes a query string. A key without `=` has the empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key), unescape(value))
        })
}

/// `%41` is `A` and `+` a blank; what is no escape stays as it is.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Escapes a key or value for a query string.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use HandshakeError::{
        BadMethod, BadRequest, UnknownSession, UnknownTransport, UnsupportedVersion,
    };

    fn check(query: &str, get: bool, upgrade: bool) -> Result<Route, HandshakeError> {
        let query = Query::parse(query, &Config::default())?;
        let route = query.route(get, upgrade)?;
        query.check_version()?;
        Ok(route)
    }

    #[test]
    fn the_checks_come_in_nodes_order() {
        use Transport::{Polling, WebSocket};
        let sid = "abc".parse().unwrap();
        for (query, get, upgrade, expected) in [
            (
                "EIO=4&transport=polling",
                true,
                false,
                Ok(Route::Open(Polling)),
            ),
            (
                "EIO=4&transport=websocket",
                true,
                true,
                Ok(Route::Open(WebSocket)),
            ),
            (
                "EIO=4&transport=polling&sid=abc",
                false,
                false,
                Ok(Route::Continue(sid, Polling)),
            ),
            (
                "EIO=4&transport=%70olling&t=x",
                true,
                false,
                Ok(Route::Open(Polling)),
            ),
            ("transport=abc", true, false, Err(UnknownTransport)),
            ("EIO=4", true, false, Err(UnknownTransport)),
            (
                "EIO=4&transport=constructor",
                true,
                false,
                Err(UnknownTransport),
            ),
            (
                "EIO=4&transport=__proto__",
                true,
                true,
                Err(UnknownTransport),
            ),
            (
                "EIO=4&transport=polling&sid=a%20b",
                true,
                false,
                Err(UnknownSession),
            ),
            (
                "EIO=4&transport=polling&sid=",
                true,
                false,
                Err(UnknownSession),
            ),
            (
                "EIO=4&transport=polling&sid=a&sid=a",
                true,
                false,
                Err(UnknownSession),
            ),
            (
                "EIO=4&transport=polling&EIO=4",
                true,
                false,
                Err(UnsupportedVersion),
            ),
            (
                "EIO=4&transport=polling&transport=polling",
                true,
                false,
                Err(UnknownTransport),
            ),
            (
                "sid=a&sid=b&transport=x&transport=polling&transport=polling",
                true,
                false,
                Err(UnknownTransport),
            ),
            ("EIO=4&transport=websocket", true, false, Err(BadRequest)),
            ("EIO=4&transport=polling", true, true, Err(BadRequest)),
            ("EIO=4&transport=polling", false, false, Err(BadMethod)),
            ("transport=polling", true, false, Err(UnsupportedVersion)),
            (
                "EIO=abc&transport=polling",
                true,
                false,
                Err(UnsupportedVersion),
            ),
            (
                "EIO=3&transport=polling",
                true,
                false,
                Err(UnsupportedVersion),
            ),
        ] {
            assert_eq!(
                check(query, get, upgrade),
                expected,
                "{query} {get} {upgrade}"
            );
        }
    }

    #[test]
    fn a_disabled_transport_is_unknown() {
        let config = Config {
            polling: false,
            ..Config::default()
        };
        assert_eq!(
            Query::parse("EIO=4&transport=polling", &config),
            Err(UnknownTransport)
        );
    }

    #[test]
    fn keys_and_values_are_percent_decoded() {
        let read = |query| pairs(query).collect::<Vec<_>>();
        let pair = |key, value| (Cow::Borrowed(key), Cow::Borrowed(value));
        assert_eq!(read("%26a=%26%3D%3Fa"), [pair("&a", "&=?a")]);
        assert_eq!(
            read("a&b=&=c&&"),
            [pair("a", ""), pair("b", ""), pair("", "c")]
        );
        assert_eq!(
            read("a=%zz%4&b=1+2"),
            [pair("a", "%zz%4"), pair("b", "1 2")]
        );
        assert_eq!(escape("&=?a é"), "%26%3D%3Fa%20%C3%A9");
    }
}
