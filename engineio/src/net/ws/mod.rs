//! The reading half of a WebSocket, without I/O: bytes in, messages out (RFC 6455).
//!
//! Bytes are unmasked where they were read. Only what is unfinished is kept, so that an idle
//! connection holds no buffer. Server and client read the same frames; they differ in who masks.

mod inline;

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data as DataOpcode, OpCode};

use self::inline::copied;
use crate::{Data, Text};

/// Frames of one message, beyond which it is an attack: each costs more than it carries.
const MAX_FRAGMENTS: u32 = 65_536;
/// Longest content of a control frame.
const MAX_CONTROL: u64 = 125;

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
mod tests;
