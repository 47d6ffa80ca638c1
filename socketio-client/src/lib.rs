#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ack;
mod auth;
pub mod blocking;
mod clock;
mod driver;
mod error;
mod events;
mod incoming;
#[cfg(all(test, shuttle))]
mod interleavings;
mod listeners;
mod mailbox;
mod manager;
mod order;
mod reconnect;
mod shared;
mod socket;
mod sync;
mod trace;

pub use ack::AckFuture;
#[cfg(feature = "rustls")]
pub use engineio::net::client::Tls;
pub use engineio::net::client::{Options, Proxy, TransportOptions};
pub use engineio::{CloseReason, Transport, client::Detail};
pub use error::{AckError, BuildError, ConnectFailed};
pub use events::{Events, SocketEvent};
pub use incoming::{Incoming, Outgoing};
pub use listeners::ListenerId;
pub use manager::{Builder, Manager, ManagerEvent, Multiplexer};
pub use reconnect::Reconnect;
pub use socket::{Connecting, Emitter, Socket};
pub use socketio_proto::{
    Ack, Answer, Args, ArgsError, Binary, ConnectError, DisconnectReason, EncodeError, Event,
    EventError, EventErrorKind, FromArgs, IntoArgs, InvalidNamespace, Limits, Map, NamespaceId,
    NoAck, Parser, RawArgs, SendError, SocketId, Value, event,
};

/// What the parser of a user is made of: see [`UserParser`](parser::UserParser).
pub mod parser {
    pub use socketio_proto::{
        AckId, ArgsWriter, Batch, Body, Data, DecodeError, Decoder, EncodeError, Frame,
        FrameWriter, Packet, Parser, Text, UserDecoder, UserParser,
    };
}

/// A socket of the namespace that the URL's path names (`/` without one), on a connection of its
/// own, with the default settings. It connects when [`Socket::connect`] is called.
///
/// # Errors
/// [`BuildError`].
pub fn io(url: &str) -> Result<Socket, BuildError> {
    let builder = Manager::builder(url)?;
    let namespace = builder.url_namespace()?;
    Ok(builder.build()?.of(namespace))
}
