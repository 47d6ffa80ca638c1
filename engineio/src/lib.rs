#![doc = include_str!("../README.md")]

mod config;
pub mod error;
mod frame;
#[cfg(feature = "server")]
pub mod net;
mod packet;
pub mod payload;
pub mod query;
pub mod server;
mod sid;
mod text;
mod timer;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;

pub use config::{Config, Transport};
pub use error::{CloseReason, DecodeError, HandshakeError, SendError};
pub use frame::{Batch, Data, Frame, FrameWriter};
pub use packet::{Open, Packet};
pub use sid::{InvalidSid, Sid};
pub use text::Text;
