//! What handlers return, on both ends: the acknowledgement.

mod error;

use crate::args::{IntoArgs, RawArgs};
use crate::error::EncodeError;

pub use error::{EventError, EventErrorKind, Refused};

/// An answer of a handler: the arguments of the ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<T>(pub T);

/// An answer of a handler: no ack, even if the peer waits for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAck;

/// What a handler did about the ack that the peer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was given.
    Sent,
    /// Nothing was said: an empty ack is due when no other listener answers.
    Default,
    /// There shall be none.
    Never,
}

/// Where an answer goes. Whether the peer asked for one is the sink's to know.
pub trait AnswerSink {
    /// Why it could not be given.
    type Error: From<EncodeError>;

    /// Takes the arguments of the ack.
    ///
    /// # Errors
    /// They cannot be encoded.
    fn answer<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), Self::Error>;
}

/// What a handler may return.
///
/// `()` is an empty ack if the peer asked for one, so that nobody waits for ever;
/// [`Ack`] carries arguments; [`NoAck`] leaves the peer waiting; a `Result` is whichever
/// of the two it holds. Without a request for an ack, nothing is sent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an answer",
    note = "a handler returns `()`, `Ack(value)`, `NoAck`, or a `Result` of these"
)]
pub trait Answer: Send {
    /// Gives it to whoever asked.
    ///
    /// # Errors
    /// Those of the sink.
    fn give<S: AnswerSink>(self, sink: &S) -> Result<Answered, S::Error>;
}

impl Answer for () {
    fn give<S: AnswerSink>(self, _: &S) -> Result<Answered, S::Error> {
        Ok(Answered::Default)
    }
}

impl Answer for NoAck {
    fn give<S: AnswerSink>(self, _: &S) -> Result<Answered, S::Error> {
        Ok(Answered::Never)
    }
}

impl<T: IntoArgs + Send> Answer for Ack<T> {
    fn give<S: AnswerSink>(self, sink: &S) -> Result<Answered, S::Error> {
        sink.answer(&self.0)?;
        Ok(Answered::Sent)
    }
}

impl<A: Answer, B: Answer> Answer for Result<A, B> {
    fn give<S: AnswerSink>(self, sink: &S) -> Result<Answered, S::Error> {
        match self {
            Ok(answer) => answer.give(sink),
            Err(answer) => answer.give(sink),
        }
    }
}

/// The arguments of an answer that is not sent as it is given, if there shall be one.
///
/// # Errors
/// They cannot be encoded.
pub fn into_args(answer: impl Answer) -> Result<Option<RawArgs>, EncodeError> {
    struct Kept(std::cell::Cell<RawArgs>);

    impl AnswerSink for Kept {
        type Error = EncodeError;

        fn answer<P: IntoArgs + ?Sized>(&self, payload: &P) -> Result<(), EncodeError> {
            self.0.set(RawArgs::encode(payload)?);
            Ok(())
        }
    }

    let kept = Kept(std::cell::Cell::default());
    Ok(match answer.give(&kept)? {
        Answered::Sent => Some(kept.0.take()),
        Answered::Default => Some(RawArgs::default()),
        Answered::Never => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_as_it_would_be_sent() {
        let texts = |answer: RawArgs| -> Vec<u32> { answer.value(0).into_iter().collect() };
        assert_eq!(into_args(Ack(7)).unwrap().map(texts), Some(vec![7]));
        let either: Result<Ack<u32>, NoAck> = Err(NoAck);
        assert_eq!(into_args(either), Ok(None));
        assert_eq!(into_args(()), Ok(Some(RawArgs::default())));
        assert_eq!(into_args(NoAck), Ok(None));
    }
}
