//! The reading half of a WebSocket, without I/O: bytes in, messages out (RFC 6455).
//!
//! Bytes are unmasked where they were read. Only what is unfinished is kept, so that an idle
//! connection holds no buffer. Server and client read the same frames; they differ in who masks.

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data as DataOpcode, OpCode};

use crate::{Data, Text};

/// Frames of one message, beyond which it is an attack: each costs more than it carries.
const MAX_FRAGMENTS: u32 = 65_536;
/// Longest content of a control frame.
const MAX_CONTROL: u64 = 125;

/// A message in memory of its own. A vector behind `Bytes` has a second allocation from the first clone on, and every
/// message is cloned; small ones stand in the same allocation as their counter.
fn copied(content: &[u8]) -> Bytes {
    match content.len() {
        ..=64 => Inline::<64>::bytes(content),
        65..=128 => Inline::<128>::bytes(content),
        129..=256 => Inline::<256>::bytes(content),
        257..=512 => Inline::<512>::bytes(content),
        _ => Bytes::copy_from_slice(content),
    }
}

struct Inline<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Inline<N> {
    fn bytes(content: &[u8]) -> Bytes {
        let (mut bytes, len) = ([0; N], content.len());
        match bytes.get_mut(..len) {
            Some(place) => place.copy_from_slice(content),
            None => return Bytes::copy_from_slice(content),
        }
        Bytes::from_owner(Self { bytes, len })
    }
}

impl<const N: usize> AsRef<[u8]> for Inline<N> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What a frame brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Message(Data),
    Ping(Bytes),
    Close(CloseFrame),
}

/// What a close frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CloseFrame {
    /// None for an empty frame.
    pub(crate) code: Option<u16>,
    pub(crate) reason: Box<str>,
}

/// Who reads. What a client sends is masked, what a server sends never (section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each feature has one of them")]
pub(crate) enum Role {
    Server,
    Client,
}

/// Why the connection cannot go on: the code of the close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    Protocol,
    NotUtf8,
    TooLarge,
}

impl Violation {
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotUtf8 => 1007,
            Self::TooLarge => 1009,
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::Protocol => "a frame breaks the WebSocket protocol",
            Self::NotUtf8 => "a text message is not UTF-8",
            Self::TooLarge => "a message is larger than allowed",
        };
        write!(f, "{what} (close code {})", self.close_code())
    }
}

#[derive(Debug)]
pub(crate) struct Reader {
    role: Role,
    max_message: usize,
    /// The beginning of a frame whose rest was not read yet.
    partial: Vec<u8>,
    message: Option<Box<Fragments>>,
}

/// The frames so far of a message that came in several.
#[derive(Debug)]
struct Fragments {
    binary: bool,
    count: u32,
    bytes: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(role: Role, max_message: usize) -> Self {
        Self {
            role,
            max_message,
            partial: Vec::new(),
            message: None,
        }
    }

    /// Memory that the unfinished message takes.
    #[allow(dead_code, reason = "only servers account for it")]
    pub(crate) fn held(&self) -> usize {
        let message = self.message.as_ref();
        self.partial.capacity() + message.map_or(0, |message| message.bytes.capacity())
    }

    /// Takes what was read; `each` gets what is complete, in order.
    pub(crate) fn feed(
        &mut self,
        read: &mut [u8],
        mut each: impl FnMut(Item),
    ) -> Result<(), Violation> {
        if self.partial.is_empty() {
            let used = self.parse(read, &mut each)?;
            self.partial
                .extend_from_slice(read.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(read);
        let used = self.parse(&mut joined, &mut each)?;
        if used < joined.len() {
            joined.drain(..used);
            self.partial = joined;
        }
        Ok(())
    }

    /// Handles the complete frames at the beginning of `bytes` and tells how long they are.
    fn parse(&mut self, bytes: &mut [u8], each: &mut impl FnMut(Item)) -> Result<usize, Violation> {
        let mut used = 0;
        loop {
            let rest = bytes.get_mut(used..).unwrap_or_default();
            if rest.len() < 2 {
                return Ok(used);
            }
            let mut cursor = Cursor::new(&*rest);
            let header = FrameHeader::parse(&mut cursor).map_err(|_| Violation::Protocol)?;
            let Some((header, len)) = header else {
                return Ok(used);
            };
            let len = self.check(&header, len)?;
            let start = cursor.position() as usize;
            let Some(content) = rest.get_mut(start..start + len) else {
                return Ok(used);
            };
            if let Some(mask) = header.mask {
                apply_mask(content, mask);
            }
            if let Some(item) = self.frame(&header, content)? {
                each(item);
            }
            used += start + len;
        }
    }

    /// Judges a frame by its header alone, before its content is waited for.
    fn check(&self, header: &FrameHeader, len: u64) -> Result<usize, Violation> {
        let FrameHeader {
            is_final,
            rsv1,
            rsv2,
            rsv3,
            opcode,
            mask,
        } = header;
        let legal = match opcode {
            OpCode::Control(Control::Close | Control::Ping | Control::Pong) => {
                *is_final && len <= MAX_CONTROL
            }
            OpCode::Data(DataOpcode::Continue) => self.message.is_some(),
            OpCode::Data(DataOpcode::Text | DataOpcode::Binary) => self.message.is_none(),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(DataOpcode::Reserved(_)) => false,
        };
        if !legal
            || *rsv1
            || *rsv2
            || *rsv3
            || mask.is_some() != (self.role == Role::Server)
            || len > i64::MAX as u64
        {
            return Err(Violation::Protocol);
        }
        let (before, max) = match (opcode, &self.message) {
            (OpCode::Control(_), _) => (0, MAX_CONTROL as usize),
            (OpCode::Data(_), Some(message)) => (message.bytes.len(), self.max_message),
            (OpCode::Data(_), None) => (0, self.max_message),
        };
        usize::try_from(len)
            .ok()
            .filter(|len| len.saturating_add(before) <= max)
            .ok_or(Violation::TooLarge)
    }

    fn frame(&mut self, header: &FrameHeader, content: &[u8]) -> Result<Option<Item>, Violation> {
        let binary = match header.opcode {
            OpCode::Control(Control::Ping) => {
                return Ok(Some(Item::Ping(Bytes::copy_from_slice(content))));
            }
            OpCode::Control(Control::Close) => return close(content).map(Some),
            OpCode::Control(_) => return Ok(None),
            OpCode::Data(DataOpcode::Continue) => return self.fragment(header.is_final, content),
            OpCode::Data(opcode) => opcode == DataOpcode::Binary,
        };
        if header.is_final {
            return message(binary, copied(content)).map(Some);
        }
        let bytes = content.to_vec();
        self.message = Some(Box::new(Fragments {
            binary,
            count: 1,
            bytes,
        }));
        Ok(None)
    }

    fn fragment(&mut self, is_final: bool, content: &[u8]) -> Result<Option<Item>, Violation> {
        let mut fragments = self.message.take().ok_or(Violation::Protocol)?;
        fragments.bytes.extend_from_slice(content);
        fragments.count += 1;
        if fragments.count > MAX_FRAGMENTS {
            return Err(Violation::TooLarge);
        }
        if is_final {
            return message(fragments.binary, fragments.bytes.into()).map(Some);
        }
        self.message = Some(fragments);
        Ok(None)
    }
}

fn message(binary: bool, bytes: Bytes) -> Result<Item, Violation> {
    let data = if binary {
        Data::Binary(bytes)
    } else {
        Data::Text(Text::from_utf8(bytes).map_err(|_| Violation::NotUtf8)?)
    };
    Ok(Item::Message(data))
}

/// Close frames are empty, or a code that may be sent and a reason in UTF-8 (section 7.4).
fn close(content: &[u8]) -> Result<Item, Violation> {
    let Some((code, reason)) = content.split_first_chunk::<2>() else {
        return if content.is_empty() {
            Ok(Item::Close(CloseFrame::default()))
        } else {
            Err(Violation::Protocol)
        };
    };
    let code = u16::from_be_bytes(*code);
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => {}
        _ => return Err(Violation::Protocol),
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Item::Close(CloseFrame {
        code: Some(code),
        reason: reason.into(),
    }))
}

/// XORs with the repeated mask, as many bytes at a time as the machine's vectors take.
pub(crate) fn apply_mask(content: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (lots, rest) = content.as_chunks_mut::<64>();
    for lot in lots {
        for word in lot.as_chunks_mut::<8>().0 {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
    }
    let (words, tail) = rest.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The body of a fuzz target: see [`crate::fuzzing::reader`].
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    for role in [Role::Server, Role::Client] {
        fuzz_as(role, bytes);
    }
}

#[cfg(any(fuzzing, test))]
fn fuzz_as(role: Role, bytes: &[u8]) {
    const MAX: usize = 300;
    let Some((cuts, stream)) = bytes.split_first() else {
        return;
    };
    let run = |mut piece_len: Box<dyn FnMut() -> usize>| {
        let mut reader = Reader::new(role, MAX);
        let mut items = Vec::new();
        let mut rest = stream.to_vec();
        while !rest.is_empty() {
            let tail = rest.split_off(piece_len().clamp(1, rest.len()));
            let fed = reader.feed(&mut rest, |item| items.push(item));
            if fed.is_err() {
                return (items, fed);
            }
            assert!(reader.partial.len() < MAX + 14);
            let fragments = reader.message.as_ref().map(|message| message.bytes.len());
            assert!(fragments.unwrap_or_default() <= MAX);
            rest = tail;
        }
        (items, Ok(()))
    };
    let mut state = u32::from(*cuts);
    let cut = run(Box::new(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as usize % 17
    }));
    assert_eq!(run(Box::new(|| usize::MAX)), cut);
    for item in cut.0 {
        match item {
            Item::Message(data) => assert!(data.len() <= MAX),
            Item::Ping(content) => assert!(content.len() as u64 <= MAX_CONTROL),
            Item::Close(close) => assert!(close.reason.len() as u64 <= MAX_CONTROL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

    fn frame(first: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        match content.len() {
            len @ ..126 => out.push(0x80 | len as u8),
            len => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        out.extend_from_slice(&MASK);
        let mut content = content.to_vec();
        apply_mask(&mut content, MASK);
        out.extend_from_slice(&content);
        out
    }

    /// What `Bytes` gives back as a vector has two allocations once it is cloned.
    #[test]
    fn small_messages_are_one_allocation() {
        for len in [0, 64, 65, 128, 129, 256, 257, 512, 513] {
            let content = vec![7; len];
            let bytes = copied(&content);
            assert_eq!(bytes, content);
            assert_eq!(bytes.try_into_mut().is_ok(), len > 512, "{len}");
        }
    }

    fn read(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Item>, Violation> {
        let mut items = Vec::new();
        reader
            .feed(&mut bytes.to_vec(), |item| items.push(item))
            .map(|()| items)
    }

    fn text(text: &str) -> Item {
        Item::Message(text.into())
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_messages() {
        let long = "é".repeat(300);
        let mut stream = frame(0x81, b"4hello");
        stream.extend(frame(0x89, b"ping"));
        stream.extend(frame(0x01, b"4frag"));
        stream.extend(frame(0x8a, b"pong in between"));
        stream.extend(frame(0x00, b""));
        stream.extend(frame(0x80, b"mented"));
        stream.extend(frame(0x82, &[1, 2, 3]));
        stream.extend(frame(0x81, long.as_bytes()));
        stream.extend(frame(0x88, &[0x03, 0xe8]));
        let expected = || {
            vec![
                text("4hello"),
                Item::Ping(Bytes::from_static(b"ping")),
                text("4fragmented"),
                Item::Message(Data::Binary(Bytes::from_static(&[1, 2, 3]))),
                text(&long),
                Item::Close(CloseFrame {
                    code: Some(1000),
                    reason: "".into(),
                }),
            ]
        };
        for cut in 0..=stream.len() {
            let mut reader = Reader::new(Role::Server, 1000);
            let mut items = read(&mut reader, &stream[..cut]).unwrap();
            items.extend(read(&mut reader, &stream[cut..]).unwrap());
            assert_eq!(items, expected(), "cut at {cut}");
            assert_eq!(reader.partial.capacity(), 0);
        }
        let mut reader = Reader::new(Role::Server, 1000);
        let one_by_one = stream
            .iter()
            .flat_map(|byte| read(&mut reader, &[*byte]).unwrap());
        assert_eq!(one_by_one.collect::<Vec<_>>(), expected());
    }

    #[test]
    fn messages_of_every_size_are_whole() {
        for len in (0..600).chain([1000, 4096]) {
            let content: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            assert_eq!(copied(&content), content, "{len}");
            assert_eq!(copied(&content).slice(len / 2..), content[len / 2..]);
        }
    }

    #[test]
    fn violations_are_seen_in_the_header() {
        use Violation::{NotUtf8, Protocol, TooLarge};
        let announced = |len: u64| {
            let mut header = vec![0x82, 0x80 | 127];
            header.extend_from_slice(&len.to_be_bytes());
            header.extend_from_slice(&MASK);
            header
        };
        for (bytes, violation) in [
            (frame(0xc1, b"a reserved bit"), Protocol),
            (frame(0xa1, b"a reserved bit"), Protocol),
            (frame(0x91, b"a reserved bit"), Protocol),
            (vec![0x81, 0x01, b'x'], Protocol),
            (frame(0x80, b"nothing to continue"), Protocol),
            (frame(0x83, b""), Protocol),
            (frame(0x8b, b""), Protocol),
            (frame(0x09, b"fragmented ping"), Protocol),
            (frame(0x89, &[0; 126]), Protocol),
            (frame(0x88, &[1]), Protocol),
            (frame(0x88, &[0x03, 0xed]), Protocol),
            (frame(0x88, &[0x03, 0xe8, 0xff]), NotUtf8),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), Protocol),
            (frame(0x81, &[0xff]), NotUtf8),
            (announced(1001), TooLarge),
            (announced(1 << 32), TooLarge),
            (announced((1 << 63) - 1), TooLarge),
            (announced(1 << 63), Protocol),
            (
                [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat(),
                TooLarge,
            ),
        ] {
            assert_eq!(
                read(&mut Reader::new(Role::Server, 1000), &bytes),
                Err(violation),
                "{bytes:02x?}"
            );
        }
        assert!(
            read(
                &mut Reader::new(Role::Server, 1000),
                &frame(0x82, &[0; 1000])
            )
            .is_ok()
        );
    }

    #[test]
    fn control_frames_between_fragments_do_not_count_as_the_message() {
        let stream = [
            frame(0x02, &[7; 990]),
            frame(0x89, &[1; 125]),
            frame(0x80, &[7; 10]),
        ];
        let items = read(&mut Reader::new(Role::Server, 1000), &stream.concat()).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[1], Item::Message(Data::Binary(vec![7; 1000].into())));
    }

    #[test]
    fn a_limit_below_the_size_of_control_frames_holds_for_messages_only() {
        let reader = || Reader::new(Role::Server, 10);
        assert!(read(&mut reader(), &frame(0x82, &[0; 10])).is_ok());
        let larger = read(&mut reader(), &frame(0x82, &[0; 11]));
        assert_eq!(larger, Err(Violation::TooLarge));
        assert!(read(&mut reader(), &frame(0x89, &[0; 125])).is_ok());
    }

    #[test]
    fn what_is_unfinished_is_held() {
        let mut reader = Reader::new(Role::Server, 1000);
        assert_eq!(reader.held(), 0);
        read(&mut reader, &frame(0x02, &[7; 300])).unwrap();
        assert!((300..=600).contains(&reader.held()), "{}", reader.held());
        let rest = frame(0x80, &[7; 200]);
        read(&mut reader, &rest[..150]).unwrap();
        assert!((450..=900).contains(&reader.held()), "{}", reader.held());
        read(&mut reader, &rest[150..]).unwrap();
        assert_eq!(reader.held(), 0);
    }

    #[test]
    fn empty_fragments_are_counted() {
        let mut reader = Reader::new(Role::Server, 1000);
        read(&mut reader, &frame(0x01, b"")).unwrap();
        let empty = frame(0x00, b"").repeat(1000);
        let end = (0..100).find_map(|_| read(&mut reader, &empty).err());
        assert_eq!(end, Some(Violation::TooLarge));
    }

    #[test]
    fn a_client_takes_what_is_not_masked_and_nothing_else() {
        let client = || Reader::new(Role::Client, 1000);
        assert_eq!(
            read(&mut client(), b"\x81\x024a\x82\x01b"),
            Ok(vec![
                text("4a"),
                Item::Message(Data::Binary(Bytes::from_static(b"b")))
            ])
        );
        for masked in [frame(0x81, b"4a"), frame(0x89, b""), frame(0x88, b"")] {
            assert_eq!(read(&mut client(), &masked), Err(Violation::Protocol));
        }
    }

    #[test]
    fn what_a_close_frame_says() {
        let client = || Reader::new(Role::Client, 1000);
        let close = |code, reason: &str| {
            Item::Close(CloseFrame {
                code,
                reason: reason.into(),
            })
        };
        for (bytes, item) in [
            (&b"\x88\x00"[..], close(None, "")),
            (b"\x88\x02\x03\xf1", close(Some(1009), "")),
            (b"\x88\x04\x03\xe8hi", close(Some(1000), "hi")),
        ] {
            assert_eq!(read(&mut client(), bytes), Ok(vec![item]));
        }
    }

    /// RFC 6455, section 7.4.1.
    #[test]
    fn every_violation_has_its_close_code() {
        let violations = [Violation::Protocol, Violation::NotUtf8, Violation::TooLarge];
        assert_eq!(violations.map(Violation::close_code), [1002, 1007, 1009]);
    }

    /// RFC 6455, section 5.7.
    #[test]
    fn a_masked_hello_is_that_of_the_specification() {
        let mut content = *b"Hello";
        apply_mask(&mut content, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(content, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        let mut long = *b"0123456789";
        apply_mask(&mut long, MASK);
        let expected: Vec<u8> = (0..10).map(|n| (b'0' + n) ^ MASK[n as usize % 4]).collect();
        assert_eq!(long[..], expected);
    }

    #[test]
    fn a_message_has_so_many_fragments_and_no_more() {
        let fragments = |count: u32| {
            let mut reader = Reader::new(Role::Server, 1000);
            let mut stream = frame(0x02, b"");
            (2..count).for_each(|_| stream.extend(frame(0x00, b"")));
            stream.extend(frame(0x80, b"x"));
            read(&mut reader, &stream)
        };
        let whole = Item::Message(Data::Binary(Bytes::from_static(b"x")));
        assert_eq!(fragments(MAX_FRAGMENTS), Ok(vec![whole]));
        assert_eq!(fragments(MAX_FRAGMENTS + 1), Err(Violation::TooLarge));
    }
}
