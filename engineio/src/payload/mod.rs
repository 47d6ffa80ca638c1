//! Long-polling payloads: several packets in one body. Those of revision 4 are at hand; those of
//! revision 3 are in [`v3`].

pub mod v3;
mod v4;

use bytes::Bytes;

pub use v4::{Decoder, Encoder, SEPARATOR, encode};

use crate::{DecodeError, Dialect, Frame, Packet, Protocol};

/// The packets of a body, in the revision that its client speaks.
#[derive(Clone, Debug)]
pub(crate) enum Packets {
    V3(v3::Decoder),
    V4(Decoder),
}

impl Packets {
    pub(crate) fn new(
        protocol: Protocol,
        body: Bytes,
        max_packets: usize,
    ) -> Result<Self, DecodeError> {
        match protocol {
            Protocol::V3 => v3::Decoder::new(body, max_packets).map(Self::V3),
            Protocol::V4 => Decoder::new(body, max_packets).map(Self::V4),
        }
    }
}

impl Iterator for Packets {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::V3(packets) => packets.next(),
            Self::V4(packets) => packets.next(),
        }
    }
}

/// A body under construction, in the revision that its client speaks.
#[derive(Debug)]
pub(crate) enum Payload {
    V3(v3::Encoder, v3::Form),
    V4(Encoder),
}

impl Payload {
    /// `binary` tells whether bytes will be in it.
    pub(crate) fn new(dialect: Dialect, binary: bool, max_bytes: usize) -> Self {
        match dialect.protocol {
            Protocol::V3 => {
                let form = if binary && !dialect.base64 {
                    v3::Form::Binary
                } else {
                    v3::Form::Text
                };
                Self::V3(v3::Encoder::new(form, max_bytes), form)
            }
            Protocol::V4 => Self::V4(Encoder::new(max_bytes)),
        }
    }

    pub(crate) fn fits(&self, frame: &Frame) -> bool {
        match self {
            Self::V3(encoder, _) => encoder.fits(frame),
            Self::V4(encoder) => encoder.fits(frame.polling_len()),
        }
    }

    pub(crate) fn push(&mut self, packet: &Packet) {
        match self {
            Self::V3(encoder, _) => encoder.push(packet),
            Self::V4(encoder) => encoder.push(packet),
        }
    }

    pub(crate) fn push_frame(&mut self, frame: &Frame) {
        match self {
            Self::V3(encoder, _) => encoder.push_frame(frame),
            Self::V4(encoder) => encoder.push_frame(frame),
        }
    }

    /// The body, and whether it is bytes rather than text.
    pub(crate) fn finish(self) -> (Bytes, bool) {
        match self {
            Self::V3(encoder, form) => (encoder.finish(), form == v3::Form::Binary),
            Self::V4(encoder) => (encoder.finish(), false),
        }
    }
}
