//! WebSocket frames by hand, as little as whole messages need.

use std::fmt;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// A whole message of text.
    Text = 1,
    /// A whole message of bytes.
    Binary = 2,
    /// The goodbye.
    Close = 8,
    /// Wants a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// A frame in the bytes of its connection, masked as it came.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// The key of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// What is in it.
    pub content: &'a [u8],
    /// What comes behind it.
    pub rest: &'a [u8],
}

/// Bytes that are none of the frames spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoFrame(
    /// The first byte of what should have been one.
    pub u8,
);

impl fmt::Display for NoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no whole frame begins with {:#04x}", self.0)
    }
}

impl std::error::Error for NoFrame {}

/// The key of our clients' frames. Servers have the same work with every key but zero.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The first frame, when all of it is there.
///
/// # Errors
/// A fragment, a reserved bit or an unknown kind.
pub fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, NoFrame> {
    let [start, len, bytes @ ..] = bytes else {
        return Ok(None);
    };
    let kind = match start {
        0x81 => Kind::Text,
        0x82 => Kind::Binary,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        other => return Err(NoFrame(*other)),
    };
    Ok(behind_head(kind, *len, bytes))
}

fn behind_head(kind: Kind, len: u8, bytes: &[u8]) -> Option<Frame<'_>> {
    let (size, bytes) = match len & 0x7f {
        126 => {
            let (size, bytes) = bytes.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*size)), bytes)
        }
        127 => {
            let (size, bytes) = bytes.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*size)).ok()?, bytes)
        }
        size => (usize::from(size), bytes),
    };
    let (mask, bytes) = if len & 0x80 == 0 {
        (None, bytes)
    } else {
        let (mask, bytes) = bytes.split_first_chunk()?;
        (Some(*mask), bytes)
    };
    let (content, rest) = bytes.split_at_checked(size)?;
    Some(Frame {
        kind,
        mask,
        content,
        rest,
    })
}

/// Writes a server's frame.
pub fn plain(kind: Kind, content: &[u8], out: &mut Vec<u8>) {
    head(kind, content.len(), 0, out);
    out.extend_from_slice(content);
}

/// Writes a client's frame.
pub fn masked(kind: Kind, content: &[u8], out: &mut Vec<u8>) {
    head(kind, content.len(), 0x80, out);
    out.extend_from_slice(&KEY);
    unmask(KEY, content, out);
}

/// Writes the content without its mask, or with it: the way there is the way back.
pub fn unmask(key: [u8; 4], content: &[u8], out: &mut Vec<u8>) {
    let wide = u64::from_ne_bytes([key, key].concat().try_into().unwrap_or_default());
    out.reserve(content.len());
    let (eights, rest) = content.as_chunks::<8>();
    for eight in eights {
        let clear = u64::from_ne_bytes(*eight) ^ wide;
        out.extend_from_slice(&clear.to_ne_bytes());
    }
    out.extend(
        rest.iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

/// The length in its shortest form.
fn head(kind: Kind, len: usize, masked: u8, out: &mut Vec<u8>) {
    out.push(0x80 | kind as u8);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..126), _) => out.push(masked | len),
        (_, Ok(len)) => {
            out.push(masked | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_is_read_again() {
        for len in [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536] {
            let content: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            let mut wire = Vec::new();
            masked(Kind::Binary, &content, &mut wire);
            wire.push(0x81);
            let frame = first(&wire).unwrap().unwrap();
            assert_eq!((frame.kind, frame.rest), (Kind::Binary, &[0x81][..]));
            let mut clear = Vec::new();
            unmask(frame.mask.unwrap(), frame.content, &mut clear);
            assert_eq!(clear, content);
        }
    }

    #[test]
    fn a_part_of_a_frame_is_waited_for() {
        let mut wire = Vec::new();
        plain(Kind::Text, &[b'x'; 200], &mut wire);
        for len in 0..wire.len() {
            assert!(first(&wire[..len]).unwrap().is_none());
        }
        assert_eq!(first(&wire).unwrap().unwrap().content, [b'x'; 200]);
        assert_eq!(first(&[0x01, 0]).unwrap_err(), NoFrame(1));
    }
}
