//! Payloads of revision 3: packets with their length before them, as text or as bytes
//! (engine.io-protocol v3, "Payload").
//!
//! ```text
//! 6:4hello10:b4AQIDBA==        text; lengths count UTF-16 units, as JavaScript does
//! 0 6 255 "4hello"             bytes; 0 is a text and 1 is binary, then the decimal digits of
//! 1 5 255 4 1 2 3 4            the length in bytes, each a byte of 0 to 9, and 255
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::dialect::MESSAGE;
use crate::{Data, DecodeError, Frame, Packet, Text, packet};

/// Digits of a length: enough for any body that passed its limit.
const MAX_DIGITS: usize = 10;
const TEXT: u8 = 0;
const BINARY: u8 = 1;
const END_OF_LENGTH: u8 = 255;

/// Splits a payload of either form into packets, one at each step, never all at once.
///
/// After an error or the last packet it yields nothing more.
#[derive(Clone, Debug)]
pub struct Decoder {
    rest: Rest,
    packets_left: usize,
}

#[derive(Clone, Debug)]
enum Rest {
    Text(Text),
    Bytes(Bytes),
}

impl Decoder {
    /// Starts on a complete body, whose first byte tells its form. An empty body holds no packet.
    ///
    /// # Errors
    /// [`DecodeError::InvalidUtf8`].
    pub fn new(body: Bytes, max_packets: usize) -> Result<Self, DecodeError> {
        let rest = match body.first() {
            Some(&(TEXT | BINARY)) => Rest::Bytes(body),
            _ => Rest::Text(Text::from_utf8(body).map_err(|_| DecodeError::InvalidUtf8)?),
        };
        Ok(Self {
            rest,
            packets_left: max_packets,
        })
    }

    /// Whether packets follow.
    fn is_done(&self) -> bool {
        match &self.rest {
            Rest::Text(text) => text.is_empty(),
            Rest::Bytes(bytes) => bytes.is_empty(),
        }
    }

    fn split(&mut self) -> Result<Packet, DecodeError> {
        self.packets_left = self
            .packets_left
            .checked_sub(1)
            .ok_or(DecodeError::TooManyPackets)?;
        match &mut self.rest {
            Rest::Text(text) => split_text(text),
            Rest::Bytes(bytes) => split_bytes(bytes),
        }
    }
}

impl Iterator for Decoder {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done() {
            return None;
        }
        let result = self.split();
        if result.is_err() {
            self.rest = Rest::Bytes(Bytes::new());
        }
        Some(result)
    }
}

fn split_text(rest: &mut Text) -> Result<Packet, DecodeError> {
    let (digits, tail) = rest.split_once(':').ok_or(DecodeError::InvalidLength)?;
    let units = number(digits.bytes().map(|digit| digit.wrapping_sub(b'0')))?;
    let end = end_of(units, tail).ok_or(DecodeError::InvalidLength)?;
    let (item, tail) = tail
        .split_at_checked(end)
        .ok_or(DecodeError::InvalidLength)?;
    let (item, tail) = (rest.share(item), rest.share(tail));
    *rest = tail;
    packet::v3::decode(&item)
}

/// The byte behind the first `units` UTF-16 units of `text`.
fn end_of(units: usize, text: &str) -> Option<usize> {
    let mut left = units;
    let mut chars = text.char_indices();
    loop {
        let (at, c) = match chars.next() {
            Some(next) => next,
            None if left == 0 => return Some(text.len()),
            None => return None,
        };
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(c.len_utf16())?;
    }
}

fn split_bytes(rest: &mut Bytes) -> Result<Packet, DecodeError> {
    let head = rest.get(1..).unwrap_or_default();
    let digits = head
        .iter()
        .take(MAX_DIGITS + 1)
        .position(|byte| *byte == END_OF_LENGTH)
        .ok_or(DecodeError::InvalidLength)?;
    let len = number(head.iter().take(digits).copied())?;
    let start = 1 + digits + 1;
    let end = start
        .checked_add(len)
        .filter(|end| *end <= rest.len())
        .ok_or(DecodeError::InvalidLength)?;
    let kind = rest.first().copied();
    let item = rest.slice(start..end);
    *rest = rest.slice(end..);
    let data = match kind {
        Some(TEXT) => Data::Text(Text::from_utf8(item).map_err(|_| DecodeError::InvalidUtf8)?),
        Some(BINARY) => Data::Binary(item),
        _ => return Err(DecodeError::UnknownPacket),
    };
    packet::v3::from_frame(data)
}

/// The number of 1 to 10 decimal digits.
fn number(digits: impl Iterator<Item = u8>) -> Result<usize, DecodeError> {
    let mut value = None;
    for (place, digit) in digits.enumerate() {
        if digit > 9 || place >= MAX_DIGITS {
            return Err(DecodeError::InvalidLength);
        }
        value = Some(value.unwrap_or(0_u64) * 10 + u64::from(digit));
    }
    let value = value.ok_or(DecodeError::InvalidLength)?;
    usize::try_from(value).map_err(|_| DecodeError::InvalidLength)
}

/// The form of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text; binary is base64 in it.
    Text,
    /// Bytes.
    Binary,
}

/// Joins packets while they fit into `max_bytes`; the first always fits.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    max_bytes: usize,
    form: Form,
}

impl Encoder {
    /// An empty payload that takes about `max_bytes`.
    #[must_use]
    pub fn new(form: Form, max_bytes: usize) -> Self {
        Self {
            out: Vec::new(),
            max_bytes,
            form,
        }
    }

    /// Whether a message still fits.
    #[must_use]
    pub fn fits(&self, frame: &Frame) -> bool {
        let (len, marks) = match self.form {
            // `b4` where revision 4 has `b`
            Form::Text => (frame.polling_len() + usize::from(frame.is_binary()), 1),
            Form::Binary => (frame.payload().len() + usize::from(frame.is_binary()), 2),
        };
        let digits = len.checked_ilog10().unwrap_or(0) as usize + 1;
        let head = digits + marks;
        self.out.is_empty() || self.out.len() + head + len <= self.max_bytes
    }

    /// Appends a message.
    pub fn push_frame(&mut self, frame: &Frame) {
        self.push_parts(frame.is_binary(), frame.payload());
    }

    /// Appends a packet.
    pub fn push(&mut self, packet: &Packet) {
        match packet {
            Packet::Message(Data::Binary(bytes)) => self.push_parts(true, bytes),
            packet => {
                let mut text = Vec::new();
                packet.encode(&mut text);
                self.push_parts(false, &text);
            }
        }
    }

    /// The payload.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.out.into()
    }

    fn push_parts(&mut self, binary: bool, content: &[u8]) {
        match (self.form, binary) {
            (Form::Text, false) => {
                self.push_text_length(utf16_len(content));
                self.out.extend_from_slice(content);
            }
            (Form::Text, true) => {
                let base64 = STANDARD.encode(content);
                self.push_text_length(2 + base64.len());
                self.out.extend_from_slice(b"b4");
                self.out.extend_from_slice(base64.as_bytes());
            }
            (Form::Binary, false) => {
                self.push_byte_length(TEXT, content.len());
                self.out.extend_from_slice(content);
            }
            (Form::Binary, true) => {
                self.push_byte_length(BINARY, 1 + content.len());
                self.out.push(MESSAGE);
                self.out.extend_from_slice(content);
            }
        }
    }

    fn push_text_length(&mut self, len: usize) {
        self.out.extend_from_slice(len.to_string().as_bytes());
        self.out.push(b':');
    }

    fn push_byte_length(&mut self, kind: u8, len: usize) {
        self.out.push(kind);
        let digits = len.to_string();
        let digits = digits.bytes().map(|digit| digit - b'0');
        self.out.extend(digits);
        self.out.push(END_OF_LENGTH);
    }
}

/// UTF-16 units of a text: one for each character, and one more for those of four bytes.
fn utf16_len(utf8: &[u8]) -> usize {
    let units = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    };
    utf8.iter().map(units).sum()
}

/// The payload of these packets.
#[must_use]
pub fn encode<'a>(form: Form, packets: impl IntoIterator<Item = &'a Packet>) -> Bytes {
    let mut encoder = Encoder::new(form, usize::MAX);
    packets.into_iter().for_each(|packet| encoder.push(packet));
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use DecodeError::{Empty, InvalidLength, InvalidUtf8, TooManyPackets, UnknownPacket};

    fn decode(body: impl Into<Bytes>) -> Vec<Result<Packet, DecodeError>> {
        let decoder = Decoder::new(body.into(), 4);
        decoder.map_or_else(|error| vec![Err(error)], Iterator::collect)
    }

    fn text(text: &str) -> Packet {
        Packet::Message(text.into())
    }

    fn binary(bytes: &'static [u8]) -> Packet {
        Packet::Message(Data::Binary(Bytes::from_static(bytes)))
    }

    #[test]
    fn both_forms_are_those_of_node() {
        let packets = [text("hello"), text("€"), text("🦀"), binary(&[1, 2, 3, 4])];
        for (form, body) in [
            (
                Form::Text,
                "6:4hello2:4€3:4🦀10:b4AQIDBA==".as_bytes().to_vec(),
            ),
            (
                Form::Binary,
                [
                    b"\0\x06\xff4hello".as_slice(),
                    b"\0\x04\xff4\xe2\x82\xac",
                    b"\0\x05\xff4\xf0\x9f\xa6\x80",
                    b"\x01\x05\xff\x04\x01\x02\x03\x04",
                ]
                .concat(),
            ),
        ] {
            assert_eq!(encode(form, &packets), body, "{form:?}");
            let expected: Vec<_> = packets.iter().cloned().map(Ok).collect();
            assert_eq!(decode(body), expected, "{form:?}");
        }
        let long = text(&"x".repeat(119));
        assert!(encode(Form::Text, [&long]).starts_with(b"120:4x"));
        assert!(encode(Form::Binary, [&long]).starts_with(b"\0\x01\x02\0\xff4x"));
    }

    #[test]
    fn what_is_no_text_payload_is_an_error_and_the_last() {
        let noop = || Ok(Packet::Noop);
        assert_eq!(decode(""), []);
        for (body, expected) in [
            ("1:61:6", vec![noop(), noop()]),
            ("1:6x", vec![noop(), Err(InvalidLength)]),
            ("0:", vec![Err(Empty)]),
            (":6", vec![Err(InvalidLength)]),
            ("6", vec![Err(InvalidLength)]),
            ("2:6", vec![Err(InvalidLength)]),
            ("-1:6", vec![Err(InvalidLength)]),
            ("+1:6", vec![Err(InvalidLength)]),
            ("1e1:6", vec![Err(InvalidLength)]),
            ("00000000001:6", vec![Err(InvalidLength)]),
            ("99999999999999999999999:6", vec![Err(InvalidLength)]),
            ("9999999999:6", vec![Err(InvalidLength)]),
            // the length ends inside a character
            ("2:4🦀", vec![Err(InvalidLength)]),
            ("1:x", vec![Err(UnknownPacket)]),
            ("6:bAQIDB", vec![Err(UnknownPacket)]),
            ("hello", vec![Err(InvalidLength)]),
            (
                "1:61:61:61:61:6",
                vec![noop(), noop(), noop(), noop(), Err(TooManyPackets)],
            ),
        ] {
            assert_eq!(decode(body), expected, "{body}");
        }
        assert_eq!(decode(&b"1:\xff"[..]), [Err(InvalidUtf8)]);
    }

    #[test]
    fn what_is_no_binary_payload_is_an_error_and_the_last() {
        let noop = || Ok(Packet::Noop);
        for (body, expected) in [
            (&b"\0\x01\xff6\0\x01\xff6"[..], vec![noop(), noop()]),
            (b"\0\x01\xff6x", vec![noop(), Err(InvalidLength)]),
            (b"\0\0\0\0\0\0\0\0\0\0\x01\xff6", vec![noop()]),
            (
                b"\0\x01\xff6\x02\x01\xff6",
                vec![noop(), Err(UnknownPacket)],
            ),
            (b"\0", vec![Err(InvalidLength)]),
            (b"\0\xff", vec![Err(InvalidLength)]),
            (b"\0\x01", vec![Err(InvalidLength)]),
            (b"\0\x02\xff6", vec![Err(InvalidLength)]),
            (b"\0\x0a\xff6", vec![Err(InvalidLength)]),
            (b"\0\x00\xff", vec![Err(Empty)]),
            (b"\x01\x00\xff", vec![Err(Empty)]),
            (b"\x01\x01\xff\x03", vec![Err(UnknownPacket)]),
            (b"\0\x02\xff4\xff", vec![Err(InvalidUtf8)]),
            (
                b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff6",
                vec![Err(InvalidLength)],
            ),
            (
                b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff6",
                vec![Err(InvalidLength)],
            ),
        ] {
            assert_eq!(decode(body), expected, "{body:?}");
        }
        let many = b"\0\x01\xff6".repeat(5);
        assert_eq!(decode(many).last(), Some(&Err(TooManyPackets)));
    }

    #[test]
    fn what_fits_is_known_before_it_is_written() {
        for frame in [
            Frame::message(&"x".into()),
            Frame::message(&Data::Text("x".repeat(9).into())),
            Frame::message(&Data::Text("x".repeat(98).into())),
            Frame::message(&Data::Text("x".repeat(99).into())),
            Frame::message(&Data::Binary(vec![7; 10].into())),
            Frame::message(&Data::Binary(vec![7; 100].into())),
        ] {
            for form in [Form::Text, Form::Binary] {
                let mut alone = Encoder::new(form, 0);
                alone.push_frame(&frame);
                let len = alone.finish().len();
                let mut encoder = Encoder::new(form, 2 * len);
                assert!(encoder.fits(&frame));
                encoder.push_frame(&frame);
                assert!(encoder.fits(&frame), "{form:?} {frame:?}");
                encoder.max_bytes -= 1;
                assert!(!encoder.fits(&frame), "{form:?} {frame:?}");
            }
        }
    }
}
