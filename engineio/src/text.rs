//! [`Text`]: a cheap-to-clone, UTF-8 checked slice of [`Bytes`].
#![expect(
    unsafe_code,
    reason = "the one audited module: skips re-validation of checked UTF-8"
)]

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::str::Utf8Error;

use bytes::{Buf, Bytes};

/// An immutable string that shares its memory with its clones and slices.
///
/// Cloning and slicing count a reference and copy nothing. A slice keeps the whole buffer it
/// was cut from alive: use [`Text::detached`] for what outlives the packet it came in.
#[derive(Clone, Default)]
pub struct Text(Bytes);

impl Text {
    /// The empty string.
    pub const EMPTY: Self = Self(Bytes::new());

    /// Takes bytes after checking that they are UTF-8.
    ///
    /// # Errors
    /// The position of the first byte that is not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Utf8Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }

    /// A string that lives as long as the program, without allocation.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Copies `text` into a buffer of its own.
    #[must_use]
    pub fn copy_from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// A copy that holds no larger buffer alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::copy_from(self)
    }

    /// The string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // not in every debug build: it looks at all of a body again for each packet in it
        #[cfg(any(test, fuzzing))]
        assert!(std::str::from_utf8(&self.0).is_ok(), "text is UTF-8");
        // SAFETY: every constructor either checks UTF-8 or starts from `str`, `slice` keeps
        // character boundaries, and `Bytes` is immutable.
        unsafe { std::str::from_utf8_unchecked(&self.0) }
    }

    /// The part `range`, sharing memory; `None` out of bounds or inside a character.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        self.as_str().get(range.clone())?;
        Some(Self(self.0.slice(range)))
    }

    /// The part from `start` on, sharing memory; `None` out of bounds or inside a character.
    #[must_use]
    pub fn slice_from(&self, start: usize) -> Option<Self> {
        self.slice(start..self.0.len())
    }

    /// The part from `start` on of a text that is given up; `None` out of bounds or inside a
    /// character.
    #[must_use]
    pub fn into_tail(mut self, start: usize) -> Option<Self> {
        self.as_str().get(start..)?;
        self.0.advance(start);
        Some(self)
    }

    /// The shared form of `part`, which must be a slice of this text; a copy when it is not.
    #[must_use]
    pub fn share(&self, part: &str) -> Self {
        let start = (part.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        match start.checked_add(part.len()) {
            Some(end) if end <= self.0.len() => Self(self.0.slice(start..end)),
            _ => Self::copy_from(part),
        }
    }

    /// The bytes underneath.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text.into_bytes()))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::copy_from(text)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other)
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn refuses_bytes_that_are_not_utf8() {
        assert!(Text::from_utf8(Bytes::from_static(b"\xff")).is_err());
        assert!(Text::from_utf8(Bytes::from_static("é".as_bytes())).is_ok());
    }

    #[test]
    fn slices_only_at_character_boundaries() {
        let text = Text::from("aéb");
        assert_eq!(text.slice(1..3).unwrap(), "é");
        assert_eq!(text.slice(1..2), None);
        assert_eq!(text.slice(0..9), None);
        assert_eq!(text.slice_from(3).unwrap(), "b");
        assert_eq!(text.clone().into_tail(1).unwrap(), "éb");
        assert_eq!(text.clone().into_tail(4).unwrap(), "");
        assert_eq!(text.clone().into_tail(2), None);
        assert_eq!(text.into_tail(5), None);
    }

    #[test]
    fn shares_its_own_parts_and_copies_foreign_ones() {
        let text = Text::from("hello world");
        let part = text.share(text.as_str().split_at(6).1);
        assert_eq!(part, "world");
        assert_eq!(part.0.as_ptr() as usize - text.0.as_ptr() as usize, 6);
        assert_eq!(text.share("elsewhere"), "elsewhere");
    }

    #[test]
    fn it_is_the_string_that_it_holds() {
        let text = Text::from("aé");
        assert!(text == *"aé" && text != *"ae");
        assert!(text == "aé" && text != "ae");
        let other = Text::from("b");
        assert!(text != other && text < other);
        assert_eq!(AsRef::<str>::as_ref(&text), "aé");
        assert_eq!(Borrow::<str>::borrow(&text), "aé");
        assert_eq!(text.clone().into_bytes(), "aé".as_bytes());
        let least = ["b", "aé", "ba"].map(Text::from).into_iter().min();
        assert_eq!(least.unwrap(), "aé");
        // a map finds it by the string
        let hashes = RandomState::new();
        assert_eq!(hashes.hash_one(&text), hashes.hash_one("aé"));
        assert_ne!(hashes.hash_one(&text), hashes.hash_one(&other));
        assert_eq!(format!("{text} {text:?}"), "aé \"aé\"");
        let part = text.slice(1..3).unwrap();
        let copy = part.detached();
        assert_eq!(copy, part);
        assert_ne!(copy.0.as_ptr(), part.0.as_ptr());
    }
}
