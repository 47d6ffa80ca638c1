#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ack;
mod afterlife;
mod broadcast;
mod clock;
mod connection;
mod core;
mod driver;
mod error;
mod events;
mod handler;
mod handshake;
#[cfg(all(test, shuttle))]
mod interleavings;
mod metrics;
mod namespace;
mod outgoing;
mod peers;
mod rate;
mod recovery;
mod registry;
mod remote;
mod rooms;
mod server;
mod service;
mod session;
mod socket;
mod sync;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;

pub use ack::AckFuture;
pub use broadcast::{Answers, Broadcast, BroadcastAck};
pub use engineio::net::server::{
    Body, ConnectionError, Cookie, Cors, ForeignUpgrade, Headers, Listener, Options, PeerAddr,
    Refusal, Refused as RefusedRequest, Secure, TrustedProxies,
};
pub use engineio::{CloseReason, Protocol, Sid, Transport};
pub use error::{AckError, MountError, SendError};
pub use events::Events;
pub use handler::Incoming;
pub use handshake::Handshake;
pub use metrics::Metrics;
pub use namespace::{
    DynamicHandle, InvalidPattern, Matcher, Mount, Named, Namespace, NamespaceHandle,
};
pub use outgoing::Outgoing;
pub use peers::{Peers, ServerId};
pub use recovery::Recovery;
pub use remote::RemoteSocket;
pub use rooms::{Room, RoomEvent};
pub use server::{Builder, Drain, Gauges, Server};
pub use service::{Attached, Layer, Service};
pub use socket::{Conn, Emitter, Socket};
pub use socketio_proto::{
    Ack, Answer, Args, ArgsError, Binary, ConnectError, DisconnectReason, Event, EventError,
    EventErrorKind, FromArgs, IntoArgs, Limits, NamespaceId, NoAck, Parser, RawArgs, Refused,
    SocketId, Value, event,
};

/// What the parser of a user is made of: see [`UserParser`](parser::UserParser).
pub mod parser {
    pub use socketio_proto::{
        AckId, ArgsWriter, Batch, Body, Data, DecodeError, Decoder, EncodeError, Frame,
        FrameWriter, Packet, Parser, Text, UserDecoder, UserParser,
    };
}
