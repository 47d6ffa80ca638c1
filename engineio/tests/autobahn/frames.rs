//! Frames as bytes, with everything in the hands of the case.

use bytes::Bytes;

/// What a client masks with here. Reading the answers shows that ours does not depend on it.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Client,
    Server,
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    is_final: bool,
    reserved: u8,
    opcode: u8,
    content: Bytes,
}

impl Frame {
    pub(crate) fn new(opcode: u8, content: impl Into<Bytes>) -> Self {
        Self {
            is_final: true,
            reserved: 0,
            opcode,
            content: content.into(),
        }
    }

    /// A text message that comes back.
    pub(crate) fn message(content: impl AsRef<[u8]>) -> Self {
        Self::new(1, [b"4", content.as_ref()].concat())
    }

    pub(crate) fn binary(content: impl Into<Bytes>) -> Self {
        Self::new(2, content)
    }

    /// A further fragment of a message.
    pub(crate) fn more(content: impl Into<Bytes>) -> Self {
        Self::new(0, content)
    }

    pub(crate) fn ping(content: impl Into<Bytes>) -> Self {
        Self::new(9, content)
    }

    pub(crate) fn close(code: u16, reason: &[u8]) -> Self {
        Self::new(8, [&code.to_be_bytes()[..], reason].concat())
    }

    /// Others follow that belong to it.
    pub(crate) fn unfinished(mut self) -> Self {
        self.is_final = false;
        self
    }

    /// With reserved bits, 1 to 7.
    pub(crate) fn reserved(mut self, bits: u8) -> Self {
        self.reserved = bits;
        self
    }

    pub(crate) fn is_close(&self) -> bool {
        self.opcode == 8
    }

    /// The header and the content as they stand on the wire.
    pub(crate) fn parts(&self, sender: Sender) -> (Vec<u8>, Vec<u8>) {
        let first = u8::from(self.is_final) << 7 | self.reserved << 4 | self.opcode;
        let masked = u8::from(sender == Sender::Client) << 7;
        let mut header = vec![first];
        match self.content.len() {
            len @ ..126 => header.push(masked | len as u8),
            len @ ..65_536 => {
                header.push(masked | 126);
                header.extend((len as u16).to_be_bytes());
            }
            len => {
                header.push(masked | 127);
                header.extend((len as u64).to_be_bytes());
            }
        }
        let mut content = self.content.to_vec();
        if sender == Sender::Client {
            header.extend(MASK);
            mask(&mut content, MASK);
        }
        (header, content)
    }

    pub(crate) fn bytes(&self, sender: Sender) -> Vec<u8> {
        let (mut bytes, content) = self.parts(sender);
        bytes.extend(content);
        bytes
    }
}

fn mask(content: &mut [u8], mask: [u8; 4]) {
    for four in content.chunks_mut(4) {
        four.iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// A frame of our side, which must be as the standard wants it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) opcode: u8,
    pub(crate) content: Bytes,
}

/// Takes a frame of `sender`'s out of `input`, if it has come completely.
pub(crate) fn take(input: &mut Vec<u8>, sender: Sender) -> Option<Received> {
    let (first, second) = (*input.first()?, *input.get(1)?);
    assert_eq!(first & 0xf0, 0x80, "whole, without reserved bits");
    assert_eq!(second >> 7 == 1, sender == Sender::Client, "who masks");
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (len, mut start) = match second & 0x7f {
        126 => (number(input.get(2..4)?), 4),
        127 => (number(input.get(2..10)?), 10),
        len => (usize::from(len), 2),
    };
    let shortest = match len {
        ..126 => 2,
        126..65_536 => 4,
        65_536.. => 10,
    };
    assert_eq!(start, shortest, "the length's form");
    let mut key = None;
    if sender == Sender::Client {
        key = Some(input.get(start..start + 4)?.try_into().unwrap());
        start += 4;
    }
    let mut content = input.get(start..start + len)?.to_vec();
    if let Some(key) = key {
        mask(&mut content, key);
    }
    input.drain(..start + len);
    Some(Received {
        opcode: first & 0x0f,
        content: content.into(),
    })
}
