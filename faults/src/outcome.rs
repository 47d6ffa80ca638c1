//! What goes wrong, in words.

use std::fmt;

/// Why a run did not come out as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

/// A value, or why there is none.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Says what is wrong.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}
