//! Which revision of the protocol a session speaks, and how it carries binary.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Frame, FrameWriter};

/// The revision of Engine.IO that a session speaks for its whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Socket.IO clients 1.x and 2.x: the client pings, payloads have lengths.
    V3,
    /// Socket.IO clients since 3.0.
    #[default]
    V4,
}

/// How a client is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The revision of the protocol.
    pub protocol: Protocol,
    /// Whether binary has to travel as base64 text wherever there is a choice (`b64=1`).
    pub base64: bool,
}

impl Dialect {
    /// What today's clients speak.
    pub const V4: Self = Self {
        protocol: Protocol::V4,
        base64: false,
    };
    /// What clients of Socket.IO 1.x and 2.x speak.
    pub const V3: Self = Self {
        protocol: Protocol::V3,
        base64: false,
    };

    /// The same with `base64` as said.
    #[must_use]
    pub const fn base64(self, base64: bool) -> Self {
        Self { base64, ..self }
    }

    /// Whether WebSocket frames leave as they were encoded, which is so for nearly everybody.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self == Self::V4
    }

    /// The form of a message on a WebSocket of this client. Only binary has more than one.
    #[must_use]
    pub fn frame(self, frame: Frame) -> Frame {
        if self.is_plain() || !frame.is_binary() {
            return frame;
        }
        let bytes = frame.payload();
        match self {
            Self { base64: true, .. } => {
                let mut text = String::from(self.base64_prefix());
                STANDARD.encode_string(bytes, &mut text);
                Frame::packet(&text)
            }
            Self { base64: false, .. } => {
                let mut writer = FrameWriter::binary_with_capacity(1 + bytes.len());
                writer.push_bytes(&[MESSAGE]);
                writer.push_bytes(bytes);
                writer.finish()
            }
        }
    }

    fn base64_prefix(self) -> &'static str {
        match self.protocol {
            Protocol::V3 => "b4",
            Protocol::V4 => "b",
        }
    }
}

/// The type of a message before its bytes, in V3.
pub(crate) const MESSAGE: u8 = 4;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Data;

    #[test]
    fn binary_has_four_forms_on_a_websocket_and_text_one() {
        let binary = Frame::message(&Data::Binary(Bytes::from_static(&[1, 2, 3])));
        let text = Frame::message(&"hi".into());
        for (dialect, binary_frame, content) in [
            (Dialect::V4, true, &[1, 2, 3][..]),
            (Dialect::V4.base64(true), false, b"bAQID"),
            (Dialect::V3, true, &[4, 1, 2, 3]),
            (Dialect::V3.base64(true), false, b"b4AQID"),
        ] {
            let frame = dialect.frame(binary.clone());
            assert_eq!(frame.is_binary(), binary_frame, "{dialect:?}");
            assert_eq!(frame.payload(), content, "{dialect:?}");
            assert_eq!(dialect.frame(text.clone()), text);
        }
    }
}
