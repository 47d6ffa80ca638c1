//! The parts of JSON that hold no others.

/// Bytes of a long string that are looked at together.
const LOT: usize = 32;
const WORD: usize = size_of::<u64>();

/// A string of JSON without its quotes.
#[derive(Clone, Copy)]
pub(in crate::parser) struct Quoted<'a> {
    pub(super) content: &'a [u8],
    pub(super) is_escaped: bool,
}

impl<'a> From<&'a [u8]> for Quoted<'a> {
    fn from(content: &'a [u8]) -> Self {
        Self {
            content,
            is_escaped: content.contains(&b'\\'),
        }
    }
}

impl<'a> Quoted<'a> {
    /// Reads behind the first quote; what follows the second one comes back as well.
    #[inline]
    pub(super) fn read(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut len = plain(text);
        let mut is_escaped = false;
        loop {
            let (content, rest) = text.split_at_checked(len)?;
            match rest {
                [b'"', rest @ ..] => {
                    let string = Self {
                        content,
                        is_escaped,
                    };
                    return Some((string, rest));
                }
                [b'\\', rest @ ..] => {
                    let escape = escape(rest)?;
                    is_escaped = true;
                    len += 1 + escape + plain(rest.get(escape..)?);
                }
                _ => return None,
            }
        }
    }

    /// What it says. `None`: a half of a surrogate pair is no text.
    pub(super) fn decode(self) -> Option<String> {
        serde_json::from_slice(&[b"\"", self.content, b"\""].concat()).ok()
    }
}

/// How many bytes stand before the first that ends a string, begins an escape or must be escaped.
fn plain(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(word) = text.get(len..).and_then(<[u8]>::first_chunk) {
        if let Some(index) = first_stop(u64::from_le_bytes(*word)) {
            return len + index;
        }
        len += WORD;
        if len == 2 * WORD {
            len += plain_lots(text.get(len..).unwrap_or_default());
        }
    }
    let rest = text.len() - len;
    match text.last_chunk() {
        // what is left, and zeros, which stop
        Some(word) => {
            let word = u64::from_le_bytes(*word).checked_shr(8 * (WORD - rest) as u32);
            len + first_stop(word.unwrap_or(0)).unwrap_or(rest)
        }
        None => text
            .iter()
            .position(|&byte| rank(byte) == 0)
            .unwrap_or(rest),
    }
}

/// The bytes of as many whole lots as have nothing that stops.
fn plain_lots(text: &[u8]) -> usize {
    let is_plain = |lot: &&[u8; LOT]| {
        let ranks = lot.iter().copied().map(rank);
        ranks.fold(u8::MAX, u8::min) != 0
    };
    LOT * text.as_chunks().0.iter().take_while(is_plain).count()
}

/// 0 for what stops: least of all, so that a lot has to be compared once.
fn rank(byte: u8) -> u8 {
    (byte ^ b'"').min(byte ^ b'\\').min(byte & !0x1f)
}

/// Which of eight bytes, the lowest first, is the first that does: all are tested at once.
fn first_stop(word: u64) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    let high = ONES << 7;
    // a borrow reaches only bytes above the first one that is found
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let stops = (below(word, b' ') | is(b'"') | is(b'\\')) & high;
    (stops != 0).then(|| stops.trailing_zeros() as usize / 8)
}

/// The length of an escape behind its backslash.
fn escape(text: &[u8]) -> Option<usize> {
    match text {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(1),
        [b'u', digits @ ..] => {
            let digits = digits.first_chunk::<4>()?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(5)
        }
        _ => None,
    }
}

/// What follows the number or literal that begins with `first` and goes on with `text`.
pub(super) fn scalar(first: u8, text: &[u8]) -> Option<&[u8]> {
    match first {
        b'-' => match text.split_first()? {
            (digit @ b'0'..=b'9', text) => number(*digit, text),
            _ => None,
        },
        b'0'..=b'9' => number(first, text),
        b't' => text.strip_prefix(b"rue"),
        b'f' => text.strip_prefix(b"alse"),
        b'n' => text.strip_prefix(b"ull"),
        _ => None,
    }
}

/// What follows the number whose first digit is `first`.
fn number(first: u8, text: &[u8]) -> Option<&[u8]> {
    let mut rest = match first {
        b'0' => text,
        _ => behind_digits(text),
    };
    if let [b'.', fraction @ ..] = rest {
        rest = digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = match exponent {
            [b'+' | b'-', exponent @ ..] => digits(exponent)?,
            _ => digits(exponent)?,
        };
    }
    Some(rest)
}

/// What follows at least one digit.
fn digits(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0'..=b'9', rest @ ..] => Some(behind_digits(rest)),
        _ => None,
    }
}

fn behind_digits(mut text: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', rest @ ..] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that stop, those next to them, and what they are when bits of theirs are lost.
    const BYTES: [u8; 21] = *b"\x00\x01\x02\x1f !\"#[\\]\x7f\x80\x81\x9f\xa0\xa1\xa2\xdc\xfe\xff";

    #[test]
    fn each_byte_at_each_place_ends_what_is_plain_or_does_not() {
        for len in [0, 1, 7, 8, 9, 31, 32, 33, 47, 71] {
            for at in 0..len {
                for byte in BYTES {
                    let mut text = vec![0xc3; len];
                    text[at] = byte;
                    let stops = byte < b' ' || byte == b'"' || byte == b'\\';
                    assert_eq!(
                        plain(&text),
                        if stops { at } else { len },
                        "{byte} {at} {len}"
                    );
                }
            }
            assert_eq!(plain(&vec![0x1f; len]), 0);
            assert_eq!(plain(&[vec![b' '; len], vec![b'"'; 40]].concat()), len);
        }
    }
}
