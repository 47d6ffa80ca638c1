#![doc = include_str!("../README.md")]

pub mod client;
mod config;
mod dialect;
pub mod error;
mod event;
mod form;
mod frame;
mod json;
pub mod jsonp;
#[cfg(any(feature = "server", feature = "client"))]
pub mod net;
pub mod packet;
pub mod payload;
pub mod query;
pub mod server;
mod sid;
mod spare;
mod text;
mod timer;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;

pub use config::{Config, Transport};
pub use dialect::{Dialect, Protocol};
pub use error::{CloseReason, DecodeError, HandshakeError, SendError};
pub use frame::{Batch, Data, Frame, FrameWriter};
pub use packet::{Open, Packet};
pub use sid::{InvalidSid, Sid};
pub use spare::Spare;
pub use text::Text;
