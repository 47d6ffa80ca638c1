//! What handles tell the task that owns the connection.

use std::time::Duration;

use engineio::Text;
use socketio_proto::client::{Emit, EmitId, Reply, Settings};
use socketio_proto::{NamespaceId, RawArgs};
use tokio::sync::oneshot;

use crate::error::{AckError, ConnectFailed};
use crate::reconnect::Reconnect;
use crate::socket::SocketCore;
use crate::sync::Arc;

/// Learns whether the socket got connected.
pub(crate) type Told = oneshot::Sender<Result<(), ConnectFailed>>;
/// Learns the answer to an event.
pub(crate) type Waiter = oneshot::Sender<Result<RawArgs, AckError>>;

pub(crate) enum Order {
    Connect {
        core: Arc<SocketCore>,
        /// How often it had been disconnected when this was ordered.
        left: u64,
        told: Told,
    },
    Disconnect {
        namespace: NamespaceId,
    },
    Emit {
        namespace: NamespaceId,
        name: Text,
        args: RawArgs,
        options: Emit,
        waiter: Option<Waiter>,
    },
    LimitAck {
        namespace: NamespaceId,
        emit: EmitId,
        timeout: Duration,
    },
    Answer {
        namespace: NamespaceId,
        reply: Reply,
        args: RawArgs,
    },
    Configure {
        namespace: NamespaceId,
        settings: Settings,
    },
    Reconnect(Reconnect),
    /// There is room again where events wait for the application.
    Wake,
    /// Nothing of a namespace is kept.
    Remove {
        namespace: NamespaceId,
    },
    /// All namespaces are left.
    Close,
    /// Somebody wants to know when there is no connection any more.
    Watch(oneshot::Sender<()>),
    /// Nobody holds a handle any more.
    Shutdown,
}

impl Order {
    /// Bytes of it that count against what may wait to be sent.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Emit { name, args, .. } => size_of::<Self>() + name.len() + args.size(),
            Self::Answer { args, .. } => size_of::<Self>() + args.size(),
            _ => 0,
        }
    }
}
