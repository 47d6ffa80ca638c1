#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod acks;
pub mod answer;
mod args;
pub mod client;
pub mod error;
mod event;
mod id;
mod limits;
mod packet;
mod parser;
pub mod server;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;

pub use engineio::{Batch, CloseReason, Data, Frame, FrameWriter, Text};

pub use answer::{Ack, Answer, EventError, EventErrorKind, NoAck, Refused};
pub use args::{Args, ArgsWriter, Binary, FromArgs, IntoArgs, Map, RawArgs, Value};
pub use error::{ArgsError, DecodeError, DisconnectReason, EncodeError, Misuse, SendError};
pub use event::Event;
pub use id::{AckId, InvalidNamespace, InvalidSocketId, NamespaceId, SessionKey, SocketId};
pub use limits::Limits;
pub use packet::{Body, ConnectError, Packet, Revision, is_reserved};
pub use parser::{Decoder, Parser, UserDecoder, UserParser};
