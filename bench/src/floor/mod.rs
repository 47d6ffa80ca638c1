//! What a floor does: the answers of a server that knows the messages of the benchmark and nothing else. No JSON is read
//! and no client is doubted, so that what is left is the price of the bytes.

mod hall;
mod serve;
mod session;

pub use hall::{Hall, Seat};
pub use serve::serve;
pub use session::{JOINED, OPEN, Session, Unwanted};

/// What a message wants of others than its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wish<'a> {
    /// The sender joins a room.
    Join(&'a [u8]),
    /// Everybody gets the frame.
    Cast(&'a [u8]),
    /// The members of a room get the frame.
    Room(&'a [u8], &'a [u8]),
}
