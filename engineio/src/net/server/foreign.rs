//! [`ForeignUpgrade`]: a WebSocket's bytes from an HTTP server other than hyper 1.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::net::sync::Mutex;

/// Whatever bytes go through.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// The byte stream of a WebSocket, in a request that another HTTP server than hyper 1 received.
///
/// Whoever translates such a server's requests puts one into the extensions of each request that
/// asks for a WebSocket. If the [`Service`](super::Service) answers 101, the translator sends
/// that answer and then hands over the stream that follows it on the connection; until then what
/// the session sends waits. If the answer is another one, nothing is asked for.
///
/// ```
/// # use engineio::net::server::ForeignUpgrade;
/// # let mut request = http::Request::new(String::new());
/// let (stream, upgraded) = tokio::sync::oneshot::channel::<tokio::net::TcpStream>();
/// request.extensions_mut().insert(ForeignUpgrade::new(async {
///     // an error, and with it the end of the session, when the sender is dropped
///     upgraded.await.map_err(std::io::Error::other)
/// }));
/// // later, when the 101 was written: stream.send(connection)
/// ```
///
/// Reading from the stream begins with the first byte after the request's head, and the answer's
/// head has been written. The future must end when the connection does: a session waits for it
/// as long as its heartbeat lets it.
#[derive(Clone)]
pub struct ForeignUpgrade(Arc<Mutex<Option<Opening>>>);

impl ForeignUpgrade {
    /// Of a future that is ready with the stream when the answer is on its way.
    #[must_use]
    pub fn new<F, T>(stream: F) -> Self
    where
        F: Future<Output = io::Result<T>> + Send + 'static,
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let opening = async move { stream.await.map(|stream| Box::new(stream) as Box<dyn Io>) };
        Self(Arc::new(Mutex::new(Some(Box::pin(opening)))))
    }

    /// The future, for whoever asks first: extensions can be cloned, a connection cannot.
    pub(super) fn take(&self) -> Option<Opening> {
        self.0.lock().take()
    }
}

impl fmt::Debug for ForeignUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignUpgrade").finish_non_exhaustive()
    }
}
