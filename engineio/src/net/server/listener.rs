//! [`Listener`]: where the connections of [`serve`](super::serve()) come from.

use std::future::{Future, Ready, ready};
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::net::platform::{self, CONNECTIONS_INHERIT};

/// Gives out connections: TCP, a Unix socket, or TLS (feature `rustls`) on top of either.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What is left to do before bytes can flow, such as a TLS handshake. It runs beside the
    /// accepting of others, and has [`Options::head_timeout`](super::Options) for it.
    type Opening: Future<Output = io::Result<Self::Stream>> + Send + 'static;

    /// Called once, before the first [`Listener::accept`].
    fn prepare(&self) {}

    /// Waits for the next connection. Must be cancel safe. After an error that is of one connection (aborted, reset,
    /// refused) it is called again at once, after others 100 ms later.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Opening, Origin)>> + Send;
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address of the peer, where it has one.
    pub peer: Option<SocketAddr>,
    /// Whether nobody else can read what is sent: TLS.
    pub secure: bool,
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Opening = Ready<io::Result<TcpStream>>;

    fn prepare(&self) {
        if CONNECTIONS_INHERIT {
            platform::prepare(&self.into());
        }
    }

    async fn accept(&self) -> io::Result<(Self::Opening, Origin)> {
        let (stream, peer) = Self::accept(self).await?;
        if !CONNECTIONS_INHERIT {
            platform::prepare(&(&stream).into());
        }
        let origin = Origin {
            peer: Some(peer),
            secure: false,
        };
        Ok((ready(Ok(stream)), origin))
    }
}

/// Peers have no address: behind a proxy on the same machine, name it in
/// [`Options::trusted_proxies`](super::Options) as [`TrustedProxies::any_peer`](super::TrustedProxies).
#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;
    type Opening = Ready<io::Result<Self::Stream>>;

    async fn accept(&self) -> io::Result<(Self::Opening, Origin)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((ready(Ok(stream)), Origin::default()))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use socket2::SockRef;

    use super::*;

    /// A client that does not read has the kernel's memory otherwise, where no budget counts it.
    #[tokio::test]
    async fn connections_say_what_the_kernel_may_take_of_what_cannot_leave() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.prepare();
        let address = listener.local_addr().expect("an address");
        let client = TcpStream::connect(address);
        let (accepted, client) = tokio::join!(Listener::accept(&listener), client);
        let (opening, _) = accepted.expect("a connection");
        let stream = opening.await.expect("a connection");
        let unsent = SockRef::from(&stream).tcp_notsent_lowat();
        assert_eq!(unsent.expect("the option"), platform::UNSENT_BYTES);
        assert!(stream.nodelay().expect("the option"));
        drop(client);
    }
}
