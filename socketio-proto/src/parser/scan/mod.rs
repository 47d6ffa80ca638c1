//! One walk over a JSON text that came from outside: whether it is valid, how deep it is, where
//! the elements of an array lie, and whether placeholders name the attachments.
//!
//! It decodes nothing, keeps one small value for each open container, and does not recurse. What it
//! takes is what `serde_json` takes (RFC 8259; halves of surrogate pairs may be escaped).

mod levels;
mod lexer;
mod placeholders;

use std::ops::Range;
use std::slice;

use self::levels::{Container, Levels};
use self::lexer::Quoted;
use self::placeholders::Placeholders;
use crate::error::DecodeError;

#[cfg(feature = "msgpack")]
pub(super) use self::placeholders::{Key, key};

/// Walks over a JSON array, and tells where each of its elements lies.
///
/// Arrays and objects may lie within each other up to `depth`. Of `attachments`, if there are any,
/// each has to be named by exactly one placeholder: an object with a member
/// `"_placeholder":true` and exactly one more, `"num"`, an integer written in digits.
pub(super) fn elements(
    json: &[u8],
    depth: usize,
    attachments: usize,
    mut found: impl FnMut(Range<usize>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut walk = Walk::new(json, depth, attachments);
    if walk.token() != Some(b'[') {
        return Err(DecodeError::InvalidPayload);
    }
    walk.open(Container::Array)?;
    let mut first = walk.token();
    if first != Some(b']') {
        loop {
            let start = walk.position().saturating_sub(1);
            walk.value(first)?;
            found(start..walk.position())?;
            match walk.token() {
                Some(b',') => first = walk.token(),
                Some(b']') => break,
                _ => return Err(DecodeError::InvalidPayload),
            }
        }
    }
    walk.end()
}

/// Walks over one JSON value.
pub(super) fn value(json: &[u8], depth: usize) -> Result<(), DecodeError> {
    let mut walk = Walk::new(json, depth, 0);
    let first = walk.token();
    walk.value(first)?;
    walk.end()
}

struct Walk<'a> {
    json: &'a [u8],
    rest: slice::Iter<'a, u8>,
    levels: Levels,
    depth: usize,
    placeholders: Placeholders,
}

impl<'a> Walk<'a> {
    fn new(json: &'a [u8], depth: usize, attachments: usize) -> Self {
        Self {
            json,
            rest: json.iter(),
            levels: Levels::default(),
            depth,
            placeholders: Placeholders::of(attachments),
        }
    }

    fn position(&self) -> usize {
        self.json.len() - self.rest.len()
    }

    /// The next byte that is not space.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.rest.find(|byte| !space(byte)).copied()
    }

    /// One value that begins with `first`, and all that lies in it. Stands behind it afterwards.
    fn value(&mut self, mut first: Option<u8>) -> Result<(), DecodeError> {
        let outside = self.levels.len();
        loop {
            match first {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'[') => {
                    self.open(Container::Array)?;
                    first = self.token();
                    if first != Some(b']') {
                        continue;
                    }
                    self.close()?;
                }
                Some(b'{') => {
                    self.open(Container::Object)?;
                    let name = self.token();
                    if name != Some(b'}') {
                        self.member(name)?;
                        first = self.token();
                        continue;
                    }
                    self.close()?;
                }
                Some(first) => self.scalar(first)?,
                None => return Err(DecodeError::InvalidPayload),
            }
            // what this value stands in goes on, or is complete as well
            loop {
                if self.levels.len() == outside {
                    return Ok(());
                }
                match (self.levels.container(), self.token()) {
                    (Container::Array, Some(b',')) => break,
                    (Container::Object, Some(b',')) => {
                        let name = self.token();
                        self.member(name)?;
                        break;
                    }
                    (Container::Array, Some(b']')) | (Container::Object, Some(b'}')) => {
                        self.close()?;
                    }
                    _ => return Err(DecodeError::InvalidPayload),
                }
            }
            first = self.token();
        }
    }

    fn open(&mut self, container: Container) -> Result<(), DecodeError> {
        if self.levels.len() == self.depth {
            return Err(DecodeError::TooDeep);
        }
        self.levels.open(container);
        Ok(())
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        let members = self.levels.close();
        self.placeholders.closed(members)
    }

    /// A name that begins with `first`, and its colon.
    fn member(&mut self, first: Option<u8>) -> Result<(), DecodeError> {
        if first != Some(b'"') {
            return Err(DecodeError::InvalidPayload);
        }
        let name = self.string()?;
        self.levels.members().named(name);
        match self.token() {
            Some(b':') => Ok(()),
            _ => Err(DecodeError::InvalidPayload),
        }
    }

    /// What stands between the quote that was taken and its pair.
    #[inline]
    fn string(&mut self) -> Result<Quoted<'a>, DecodeError> {
        let (string, rest) =
            Quoted::read(self.rest.as_slice()).ok_or(DecodeError::InvalidPayload)?;
        self.rest = rest.iter();
        Ok(string)
    }

    /// A number, `true`, `false` or `null` that begins with `first`.
    fn scalar(&mut self, first: u8) -> Result<(), DecodeError> {
        let start = self.position().saturating_sub(1);
        let rest = self.rest.as_slice();
        let rest = lexer::scalar(first, rest).ok_or(DecodeError::InvalidPayload)?;
        self.rest = rest.iter();
        let members = self.levels.members();
        if members.wants_value() {
            let scalar = self.json.get(start..self.json.len() - rest.len());
            members.set_value(scalar.unwrap_or_default());
        }
        Ok(())
    }

    /// Nothing may follow but space, and no attachment be left.
    fn end(mut self) -> Result<(), DecodeError> {
        match self.token() {
            None => self.placeholders.end(),
            Some(_) => Err(DecodeError::InvalidPayload),
        }
    }
}

/// Takes what `serde_json` takes, and finds the same elements.
#[cfg(any(fuzzing, test))]
pub(crate) fn agrees(text: &str) {
    use serde_json::value::RawValue;

    let theirs = serde_json::from_str::<&RawValue>(text);
    let ours = value(text.as_bytes(), usize::MAX);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}");
    let mut found = Vec::new();
    let ours = elements(text.as_bytes(), usize::MAX, 0, |element| {
        found.push(text.get(element).expect("a part of it"));
        Ok(())
    });
    let theirs = serde_json::from_str::<Vec<&RawValue>>(text);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}");
    if let Ok(theirs) = theirs {
        let theirs: Vec<_> = theirs.into_iter().map(RawValue::get).collect();
        assert_eq!(found, theirs);
    }
}

#[cfg(test)]
mod tests;
