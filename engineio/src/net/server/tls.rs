//! [`Tls`]: connections behind TLS, by rustls.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::listener::{Listener, Origin};

/// The connections of another listener, behind TLS.
///
/// ```no_run
/// use engineio::net::server::{Options, Tls, on_connection, serve};
///
/// # async fn run() -> std::io::Result<()> {
/// let service = on_connection(Options::default(), async |mut connection| {
///     while let Some(message) = connection.recv().await {
///         connection.send(message).ok();
///     }
/// });
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// let (chain, key) = (std::fs::read("chain.pem")?, std::fs::read("key.pem")?);
/// let listener = Tls::from_pem(listener, &chain, &key)?;
/// serve(listener, service.server(), service, std::future::pending()).await
/// # }
/// ```
pub struct Tls<L> {
    listener: L,
    acceptor: TlsAcceptor,
}

impl<L: fmt::Debug> fmt::Debug for Tls<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl<L> Tls<L> {
    /// As the configuration says. It should offer `http/1.1` by ALPN, or nothing.
    #[must_use]
    pub fn new(listener: L, config: Arc<ServerConfig>) -> Self {
        let acceptor = TlsAcceptor::from(config);
        Self { listener, acceptor }
    }

    /// With a certificate chain, the server's own first, and its private key, both PEM. TLS 1.2
    /// and 1.3, no client certificates.
    ///
    /// # Errors
    /// They are not PEM, not of each other, or of a kind that rustls does not know.
    pub fn from_pem(listener: L, chain: &[u8], key: &[u8]) -> io::Result<Self> {
        let invalid = |error: &dyn fmt::Display| {
            io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| invalid(&error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| invalid(&error))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| invalid(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::new(listener, Arc::new(config)))
    }
}

impl<L: Listener + Sync> Listener for Tls<L> {
    type Stream = TlsStream<L::Stream>;
    type Opening = Opening<L>;

    fn prepare(&self) {
        self.listener.prepare();
    }

    async fn accept(&self) -> io::Result<(Self::Opening, Origin)> {
        let (opening, origin) = self.listener.accept().await?;
        let opening = Opening::Below(Box::pin(opening), self.acceptor.clone());
        let secure = true;
        Ok((opening, Origin { secure, ..origin }))
    }
}

/// A TLS handshake, behind that of what carries it.
pub enum Opening<L: Listener> {
    #[doc(hidden)]
    Below(Pin<Box<L::Opening>>, TlsAcceptor),
    #[doc(hidden)]
    Shaking(Box<Accept<L::Stream>>),
}

impl<L: Listener> fmt::Debug for Opening<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl<L: Listener> Future for Opening<L> {
    type Output = io::Result<TlsStream<L::Stream>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut *self {
                Self::Below(opening, acceptor) => {
                    let Poll::Ready(stream) = opening.as_mut().poll(cx) else {
                        return Poll::Pending;
                    };
                    let accept = acceptor.accept(stream?);
                    *self = Self::Shaking(Box::new(accept));
                }
                Self::Shaking(accept) => return Pin::new(&mut **accept).poll(cx),
            }
        }
    }
}
