//! What goes wrong in a handler.

use std::any::Any;
use std::fmt;

use engineio::Text;

use crate::error::{ArgsError, EncodeError};

/// What went wrong in a handler. Ends in `on_error`; the connection survives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// The event; `connect` and `disconnect` for those handlers.
    pub event: Text,
    /// What happened.
    pub kind: EventErrorKind,
}

impl EventError {
    /// This, in the handler of that event.
    #[must_use]
    pub fn new(event: impl Into<Text>, kind: EventErrorKind) -> Self {
        let event = event.into();
        Self { event, kind }
    }
}

/// What went wrong in a handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// The payload is not of the handler's type.
    #[error("the payload does not decode: {0}")]
    Payload(ArgsError),
    /// The handler panicked with this message.
    #[error("the handler panicked: {0}")]
    Panic(Box<str>),
    /// A step before the handlers refused it.
    #[error("{0}")]
    Refused(Refused),
    /// Its answer cannot be encoded.
    #[error("the answer cannot be sent: {0}")]
    Answer(#[from] EncodeError),
}

/// Why an event was refused before its listeners saw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0}")]
pub struct Refused(Text);

impl Refused {
    /// Refuses with these words.
    #[must_use]
    pub fn new(message: impl Into<Text>) -> Self {
        Self(message.into())
    }

    /// The words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl EventErrorKind {
    /// What the payload of a panic says.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panic(text.unwrap_or("no message").into())
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event: String = self.event.chars().take(64).collect();
        write!(f, "event {event:?}: {}", self.kind)
    }
}

impl std::error::Error for EventError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_words() {
        let refused = Refused::new("no more of these");
        assert_eq!(refused.message(), "no more of these");
        assert_eq!(refused.to_string(), "refused: no more of these");
    }
}
