//! The request's query: what it asks for, and Node's error codes when it cannot have it.

use std::borrow::Cow;

pub use crate::form::{escape, pairs};
use crate::jsonp::Callback;
use crate::{Config, Dialect, HandshakeError, Protocol, Sid, Transport};

/// The parameters that Engine.IO reads. Others are the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    transport: Transport,
    sid: Option<Sid>,
    protocol: Option<Protocol>,
    base64: bool,
    jsonp: Option<Result<Callback, HandshakeError>>,
}

/// What a handshake settles for the whole session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How the client is spoken to.
    pub dialect: Dialect,
    /// Whether it polls by script tags.
    pub jsonp: bool,
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
        let mut base64 = None;
        let mut jsonp = None;
        for (key, mut value) in pairs(query) {
            let slot = match &*key {
                "transport" => &mut transport,
                "sid" => &mut sid,
                "EIO" => &mut version,
                "b64" => &mut base64,
                "j" => &mut jsonp,
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
        // a missing or unreadable version is 3, as in Node
        let version = version.and_then(|version| version.parse().ok());
        let protocol = match version.unwrap_or(3) {
            3 if config.allow_eio3 => Some(Protocol::V3),
            4 => Some(Protocol::V4),
            0_u8.. => None,
        };
        let jsonp = jsonp
            .filter(|_| protocol == Some(Protocol::V3) && transport == Transport::Polling)
            .map(|number| number.parse().map_err(|_| HandshakeError::BadRequest));
        Ok(Self {
            transport,
            sid,
            protocol,
            base64: base64.is_some_and(|value| !value.is_empty()),
            jsonp,
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
    /// version is not looked at: see [`Query::terms`].
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

    /// What a handshake with this query settles.
    ///
    /// # Errors
    /// Code 5 for a revision that is not spoken here, code 3 for a bad number of JSONP.
    pub fn terms(&self) -> Result<Terms, HandshakeError> {
        let protocol = self.protocol.ok_or(HandshakeError::UnsupportedVersion)?;
        let jsonp = self.callback()?.is_some();
        // script tags carry no bytes
        let base64 = self.base64 || jsonp;
        let dialect = Dialect { protocol, base64 };
        Ok(Terms { dialect, jsonp })
    }

    /// Whether this may be a later request of a session with these terms: one session, one
    /// revision, one way of polling.
    #[must_use]
    pub fn continues(&self, terms: Terms) -> bool {
        self.protocol == Some(terms.dialect.protocol)
            && (self.transport == Transport::WebSocket || self.jsonp.is_some() == terms.jsonp)
    }

    /// Whether binary has to travel as text (`b64`).
    #[must_use]
    pub fn base64(&self) -> bool {
        self.base64
    }

    /// The function that a JSONP answer calls. Only revision 3 has that.
    ///
    /// # Errors
    /// Code 3 for what is no number of one.
    pub fn callback(&self) -> Result<Option<Callback>, HandshakeError> {
        self.jsonp.clone().transpose()
    }
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
        query.terms()?;
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
    fn revision_3_is_spoken_where_it_is_allowed() {
        let config = Config {
            allow_eio3: true,
            ..Config::default()
        };
        let terms = |query: &str| Query::parse(query, &config).and_then(|query| query.terms());
        let spoken = |dialect| {
            Ok(Terms {
                dialect,
                jsonp: false,
            })
        };
        let base64 = |dialect: Dialect| spoken(dialect.base64(true));
        let jsonp = Terms {
            dialect: Dialect::V3.base64(true),
            jsonp: true,
        };
        for (query, expected) in [
            ("transport=polling", spoken(Dialect::V3)),
            ("transport=polling&EIO=3", spoken(Dialect::V3)),
            ("transport=polling&EIO=abc", spoken(Dialect::V3)),
            ("transport=polling&EIO=", spoken(Dialect::V3)),
            ("transport=polling&EIO=4", spoken(Dialect::V4)),
            ("transport=polling&EIO=2", Err(UnsupportedVersion)),
            ("transport=polling&EIO=5", Err(UnsupportedVersion)),
            ("transport=polling&EIO=3&b64=1", base64(Dialect::V3)),
            ("transport=websocket&EIO=4&b64=1", base64(Dialect::V4)),
            ("transport=polling&EIO=3&b64=", spoken(Dialect::V3)),
            ("transport=polling&EIO=3&j=0", Ok(jsonp)),
            ("transport=polling&EIO=3&j=x", Err(BadRequest)),
            ("transport=polling&EIO=3&j=", Err(BadRequest)),
            ("transport=polling&EIO=3&j=12345678901", Err(BadRequest)),
            ("transport=polling&EIO=3&j=1&j=1", Err(BadRequest)),
            // nobody else has it
            ("transport=polling&EIO=4&j=x", spoken(Dialect::V4)),
            ("transport=websocket&EIO=3&j=x", spoken(Dialect::V3)),
            ("transport=abc", Err(UnknownTransport)),
        ] {
            assert_eq!(terms(query), expected, "{query}");
        }
    }

    #[test]
    fn later_requests_keep_the_terms_of_the_handshake() {
        let config = Config {
            allow_eio3: true,
            ..Config::default()
        };
        let opened = |query: &str| Query::parse(query, &config).unwrap().terms().unwrap();
        let continues = |query: &str, terms| Query::parse(query, &config).unwrap().continues(terms);
        let polling = [
            "transport=polling&EIO=3",
            "transport=polling&EIO=4",
            "transport=polling&EIO=3&j=0",
        ];
        for first in polling {
            for later in polling {
                assert_eq!(
                    continues(later, opened(first)),
                    first == later,
                    "{first} {later}"
                );
            }
        }
        let jsonp = opened(polling[2]);
        assert!(continues("transport=polling&EIO=3&j=17", jsonp));
        assert!(continues("transport=websocket&EIO=3", jsonp));
        assert!(!continues("transport=websocket&EIO=4", jsonp));
        assert!(continues("transport=polling", opened(polling[0])));
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
    fn a_client_may_want_binary_as_text() {
        for (flag, base64) in [("", false), ("&b64=1", true), ("&b64=", false)] {
            let text = format!("EIO=4&transport=polling{flag}");
            let query = Query::parse(&text, &Config::default()).unwrap();
            assert_eq!(query.base64(), base64, "{flag}");
        }
    }
}
