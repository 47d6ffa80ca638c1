//! Packets: one character of type, then the content (engine.io-protocol v4, "Packet encoding").

mod open;
pub mod v3;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

pub use open::Open;

use crate::{Data, DecodeError, Text};

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// `0` and JSON: the handshake.
    Open(Open),
    /// `1`: the session ends.
    Close,
    /// `2`, or `2probe` on a transport that is being probed.
    Ping {
        /// Whether this probes a transport.
        probe: bool,
    },
    /// `3`, or `3probe`.
    Pong {
        /// Whether this answers a probe.
        probe: bool,
    },
    /// `4` and text; binary is a binary WebSocket frame, or `b` and base64.
    Message(Data),
    /// `5`: the client has moved to the new transport.
    Upgrade,
    /// `6`: ends a poll that has nothing to carry.
    Noop,
}

impl Packet {
    /// Decodes a packet that a client sent as a long-polling item or a WebSocket text frame.
    ///
    /// # Errors
    /// What is no packet of a client: nothing, an unknown type, content behind a type that has
    /// none, a handshake (only servers send it), base64 that is none.
    pub fn decode(text: &Text) -> Result<Self, DecodeError> {
        let kind = *text.as_bytes().first().ok_or(DecodeError::Empty)?;
        let content = || text.slice_from(1).ok_or(DecodeError::UnknownPacket);
        match (kind, text.as_str()) {
            (b'4', _) => Ok(Self::Message(Data::Text(content()?))),
            (b'b', _) => {
                let bytes = STANDARD.decode(content()?.as_bytes());
                let bytes = bytes.map_err(|_| DecodeError::InvalidBase64)?;
                Ok(Self::Message(Data::Binary(bytes.into())))
            }
            (_, "1") => Ok(Self::Close),
            (_, "2") => Ok(Self::Ping { probe: false }),
            (_, "2probe") => Ok(Self::Ping { probe: true }),
            (_, "3") => Ok(Self::Pong { probe: false }),
            (_, "3probe") => Ok(Self::Pong { probe: true }),
            (_, "5") => Ok(Self::Upgrade),
            (_, "6") => Ok(Self::Noop),
            _ => Err(DecodeError::UnknownPacket),
        }
    }

    /// Decodes a packet that a server sent, the other direction of [`Packet::decode`].
    ///
    /// # Errors
    /// What is no packet of a server: nothing, an unknown type, content behind a type that has
    /// none, base64 that is none, a handshake that [`Open::decode`] refuses, and what only
    /// clients send (`2probe`, `3`, `5`).
    pub fn decode_from_server(text: &Text) -> Result<Self, DecodeError> {
        if let Some(json) = text.strip_prefix('0') {
            return Open::decode(json).map(Self::Open);
        }
        match Self::decode(text)? {
            Self::Ping { probe: true } | Self::Pong { probe: false } | Self::Upgrade => {
                Err(DecodeError::UnknownPacket)
            }
            packet => Ok(packet),
        }
    }

    /// Decodes a WebSocket frame of a server: text as [`Packet::decode_from_server`], binary as
    /// a message.
    ///
    /// # Errors
    /// As [`Packet::decode_from_server`].
    pub fn from_frame_of_server(data: Data) -> Result<Self, DecodeError> {
        match data {
            Data::Text(text) => Self::decode_from_server(&text),
            Data::Binary(bytes) => Ok(Self::Message(Data::Binary(bytes))),
        }
    }

    /// Decodes a WebSocket frame of a client: text as [`Packet::decode`], binary as a message.
    ///
    /// # Errors
    /// As [`Packet::decode`].
    pub fn from_frame(data: Data) -> Result<Self, DecodeError> {
        match data {
            // most are messages, and nobody else needs this text
            Data::Text(text) if text.starts_with('4') => {
                let content = text.into_tail(1).ok_or(DecodeError::UnknownPacket)?;
                Ok(Self::Message(Data::Text(content)))
            }
            Data::Text(text) => Self::decode(&text),
            Data::Binary(bytes) => Ok(Self::Message(Data::Binary(bytes))),
        }
    }

    /// Appends the long-polling form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Open(open) => out.extend_from_slice(open.encode().as_bytes()),
            Self::Message(data) => match data {
                Data::Text(text) => {
                    out.push(b'4');
                    out.extend_from_slice(text.as_bytes());
                }
                Data::Binary(bytes) => {
                    out.push(b'b');
                    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                }
            },
            Self::Close => out.push(b'1'),
            Self::Ping { probe } => out.extend_from_slice(if *probe { b"2probe" } else { b"2" }),
            Self::Pong { probe } => out.extend_from_slice(if *probe { b"3probe" } else { b"3" }),
            Self::Upgrade => out.push(b'5'),
            Self::Noop => out.push(b'6'),
        }
    }

    /// The form in a WebSocket frame.
    #[must_use]
    pub fn into_frame(self) -> Data {
        match self {
            Self::Message(Data::Binary(bytes)) => Data::Binary(bytes),
            packet => {
                let mut out = Vec::new();
                packet.encode(&mut out);
                let text = Text::from_utf8(Bytes::from(out));
                Data::Text(text.expect("packets are built from UTF-8"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Packet, DecodeError> {
        Packet::decode(&text.into())
    }

    #[test]
    fn every_type_of_a_client_decodes() {
        let binary = Packet::Message(Data::Binary(Bytes::from_static(&[1, 2, 3, 4])));
        for (text, packet) in [
            ("1", Packet::Close),
            ("2", Packet::Ping { probe: false }),
            ("2probe", Packet::Ping { probe: true }),
            ("3", Packet::Pong { probe: false }),
            ("3probe", Packet::Pong { probe: true }),
            ("4", Packet::Message("".into())),
            ("4é", Packet::Message("é".into())),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("bAQIDBA==", binary),
        ] {
            assert_eq!(decode(text), Ok(packet.clone()), "{text}");
            let mut out = Vec::new();
            packet.encode(&mut out);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        use DecodeError::{Empty, InvalidBase64, UnknownPacket};
        for (text, error) in [
            ("", Empty),
            ("0{}", UnknownPacket),
            ("7", UnknownPacket),
            ("abc", UnknownPacket),
            ("é", UnknownPacket),
            ("éaaaa", UnknownPacket),
            ("2probé", UnknownPacket),
            ("2x", UnknownPacket),
            ("11", UnknownPacket),
            ("b!", InvalidBase64),
            ("bA", InvalidBase64),
            ("bé", InvalidBase64),
        ] {
            assert_eq!(decode(text), Err(error), "{text}");
        }
        assert_eq!(decode("b"), Ok(Packet::Message(Data::Binary(Bytes::new()))));
    }

    #[test]
    fn each_direction_has_packets_of_its_own() {
        let from_server = |text: &str| Packet::decode_from_server(&text.into());
        for text in ["1", "2", "3probe", "4", "4é", "6", "bAQIDBA=="] {
            assert_eq!(from_server(text), decode(text), "{text}");
            assert!(decode(text).is_ok());
        }
        for text in ["2probe", "3", "5"] {
            assert!(decode(text).is_ok());
            assert_eq!(from_server(text), Err(DecodeError::UnknownPacket), "{text}");
        }
        for text in ["", "7", "11", "b!", "abc"] {
            assert_eq!(from_server(text), decode(text), "{text}");
        }
        let sid = crate::Sid::from_entropy([0; 15]);
        let open = Open::new(sid, &crate::Config::default(), crate::Transport::Polling);
        assert_eq!(decode(&open.encode()), Err(DecodeError::UnknownPacket));
        assert_eq!(from_server(&open.encode()), Ok(Packet::Open(open)));
        assert_eq!(from_server("0{}"), Err(DecodeError::InvalidHandshake));
    }
}
