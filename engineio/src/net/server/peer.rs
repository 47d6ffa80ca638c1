//! What is known of the TCP peer of a request, in its extensions.

use std::net::SocketAddr;

/// Says in the extensions of a request that it came by TLS. [`serve`](super::serve()) on
/// [`Tls`](super::Listener) sets it; other servers may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secure;

/// The address of the TCP peer. [`serve`](super::serve()) tells it where it is needed; other HTTP servers put it into
/// the extensions of every request: all that goes by address ([`Options::same_address`](super::Options::same_address)
/// above all) knows no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);
