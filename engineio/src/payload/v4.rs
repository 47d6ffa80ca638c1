//! Payloads of revision 4: packets joined by the record separator (engine.io-protocol v4,
//! "Payload encoding").

use bytes::Bytes;

use crate::{Data, DecodeError, Frame, Packet, Text};

/// Stands between two packets.
pub const SEPARATOR: u8 = 0x1e;

/// Splits a payload into packets, one at each step, never all at once.
///
/// After an error or the last packet it yields nothing more.
#[derive(Clone, Debug)]
pub struct Decoder {
    rest: Option<Text>,
    packets_left: usize,
    decode: fn(&Text) -> Result<Packet, DecodeError>,
}

impl Decoder {
    /// Starts on a complete body of a client. An empty body holds no packet.
    ///
    /// # Errors
    /// [`DecodeError::InvalidUtf8`].
    pub fn new(body: Bytes, max_packets: usize) -> Result<Self, DecodeError> {
        Self::reading(body, max_packets, Packet::decode)
    }

    /// Starts on a complete body of a server, whose packets are read by
    /// [`Packet::decode_from_server`].
    ///
    /// # Errors
    /// [`DecodeError::InvalidUtf8`].
    pub fn from_server(body: Bytes, max_packets: usize) -> Result<Self, DecodeError> {
        Self::reading(body, max_packets, Packet::decode_from_server)
    }

    fn reading(
        body: Bytes,
        max_packets: usize,
        decode: fn(&Text) -> Result<Packet, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let text = Text::from_utf8(body).map_err(|_| DecodeError::InvalidUtf8)?;
        let rest = Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            rest,
            packets_left: max_packets,
            decode,
        })
    }

    fn split(&mut self, text: &Text) -> Result<Packet, DecodeError> {
        self.packets_left = self
            .packets_left
            .checked_sub(1)
            .ok_or(DecodeError::TooManyPackets)?;
        let Some((packet, rest)) = text.split_once(char::from(SEPARATOR)) else {
            return (self.decode)(text);
        };
        self.rest = Some(text.share(rest));
        (self.decode)(&text.share(packet))
    }
}

impl Iterator for Decoder {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let result = self.split(&text);
        if result.is_err() {
            self.rest = None;
        }
        Some(result)
    }
}

/// Joins packets while they fit into `max_bytes`; the first always fits.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    max_bytes: usize,
}

impl Encoder {
    /// An empty payload that takes about `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            out: Vec::new(),
            max_bytes,
        }
    }

    /// Whether a packet of `len` bytes still fits.
    #[must_use]
    pub fn fits(&self, len: usize) -> bool {
        self.out.is_empty() || self.out.len() + 1 + len <= self.max_bytes
    }

    /// Appends a message.
    pub fn push_frame(&mut self, frame: &Frame) {
        self.separate();
        frame.write_polling(&mut self.out);
    }

    /// Appends a packet.
    pub fn push(&mut self, packet: &Packet) {
        self.separate();
        packet.encode(&mut self.out);
    }

    /// The payload.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.out.into()
    }

    fn separate(&mut self) {
        if !self.out.is_empty() {
            self.out.push(SEPARATOR);
        }
    }
}

/// The payload of these packets.
#[must_use]
pub fn encode<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> Bytes {
    let mut encoder = Encoder::new(usize::MAX);
    packets.into_iter().for_each(|packet| encoder.push(packet));
    encoder.finish()
}

impl From<Data> for Packet {
    fn from(data: Data) -> Self {
        Self::Message(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &'static str) -> Vec<Result<Packet, DecodeError>> {
        Decoder::new(Bytes::from_static(body.as_bytes()), 4)
            .unwrap()
            .collect()
    }

    #[test]
    fn splits_at_separators_and_stops_at_the_first_fault() {
        let hello = || Ok(Packet::Message("hello".into()));
        assert_eq!(decode(""), []);
        assert_eq!(decode("4hello"), [hello()]);
        assert_eq!(decode("4hello\x1e4hello"), [hello(), hello()]);
        assert_eq!(decode("4hello\x1e"), [hello(), Err(DecodeError::Empty)]);
        assert_eq!(decode("\x1e4hello"), [Err(DecodeError::Empty)]);
        assert_eq!(decode("abc\x1e4hello"), [Err(DecodeError::UnknownPacket)]);
    }

    #[test]
    fn a_body_of_a_server_is_read_as_such() {
        let body = Bytes::from_static(b"2\x1e4a\x1e5\x1e4b");
        let packets: Vec<_> = Decoder::from_server(body, 4).unwrap().collect();
        let ping = Packet::Ping { probe: false };
        let message = Packet::Message("a".into());
        assert_eq!(
            packets,
            [Ok(ping), Ok(message), Err(DecodeError::UnknownPacket)]
        );
    }

    #[test]
    fn counts_packets() {
        let packets = decode("6\x1e6\x1e6\x1e6\x1e6\x1e6");
        assert_eq!(packets.len(), 5);
        assert_eq!(packets[4], Err(DecodeError::TooManyPackets));
    }

    #[test]
    fn refuses_invalid_utf8_whole() {
        let body = Bytes::from_static(b"4ok\x1e4\xff");
        assert_eq!(Decoder::new(body, 4).unwrap_err(), DecodeError::InvalidUtf8);
    }

    #[test]
    fn the_first_packet_always_fits() {
        let mut encoder = Encoder::new(3);
        assert!(encoder.fits(100));
        encoder.push(&Packet::Noop);
        assert!(encoder.fits(1));
        assert!(!encoder.fits(2));
        encoder.push(&Packet::Close);
        assert_eq!(&encoder.finish()[..], b"6\x1e1");
    }
}
