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
    let mut used = vec![false; count];
    walk(json, limit, |number| {
        let used = number
            .and_then(|number| usize::try_from(number).ok())
            .and_then(|number| used.get_mut(number))
            .filter(|used| !**used)
            .ok_or(DecodeError::InvalidPlaceholder)?;
        *used = true;
        Ok(())
    })?;
    if used.contains(&false) {
        return Err(DecodeError::InvalidPlaceholder);
    }
    Ok(())
}

/// An open array or object.
#[derive(Default)]
struct Level {
    members: usize,
    key: Key,
    claims: bool,
    number: Option<u64>,
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
    let mut levels: Vec<Level> = Vec::new();
    let mut rest = json;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'[' | b'{' => {
                if levels.len() == limit {
                    return Err(DecodeError::TooDeep);
                }
                levels.push(Level::default());
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
                let len = tail.iter().position(|byte| b",]} \t\r\n".contains(byte));
                let tail_len = len.unwrap_or(tail.len());
                rest = tail.get(tail_len..).unwrap_or_default();
                if let Some(level) = levels.last_mut() {
                    let scalar = json_before(json, rest, tail_len + 1);
                    match level.key {
                        Key::Placeholder => level.claims |= scalar == "true",
                        Key::Num => level.number = scalar.parse().ok(),
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
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// What the name of a member means, given without its quotes.
pub(super) fn key(string: &[u8]) -> Key {
    let name = |name: &[u8]| match name {
        b"_placeholder" => Key::Placeholder,
        b"num" => Key::Num,
        _ => Key::Other,
    };
    if !string.contains(&b'\\') {
        return name(string);
    }
    let quoted = [b"\"", string, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Key::Other, |text| name(text.as_bytes()))
}

/// The `len` bytes of `json` before `rest`, which is a part of its end.
fn json_before<'a>(json: &'a [u8], rest: &[u8], len: usize) -> &'a str {
    let end = json.len() - rest.len();
    json.get(end - len..end)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}
