//! One walk over JSON that is known to be valid: how deep it is, what its arrays and objects hold,
//! and where its placeholders are. It decodes nothing, keeps one small value for each open
//! container, and does not recurse.

use super::tokens::{Token, Tokens};
use crate::error::DecodeError;

/// Checks that arrays and objects do not lie within each other deeper than `limit`.
pub(super) fn depth(json: &[u8], limit: usize) -> Result<(), DecodeError> {
    let opening = json.iter().filter(|byte| matches!(byte, b'[' | b'{'));
    if opening.count() <= limit {
        return Ok(());
    }
    walk(json, limit, |_| Ok(()))
}

/// Checks the depth, and that the placeholders name each of `count` attachments exactly once.
///
/// An object with a member `"_placeholder":true` is a placeholder, and then it must have exactly
/// one more, `"num"`, an integer written in digits.
pub(super) fn placeholders(json: &[u8], limit: usize, count: usize) -> Result<(), DecodeError> {
    let mut used = Used(vec![false; count]);
    walk(json, limit, |level| {
        if level.claims {
            used.take(level)?;
        }
        Ok(())
    })?;
    used.all()
}

/// What an array or object is, and how much it holds.
#[cfg(feature = "msgpack")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Array(usize),
    Object(usize),
    /// A placeholder for the attachment of this number.
    Attachment(usize),
}

/// The shapes of all arrays and objects of some values, in the order in which they open. Unless
/// there are no attachments, each must be named by one placeholder.
#[cfg(feature = "msgpack")]
pub(super) fn shapes<'a>(
    values: impl Iterator<Item = &'a str>,
    attachments: usize,
) -> Result<Vec<Shape>, DecodeError> {
    let mut used = Used(vec![false; attachments]);
    let mut shapes = Vec::new();
    for json in values {
        let before = shapes.len();
        walk(json.as_bytes(), usize::MAX, |level| {
            let shape = if level.claims && attachments > 0 {
                Shape::Attachment(used.take(level)?)
            } else if level.object {
                Shape::Object(level.members)
            } else {
                Shape::Array(level.values)
            };
            let index = before + level.index;
            shapes.resize(shapes.len().max(index + 1), shape);
            if let Some(place) = shapes.get_mut(index) {
                *place = shape;
            }
            Ok(())
        })?;
    }
    used.all()?;
    Ok(shapes)
}

/// Which attachments have been named.
struct Used(Vec<bool>);

impl Used {
    /// The attachment that a placeholder names, if it is valid and the first to do so.
    fn take(&mut self, placeholder: &Level) -> Result<usize, DecodeError> {
        let number = placeholder.number.filter(|_| placeholder.members == 2);
        let number = number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(DecodeError::InvalidPlaceholder)?;
        match self.0.get_mut(number) {
            Some(used) if !*used => *used = true,
            _ => return Err(DecodeError::InvalidPlaceholder),
        }
        Ok(number)
    }

    fn all(&self) -> Result<(), DecodeError> {
        if self.0.contains(&false) {
            return Err(DecodeError::InvalidPlaceholder);
        }
        Ok(())
    }
}

/// An array or object.
struct Level {
    /// How many were opened before it.
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "for `shapes`"))]
    index: usize,
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "for `shapes`"))]
    object: bool,
    members: usize,
    values: usize,
    key: Key,
    claims: bool,
    number: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Placeholder,
    Num,
    Other,
}

/// Calls `closed` with every array and object at its end.
fn walk(
    json: &[u8],
    limit: usize,
    mut closed: impl FnMut(&Level) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut levels: Vec<Level> = Vec::new();
    let mut index = 0;
    for token in Tokens::new(json) {
        match token {
            Token::Array | Token::Object => {
                if levels.len() == limit {
                    return Err(DecodeError::TooDeep);
                }
                if let Some(level) = levels.last_mut() {
                    level.values += 1;
                }
                levels.push(Level {
                    index,
                    object: token == Token::Object,
                    members: 0,
                    values: 0,
                    key: Key::Other,
                    claims: false,
                    number: None,
                });
                index += 1;
            }
            Token::End => {
                if let Some(level) = levels.pop() {
                    closed(&level)?;
                }
            }
            Token::Key(name) => {
                if let Some(level) = levels.last_mut() {
                    level.members += 1;
                    level.key = key(name);
                }
            }
            Token::String(_) => {
                if let Some(level) = levels.last_mut() {
                    level.values += 1;
                }
            }
            Token::Scalar(scalar) => {
                if let Some(level) = levels.last_mut() {
                    level.scalar(scalar);
                }
            }
        }
    }
    Ok(())
}

impl Level {
    fn scalar(&mut self, scalar: &[u8]) {
        self.values += 1;
        match self.key {
            Key::Placeholder => self.claims |= scalar == b"true",
            Key::Num => {
                let text = std::str::from_utf8(scalar).ok();
                self.number = text.and_then(|text| text.parse().ok());
            }
            Key::Other => {}
        }
    }
}

fn key(string: &[u8]) -> Key {
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

#[cfg(all(test, feature = "msgpack"))]
mod tests {
    use super::*;

    #[test]
    fn shapes_come_in_the_order_of_their_opening() {
        use Shape::*;
        let one = r#"[1,{"a":[],"b":{"num":0,"_placeholder":true}},"x"]"#;
        let shapes = shapes([one, "2", "[[]]"].into_iter(), 1);
        let expected = [
            Array(3),
            Object(2),
            Array(0),
            Attachment(0),
            Array(1),
            Array(0),
        ];
        assert_eq!(shapes.as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn without_attachments_a_placeholder_is_an_object() {
        let imitation = r#"{"_placeholder":true,"num":0}"#;
        let count = |attachments| shapes([imitation].into_iter(), attachments);
        assert_eq!(count(0), Ok(vec![Shape::Object(2)]));
        assert_eq!(count(1), Ok(vec![Shape::Attachment(0)]));
        assert_eq!(count(2), Err(DecodeError::InvalidPlaceholder));
    }
}
