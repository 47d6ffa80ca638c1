#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ack;
mod afterlife;
mod broadcast;
mod connection;
mod core;
mod driver;
mod error;
mod events;
mod handler;
mod handshake;
mod namespace;
mod rooms;
mod server;
mod service;
mod session;
mod socket;
mod sync;
mod trace;

pub use ack::AckFuture;
pub use broadcast::Broadcast;
pub use engineio::Protocol;
pub use engineio::net::server::{Cookie, Cors, Headers, Options, PeerAddr, Refusal};
pub use error::{AckError, EventError, EventErrorKind, MountError, SendError};
pub use events::Events;
pub use handler::{Ack, Answer, Incoming, NoAck};
pub use handshake::Handshake;
pub use namespace::{Namespace, NamespaceHandle};
pub use rooms::Room;
pub use server::{Builder, Gauges, Server};
pub use service::{Attached, Layer, Service};
pub use socket::{Socket, Volatile, WithTimeout};
pub use socketio_proto::{
    Args, ArgsError, Binary, ConnectError, DisconnectReason, Event, FromArgs, IntoArgs, Limits,
    NamespaceId, RawArgs, SocketId, Value, event,
};
