//! How much the arrays and objects of some JSON hold: MessagePack says it before what they hold.
//! The JSON is known to be valid; the walk keeps one small value for each open container, and does
//! not recurse.

use super::tokens::{Token, Tokens};
use crate::error::DecodeError;
use crate::parser::scan::{Key, key};

/// What an array or object is, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Array(usize),
    Object(usize),
    /// A placeholder for the attachment of this number.
    Attachment(usize),
}

/// The shapes of all arrays and objects of some values, in the order in which they open. Unless
/// there are no attachments, each must be named by one placeholder.
pub(super) fn shapes<'a>(
    values: impl Iterator<Item = &'a str>,
    attachments: usize,
) -> Result<Vec<Shape>, DecodeError> {
    let mut used = Used(vec![false; attachments]);
    let mut shapes = Vec::new();
    for json in values {
        let before = shapes.len();
        walk(json.as_bytes(), |level| {
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
    index: usize,
    object: bool,
    members: usize,
    values: usize,
    key: Key,
    claims: bool,
    number: Option<u64>,
}

/// Calls `closed` with every array and object at its end.
fn walk(
    json: &[u8],
    mut closed: impl FnMut(&Level) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut levels: Vec<Level> = Vec::new();
    let mut index = 0;
    for token in Tokens::new(json) {
        match token {
            Token::Array | Token::Object => {
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
                    level.key = key(name.into());
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

#[cfg(test)]
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
