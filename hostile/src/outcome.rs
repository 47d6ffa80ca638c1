//! What goes wrong, in words.

use std::fmt;
use std::io;

/// Why a script, or one of the checks behind it, did not come out as it should.
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

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Ends the function with a failure unless the condition holds.
macro_rules! check {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($words)+)));
        }
    };
}
pub(crate) use check;

/// The beginning of something long.
pub(crate) fn short(text: &str) -> String {
    let mut start: String = text.chars().take(60).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.escape_debug().to_string()
}
