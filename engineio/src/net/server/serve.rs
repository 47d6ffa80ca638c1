//! [`serve()`]: an HTTP server with the limits that an open port needs.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Server;
use super::accept::Acceptor;
use super::core::Core;
use super::head::HeadTimer;
use super::listener::{Listener, Origin};
use super::peer::{PeerAddr, Secure};
use super::stall::Stalling;
use crate::net::sync::Ordering;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 100;
/// Time for what is open when the server was asked to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// Of it, the time in which clients between two polls may come for what is left for them.
const LAST_POLLS: Duration = Duration::from_secs(1);

/// A running server; a future that ends when the server was asked to stop.
#[must_use = "a server runs while it is awaited"]
pub struct Serve {
    future: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").finish_non_exhaustive()
    }
}

impl Future for Serve {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        self.future.as_mut().poll(cx)
    }
}

/// Serves HTTP/1.1 on a listener (TCP, Unix socket, TLS) until `stop` is ready.
///
/// A head must arrive within [`Options::head_timeout`](super::Options), in at most 16 KiB and 100
/// headers (431). A client that takes nothing of an answer for
/// [`Options::write_timeout`](super::Options) is dropped. `TCP_NODELAY` is set; on Linux, the kernel
/// takes 128 KiB of what a client has no room for (`TCP_NOTSENT_LOWAT`), so that the rest counts
/// against the budgets of [`Options`](super::Options). How many connections may wait to be accepted
/// is the listener's: `TcpListener::bind` leaves room for 128, `TcpSocket::listen` for as many as it
/// is told. While no file descriptor is left, who connects is closed at once (on Linux; elsewhere he waits), and
/// accepting is tried again every 100 ms. When `stop` is ready, the sessions of
/// `server` are closed, and what is open gets 5 s. New sessions are refused then, and new
/// connections once every client has had what was left for it, or after 1 s.
///
/// # Errors
/// When the task that accepts connections panicked or its runtime ended.
pub fn serve<L, S, B>(
    listener: L,
    server: Server,
    service: S,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Serve
where
    L: Listener + Sync,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // in a worker of its own right: the thread that blocks on the program's main future would
    // have to wake a worker for each connection
    let mut accepting = AbortOnDrop(tokio::spawn(run(listener, server, service, stop)));
    let future = async move { (&mut accepting.0).await.map_err(io::Error::other) };
    Serve {
        future: Box::pin(future),
    }
}

/// Ends the accept loop with the future that stands for it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run<L, S, B>(
    listener: L,
    server: Server,
    service: S,
    stop: impl Future<Output = ()> + Send,
) where
    L: Listener + Sync,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    let mut acceptor = Acceptor::new(listener, &server.core);
    let mut accept = async || {
        let (opening, origin) = acceptor.accept().await;
        let open = Open::new(&server.core);
        let (service, stopped) = (service.clone(), stopped.clone());
        tokio::spawn(connection(opening, origin, service, stopped, open));
    };
    loop {
        tokio::select! {
            () = accept() => {}
            () = &mut stop => break,
        }
    }
    server.close();
    // a poll may need a connection of its own; new sessions are refused by now
    let last_polls = async {
        let mut waiting = tokio::time::interval(LOOK);
        while server.sessions() > 0 {
            tokio::select! {
                () = accept() => {}
                _ = waiting.tick() => {}
            }
        }
    };
    let asked = Instant::now();
    tokio::time::timeout(LAST_POLLS, last_polls).await.ok();
    drop((acceptor, stopped));
    stopping.send(()).ok();
    let idle = async {
        stopping.closed().await;
        // sessions that are still there wait for a poll, which cannot come any more
        while server.tasks() > server.sessions() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout_at(asked + DRAIN, idle).await.ok();
}

async fn connection<O, T, S, B>(
    opening: O,
    origin: Origin,
    service: S,
    mut stopped: watch::Receiver<()>,
    open: Open,
) where
    O: Future<Output = io::Result<T>> + Send,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let options = &open.0.options;
    let Ok(Ok(stream)) = tokio::time::timeout(options.head_timeout, opening).await else {
        return;
    };
    let same_address = options.same_address;
    let stream = Stalling::new(stream, options.write_timeout);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        // a handshake keeps it; the requests that follow need not pay for it, unless somebody asks
        if same_address || !has_sid(request.uri()) {
            let extensions = request.extensions_mut();
            if let Some(peer) = origin.peer {
                extensions.insert(PeerAddr(peer));
            }
            if origin.secure {
                extensions.insert(Secure);
            }
        }
        // hyper has hidden a length beside it, and whoever stands in front may believe that one:
        // what follows on this connection is not to be trusted (RFC 9112, 6.1)
        let last = request.headers().contains_key(TRANSFER_ENCODING);
        let answer = service.call(request);
        async move {
            let mut answer = answer.await?;
            if last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, S::Error>(answer)
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(HeadTimer::default())
            .header_read_timeout(open.0.options.head_timeout)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS)
            .writev(false)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let look = stopped.clone();
    let mut stop = std::pin::pin!(stopped.changed());
    let mut armed = false;
    let served = poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        // polled once, it wakes this task; after that, to look is cheaper than to ask again
        if armed && matches!(look.has_changed(), Ok(false)) {
            return Poll::Pending;
        }
        armed = true;
        stop.as_mut().poll(cx).map(|_| false)
    });
    if served.await {
        return;
    }
    connection.as_mut().graceful_shutdown();
    connection.await.ok();
}

/// Whether a request names a session, as plainly as all clients do: one that hides it in escapes only pays for its address.
fn has_sid(uri: &http::Uri) -> bool {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.any(|pair| pair.starts_with("sid="))
}

/// Counts an open connection.
struct Open(Arc<Core>);

impl Open {
    fn new(core: &Arc<Core>) -> Self {
        core.connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(core))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}
