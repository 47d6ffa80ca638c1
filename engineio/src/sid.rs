//! Session ids.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest id accepted, in bytes.
const CAPACITY: usize = 39;

/// The secret name of a session: 1 to 39 characters of `A-Z a-z 0-9 _ -`.
///
/// Whoever knows it can read and write the session, so it is never a public identifier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sid {
    len: u8,
    chars: [u8; CAPACITY],
}

/// The text is not a session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id has 1 to 39 characters of A-Z, a-z, 0-9, _ and -")]
pub struct InvalidSid;

impl Sid {
    /// Makes the 20 characters of Node's ids out of 120 random bits.
    ///
    /// The bits must come from a cryptographic generator; they are the caller's business
    /// because this crate owns no randomness.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 15]) -> Self {
        let mut chars = [0; CAPACITY];
        let len = URL_SAFE_NO_PAD
            .encode_slice(entropy, &mut chars)
            .expect("15 bytes make 20 characters of base64");
        Self {
            len: len as u8,
            chars,
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.chars
            .get(..usize::from(self.len))
            .and_then(|chars| std::str::from_utf8(chars).ok())
            .expect("only ASCII gets in, and no more than fits")
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'_') | (byte == b'-');
        // all of it, whatever comes first: the compiler looks at many bytes at a time
        if text.is_empty() || !text.bytes().fold(true, |all, byte| all & valid(byte)) {
            return Err(InvalidSid);
        }
        let mut chars = [0; CAPACITY];
        chars
            .get_mut(..text.len())
            .ok_or(InvalidSid)?
            .copy_from_slice(text.as_bytes());
        Ok(Self {
            len: text.len() as u8,
            chars,
        })
    }
}

/// Only what is there: what is left of the capacity is zeros.
impl Hash for Sid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.chars.get(..usize::from(self.len)).unwrap_or_default());
        state.write_u8(self.len);
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Shows no more than the beginning: the whole is a secret.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({}…)", self.as_str().get(..4).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn entropy_makes_twenty_url_safe_characters() {
        let sid = Sid::from_entropy([0xff; 15]);
        assert_eq!(sid.as_str(), "____________________");
        assert_eq!(sid.as_str().parse::<Sid>(), Ok(sid));
        assert_eq!(format!("{sid:?}"), "Sid(____…)");
    }

    #[test]
    fn ids_are_spread_over_a_map() {
        let state = RandomState::new();
        let hash = |text: &str| state.hash_one(text.parse::<Sid>().expect("an id"));
        let hashes: HashSet<u64> = ["a", "b", "aa", "ab", "ba"].map(hash).into();
        assert_eq!(hashes.len(), 5);
    }

    #[test]
    fn refuses_what_no_server_could_have_made() {
        for text in ["", "a b", "é", "a/b", &"x".repeat(40)] {
            assert_eq!(text.parse::<Sid>(), Err(InvalidSid), "{text}");
        }
        assert!("x".repeat(39).parse::<Sid>().is_ok());
    }
}
