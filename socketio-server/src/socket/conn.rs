//! [`Conn`]: the connection below a socket.

use engineio::Transport;
use engineio::net::server::Handshake as Request;

use crate::connection::Connection;

/// The connection below a socket, which it shares with those of the same client in other
/// namespaces; Node's `socket.conn`. Made by [`Socket::conn`](super::Socket::conn).
#[derive(Clone, Copy, Debug)]
pub struct Conn<'a>(pub(super) &'a Connection);

impl Conn<'_> {
    /// What carries it now. [`Namespace::on_upgrade`](crate::Namespace::on_upgrade) tells of
    /// changes.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.handle.transport()
    }

    /// The request that opened it.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.0.request
    }

    /// Bytes that wait for the client.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.0.handle.queued_bytes()
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.handle.is_closed()
    }
}
