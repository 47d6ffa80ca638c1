//! What travels in a message: [`Data`] as the application sees it, [`Frame`] as the server
//! encodes it, once for every transport and every recipient.

mod batch;
mod writer;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

pub use self::batch::Batch;
pub use self::writer::FrameWriter;
use crate::Text;

/// The content of one message, or of one WebSocket frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl Data {
    /// Bytes of the content.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// The longest header of an unmasked WebSocket frame.
const HEADROOM: usize = 10;
const OPCODE_TEXT: u8 = 0x81;
const OPCODE_BINARY: u8 = 0x82;

/// One encoded message, ready for every transport of a server.
///
/// The buffer is a complete, unmasked WebSocket frame (RFC 6455, section 5.2); the
/// long-polling form is a view of the same buffer. Cloning shares it, so a broadcast is
/// encoded once whatever the number of recipients.
#[derive(Clone, Debug)]
pub struct Frame {
    wire: Bytes,
    header: u8,
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "queues ask for it, and only servers have some")
    )]
    shared: bool,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.wire == other.wire
    }
}

impl Eq for Frame {}

impl Frame {
    /// Encodes `data` as an Engine.IO message.
    #[must_use]
    pub fn message(data: &Data) -> Self {
        match data {
            Data::Text(text) => {
                let mut writer = FrameWriter::text_with_capacity(text.len());
                writer.push_str(text);
                writer.finish()
            }
            Data::Binary(bytes) => Self::binary(bytes),
        }
    }

    /// Encodes bytes as a binary message, which is one allocation and one copy.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        let (head, used) = header(bytes.len(), OPCODE_BINARY);
        let head = head.get(..usize::from(used)).unwrap_or_default();
        Self {
            wire: [head, bytes].concat().into(),
            header: used,
            shared: false,
        }
    }

    /// The bytes of the WebSocket frame, header included.
    #[must_use]
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// What stands behind the frame's header: `4…` for text, the bytes for binary.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.wire
            .get(usize::from(self.header)..)
            .unwrap_or_default()
    }

    /// Whether this is a binary message.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.wire.first() == Some(&OPCODE_BINARY)
    }

    /// Bytes that the frame takes in an outgoing queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wire.len()
    }

    /// The frame as one that several queues share, its memory accounted for by `wrap`.
    #[cfg(feature = "server")]
    pub(crate) fn shared(self, wrap: impl FnOnce(Bytes) -> Bytes) -> Self {
        if self.shared {
            return self;
        }
        Self {
            wire: wrap(self.wire),
            shared: true,
            ..self
        }
    }

    /// Whether several queues share it.
    #[cfg(feature = "server")]
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Never true: the header alone takes two bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// Bytes of the long-polling form.
    #[must_use]
    pub fn polling_len(&self) -> usize {
        let payload = self.payload().len();
        if self.is_binary() {
            1 + payload.div_ceil(3) * 4
        } else {
            payload
        }
    }

    /// Appends the long-polling form: `4…`, or `b` and base64.
    pub fn write_polling(&self, out: &mut Vec<u8>) {
        if self.is_binary() {
            let payload = self.payload();
            out.push(b'b');
            let start = out.len();
            out.resize(start + payload.len().div_ceil(3) * 4, 0);
            let written = out
                .get_mut(start..)
                .and_then(|target| STANDARD.encode_slice(payload, target).ok())
                .expect("the target has the length of the encoding");
            out.truncate(start + written);
        } else {
            out.extend_from_slice(self.payload());
        }
    }

    /// A control frame of the WebSocket itself: at most 125 bytes of content.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn control(opcode: u8, content: &[u8]) -> Self {
        let mut buf = vec![0; HEADROOM];
        buf.extend_from_slice(content.get(..content.len().min(125)).unwrap_or_default());
        seal(buf, 0x80 | opcode)
    }

    /// Wraps a text that is already an encoded packet (`2`, `6`, `3probe`).
    pub(crate) fn packet(text: &str) -> Self {
        let mut buf = vec![0; HEADROOM];
        buf.extend_from_slice(text.as_bytes());
        seal(buf, OPCODE_TEXT)
    }
}

fn seal(mut buf: Vec<u8>, opcode: u8) -> Frame {
    let header = write_header(&mut buf, opcode);
    let wire = Bytes::from(buf).slice(HEADROOM - usize::from(header)..);
    Frame {
        wire,
        header,
        shared: false,
    }
}

/// Writes the shortest header right before the content, which starts at `HEADROOM`, and tells
/// its length.
fn write_header(buf: &mut [u8], opcode: u8) -> u8 {
    let (head, used) = header(buf.len() - HEADROOM, opcode);
    let target = buf.get_mut(HEADROOM - usize::from(used)..HEADROOM);
    if let Some((target, source)) = target.zip(head.get(..usize::from(used))) {
        target.copy_from_slice(source);
    }
    used
}

/// The shortest header of a frame with so much content, and its length.
fn header(len: usize, opcode: u8) -> ([u8; HEADROOM], u8) {
    let mut head = [0u8; HEADROOM];
    let used: u8 = match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ ..126), _) => {
            head[..2].copy_from_slice(&[opcode, short]);
            2
        }
        (_, Ok(medium)) => {
            let [a, b] = medium.to_be_bytes();
            head[..4].copy_from_slice(&[opcode, 126, a, b]);
            4
        }
        _ => {
            head[..2].copy_from_slice(&[opcode, 127]);
            head[2..].copy_from_slice(&(len as u64).to_be_bytes());
            HEADROOM as u8
        }
    };
    (head, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Frame {
        Frame::message(&Data::Text("x".repeat(len).into()))
    }

    #[test]
    fn the_header_has_the_shortest_length_form() {
        for (len, header) in [
            (0, &[0x81, 1][..]),
            (124, &[0x81, 125]),
            (125, &[0x81, 126, 0, 126]),
            (65_534, &[0x81, 126, 0xff, 0xff]),
            (65_535, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(len);
            assert_eq!(&frame.wire()[..header.len()], header, "{len}");
            assert_eq!(frame.payload().len(), len + 1);
            assert_eq!(frame.payload()[0], b'4');
            assert_eq!(frame.wire().len(), header.len() + len + 1);
        }
    }

    #[test]
    fn a_binary_frame_is_the_one_that_a_writer_makes() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let bytes = vec![7; len];
            let mut writer = FrameWriter::binary_with_capacity(len);
            writer.push_bytes(&bytes);
            let (written, at_once) = (writer.finish(), Frame::binary(&bytes));
            assert_eq!(at_once, written, "{len}");
            assert_eq!(at_once.payload(), bytes);
        }
    }

    #[test]
    fn what_was_written_can_be_replaced() {
        let mut writer = FrameWriter::text();
        writer.push_str("2[1]");
        writer.replace(1..2, "51-");
        assert_eq!(writer.content(), b"451-[1]");
        writer.replace(5..100, "");
        writer.replace(100..200, "}");
        assert_eq!(writer.finish().payload(), b"451-[}");
    }

    #[test]
    fn one_frame_has_both_forms() {
        let binary = Frame::message(&Data::Binary(Bytes::from_static(&[1, 2, 3, 4])));
        assert_eq!(&binary.wire()[..], &[0x82, 4, 1, 2, 3, 4]);
        let mut polling = Vec::new();
        binary.write_polling(&mut polling);
        assert_eq!(polling, b"bAQIDBA==");
        assert_eq!(polling.len(), binary.polling_len());
        let mut polling = Vec::new();
        text(2).write_polling(&mut polling);
        assert_eq!(polling, b"4xx");
    }

    #[test]
    fn frames_are_equal_when_all_their_bytes_are() {
        let binary = Frame::message(&Data::Binary(Bytes::from_static(b"4x")));
        assert_eq!(text(1), Frame::message(&"x".into()));
        assert_ne!(text(1), text(2));
        assert_ne!(text(1), binary);
    }

    #[test]
    fn only_data_can_be_empty() {
        assert!(Data::from("").is_empty() && !Data::from("x").is_empty());
        assert!(Data::Binary(Bytes::new()).is_empty());
        assert!(!text(0).is_empty() && text(0).len() == 3);
    }

    #[test]
    fn what_is_written_piece_by_piece_is_one_message() {
        use std::io::Write as _;
        let mut writer = FrameWriter::text();
        assert_eq!(writer.content_len(), 1);
        assert_eq!(writer.write(b"ab").unwrap(), 2);
        write!(writer, "{}", 7).unwrap();
        writer.push_str("c");
        assert_eq!(writer.content_len(), 5);
        assert_eq!(writer.finish(), Frame::message(&"ab7c".into()));
        let mut writer = FrameWriter::binary_with_capacity(0);
        assert_eq!((writer.content_len(), writer.write(&[9]).unwrap()), (0, 1));
        assert_eq!(writer.finish().payload(), [9]);
    }

    #[cfg(any(feature = "server", feature = "client"))]
    #[test]
    fn a_control_frame_has_its_opcode_and_at_most_125_bytes() {
        assert_eq!(&Frame::control(9, b"hi").wire()[..], [0x89, 2, b'h', b'i']);
        let long = Frame::control(8, &[7; 200]);
        assert_eq!(&long.wire()[..3], [0x88, 125, 7]);
        assert_eq!(long.len(), 127);
    }
}
