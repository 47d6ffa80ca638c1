//! One walk over JSON that is known to be valid: how deep it is, and where its placeholders are.
//! It decodes nothing, keeps one small value for each open container, and does not recurse.

use crate::error::DecodeError;

/// Bytes whose openings a byte can count.
const LOT: usize = 128;

/// Checks that arrays and objects do not lie within each other deeper than `limit`.
pub(super) fn depth(json: &[u8], limit: usize) -> Result<(), DecodeError> {
    // each opening has its closing
    if json.len() / 2 <= limit || openings(json) <= limit {
        return Ok(());
    }
    walk(json, limit, |_| Ok(()))
}

/// How many arrays and objects begin, those in strings too. Counted in bytes, many at a time:
/// this is read for each packet.
fn openings(json: &[u8]) -> usize {
    let opens = |byte: &u8| u8::from(matches!(byte, b'[' | b'{'));
    let count = |part: &[u8]| part.iter().map(opens).fold(0, u8::wrapping_add);
    json.chunks(LOT).map(|part| usize::from(count(part))).sum()
}

/// Checks the depth, and that the placeholders name each of `count` attachments exactly once.
///
/// An object with a member `"_placeholder":true` is a placeholder, and then it must have exactly
/// one more, `"num"`, an integer written in digits.
pub(super) fn placeholders(json: &[u8], limit: usize, count: usize) -> Result<(), DecodeError> {
    let mut seen = Seen::of(count);
    walk(json, limit, |number| {
        let number = number.and_then(|number| usize::try_from(number).ok());
        match number.is_some_and(|number| number < count && seen.is_new(number)) {
            true => Ok(()),
            false => Err(DecodeError::InvalidPlaceholder),
        }
    })?;
    if seen.len < count {
        return Err(DecodeError::InvalidPlaceholder);
    }
    Ok(())
}

/// Numbers that were seen, a bit each; on the heap only where there are many.
struct Seen {
    len: usize,
    few: u64,
    more: Vec<bool>,
}

impl Seen {
    fn of(count: usize) -> Self {
        let more = vec![false; count.saturating_sub(64)];
        Self {
            len: 0,
            few: 0,
            more,
        }
    }

    /// Notes one, and tells whether it is the first time.
    fn is_new(&mut self, number: usize) -> bool {
        let new = match number.checked_sub(64) {
            None => {
                let bit = 1 << number;
                let new = self.few & bit == 0;
                self.few |= bit;
                new
            }
            Some(index) => {
                let seen = self.more.get_mut(index);
                seen.is_some_and(|seen| !std::mem::replace(seen, true))
            }
        };
        self.len += usize::from(new);
        new
    }
}

/// An open array or object.
#[derive(Clone, Copy, Default)]
struct Level {
    members: usize,
    key: Key,
    claims: bool,
    number: Option<u64>,
}

/// What is open, the outermost first; on the heap only where it is deep.
#[derive(Default)]
struct Levels {
    len: usize,
    few: [Level; 4],
    more: Vec<Level>,
}

impl Levels {
    fn push(&mut self) {
        match self.few.get_mut(self.len) {
            Some(free) => *free = Level::default(),
            None => self.more.push(Level::default()),
        }
        self.len += 1;
    }

    fn pop(&mut self) -> Option<Level> {
        self.len = self.len.checked_sub(1)?;
        self.more.pop().or_else(|| self.few.get(self.len).copied())
    }

    fn last_mut(&mut self) -> Option<&mut Level> {
        let last = self.len.checked_sub(1)?;
        self.more.last_mut().or_else(|| self.few.get_mut(last))
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Key {
    Placeholder,
    Num,
    #[default]
    Other,
}

/// Calls `found` with the number of every placeholder, `None` when it has none that is valid.
fn walk(
    json: &[u8],
    limit: usize,
    mut found: impl FnMut(Option<u64>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut levels = Levels::default();
    let mut rest = json;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'[' | b'{' => {
                if levels.len == limit {
                    return Err(DecodeError::TooDeep);
                }
                levels.push();
            }
            b']' | b'}' => {
                if let Some(level) = levels.pop().filter(|level| level.claims) {
                    found(level.number.filter(|_| level.members == 2))?;
                }
            }
            b'"' => {
                let (string, tail) = tail.split_at(string_len(tail));
                rest = tail.get(1..).unwrap_or_default();
                // only a key has a colon behind it
                if let Some(level) = levels.last_mut()
                    && rest.trim_ascii_start().starts_with(b":")
                {
                    level.members += 1;
                    level.key = key(string);
                }
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
                let len = tail.iter().position(ends).unwrap_or(tail.len());
                rest = tail.get(len..).unwrap_or_default();
                if let Some(level) = levels.last_mut() {
                    let scalar = || before(json, rest, len + 1);
                    match level.key {
                        Key::Placeholder => level.claims |= scalar() == b"true",
                        Key::Num => level.number = number(scalar()),
                        Key::Other => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Bytes up to the quote that ends a string.
fn string_len(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(rest) = text.get(len..) {
        let stops = |byte: &u8| matches!(byte, b'"' | b'\\');
        let Some(plain) = rest.iter().position(stops) else {
            break;
        };
        len += plain;
        if rest.get(plain) == Some(&b'"') {
            return len;
        }
        len += 2;
    }
    text.len()
}

/// What the name of a member means, given without its quotes.
pub(super) fn key(string: &[u8]) -> Key {
    let name = |name: &[u8]| match name {
        b"_placeholder" => Key::Placeholder,
        b"num" => Key::Num,
        _ => Key::Other,
    };
    let plain = name(string);
    if plain != Key::Other || !string.contains(&b'\\') {
        return plain;
    }
    let quoted = [b"\"", string, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Key::Other, |text| name(text.as_bytes()))
}

fn number(scalar: &[u8]) -> Option<u64> {
    std::str::from_utf8(scalar).ok()?.parse().ok()
}

/// The `len` bytes of `json` before `rest`, which is a part of its end.
fn before<'a>(json: &'a [u8], rest: &[u8], len: usize) -> &'a [u8] {
    let end = json.len() - rest.len();
    json.get(end - len..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Placeholders of these numbers, each within so many arrays.
    fn json(numbers: impl Iterator<Item = usize>, depth: usize) -> String {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let placeholder =
            |number| format!(r#"{open}{{"_placeholder":true,"num":{number}}}{close}"#);
        let all: Vec<_> = numbers.map(placeholder).collect();
        format!("[{}]", all.join(","))
    }

    #[test]
    fn many_placeholders_however_deep() {
        for count in [1, 2, 63, 64, 65, 66, 130] {
            for depth in [0, 1, 2, 3, 4, 9] {
                let judge = |numbers: &mut dyn Iterator<Item = usize>| {
                    placeholders(json(numbers, depth).as_bytes(), 11, count)
                };
                let invalid = Err(DecodeError::InvalidPlaceholder);
                assert_eq!(judge(&mut (0..count).rev()), Ok(()), "{count} {depth}");
                assert_eq!(judge(&mut (1..count)), invalid, "one is missing");
                assert_eq!(judge(&mut (1..=count)), invalid, "one has no attachment");
                for twice in [0, count / 2, count - 1] {
                    let mut numbers = (0..count).chain([twice]);
                    assert_eq!(judge(&mut numbers), invalid, "{twice} comes twice");
                }
            }
        }
        let deep = json(0..1, 9);
        let too_deep = Err(DecodeError::TooDeep);
        assert_eq!(placeholders(deep.as_bytes(), 10, 1), too_deep);
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_string() {
        for text in [
            r#"["\"[["]"#,
            r#"["\\",""]"#,
            r#"["\\\"[["]"#,
            r#"["a\u0022[["]"#,
        ] {
            assert_eq!(depth(text.as_bytes(), 0), Err(DecodeError::TooDeep));
            assert_eq!(walk(text.as_bytes(), 1, |_| Ok(())), Ok(()), "{text}");
        }
        let forged = r#"["\"_placeholder\":true,\"num\":0"]"#;
        let invalid = Err(DecodeError::InvalidPlaceholder);
        assert_eq!(placeholders(forged.as_bytes(), 9, 1), invalid);
    }
}
