//! Engine.IO, the transport layer of Socket.IO, without I/O.
pub mod error;
mod frame;
mod sid;
mod text;

pub use error::{CloseReason, DecodeError, SendError};
pub use frame::{Batch, Data, Frame, FrameWriter};
pub use sid::{InvalidSid, Sid};
pub use text::Text;
