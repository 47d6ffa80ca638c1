//! [`Dialer`]: from a host to a byte stream, by way of a proxy and TLS.

use std::future::{Ready, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use super::error::{self, BuildError};
use super::options::Options;
use super::proxy::Route;
use crate::client::Detail;

/// Opens streams to one server.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    target: Uri,
    route: Route,
    connector: HttpConnector,
    #[cfg(feature = "rustls")]
    tls: Option<super::tls::Connector>,
}

/// A stream to the server.
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(feature = "rustls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Dialer {
    pub(super) fn new(options: &Options) -> Result<Self, BuildError> {
        let target = &options.target;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let uri = format!("http://{}:{}/", target.host, target.port);
        #[cfg(not(feature = "rustls"))]
        if target.secure {
            return Err(BuildError::NoTls);
        }
        Ok(Self {
            target: uri
                .parse()
                .map_err(|_| BuildError::Header("host".to_owned()))?,
            route: options.proxy.route(target)?,
            connector,
            #[cfg(feature = "rustls")]
            tls: match target.secure {
                true => Some(options.tls.connector(&target.host)?),
                false => None,
            },
        })
    }

    /// Opens a stream. Dropping the future gives up whatever it is at.
    pub(super) async fn dial(&self) -> Result<Stream, Detail> {
        let (connector, target) = (self.connector.clone(), self.target.clone());
        let tcp = match &self.route {
            Route::Direct => call(connector, target).await?,
            Route::Http { proxy, auth } => {
                let tcp = call(connector, proxy.clone()).await?;
                let mut tunnel = Tunnel::new(proxy.clone(), Connected(Some(tcp)));
                if let Some(auth) = auth {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                call(tunnel, target).await?
            }
            Route::Socks5 { proxy, auth } => {
                let tcp = call(connector, proxy.clone()).await?;
                let mut socks = SocksV5::new(proxy.clone(), Connected(Some(tcp)));
                if let Some((user, password)) = auth {
                    socks = socks.with_auth(user.clone(), password.clone());
                }
                call(socks, target).await?
            }
        };
        let tcp = tcp.into_inner();
        #[cfg(feature = "rustls")]
        if let Some(tls) = &self.tls {
            return tls.connect(tcp).await.map_err(|error| error::io(&error));
        }
        Ok(Stream::Tcp(tcp))
    }
}

async fn call<S>(mut service: S, target: Uri) -> Result<TokioIo<TcpStream>, Detail>
where
    S: Service<Uri, Response = TokioIo<TcpStream>>,
    S::Error: std::error::Error + 'static,
{
    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
    ready.map_err(|error| error::io(&error))?;
    let called = service.call(target).await;
    called.map_err(|error| error::io(&error))
}

/// A connection to a proxy, which is there already: what goes wrong with it is told in words that
/// the protocols of proxies would hide.
struct Connected(Option<TokioIo<TcpStream>>);

impl Service<Uri> for Connected {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(self.0.take().ok_or_else(|| ErrorKind::NotConnected.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_write_vectored(),
            #[cfg(feature = "rustls")]
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            #[cfg(feature = "rustls")]
            Self::Tls(_) => "Tls",
        })
    }
}
