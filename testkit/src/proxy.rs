//! [`Proxy`]: a TCP proxy that misbehaves on demand, between a real client and a real server.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is done with a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It gets through.
    Forward,
    /// It is closed at once.
    Close,
    /// It is accepted, and nothing is ever said.
    Silence,
    /// Whatever it asks for is answered with these bytes, and closed.
    Answer(Vec<u8>),
}

impl Mode {
    /// An HTTP answer that is none of Engine.IO's, as gateways and captive portals give it.
    #[must_use]
    pub fn html(status: &str) -> Self {
        let body = "<!doctype html><title>not the server</title>";
        let length = body.len();
        let head = "content-type: text/html\r\nconnection: close";
        let answer =
            format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        Self::Answer(answer.into_bytes())
    }
}

/// What is done with the connections that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Live,
    /// Nothing passes any more, in either direction.
    Stalled,
}

/// A proxy in front of one server. Connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    mode: Mutex<Mode>,
    /// Counts the cuts: connections of an earlier number end.
    cut: watch::Sender<(u64, Fate)>,
    open: AtomicUsize,
    accepted: AtomicUsize,
}

impl Proxy {
    /// Listens on a free port of the loopback, in front of `upstream`.
    ///
    /// # Errors
    /// Those of binding.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            mode: Mutex::new(Mode::Forward),
            cut: watch::Sender::new((0, Fate::Live)),
            open: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        });
        let acceptor = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    state.accepted.fetch_add(1, Ordering::SeqCst);
                    let fate = state.cut.subscribe();
                    tokio::spawn(serve(stream, upstream, Arc::clone(&state), fate));
                }
            }
        });
        Ok(Self {
            address,
            state,
            acceptor,
        })
    }

    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what is done with connections to come.
    pub fn set(&self, mode: Mode) {
        *lock(&self.state.mode) = mode;
    }

    /// Ends all connections, by RST.
    pub fn cut(&self) {
        let next = |state: &mut (u64, Fate)| *state = (state.0 + 1, Fate::Live);
        self.state.cut.send_modify(next);
    }

    /// From now on nothing passes on the connections that are there, in either direction, until
    /// they are [cut](Proxy::cut).
    pub fn stall(&self) {
        self.state.cut.send_modify(|state| state.1 = Fate::Stalled);
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Connections that were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    state: Arc<State>,
    mut fate: watch::Receiver<(u64, Fate)>,
) {
    state.open.fetch_add(1, Ordering::SeqCst);
    let _open = Open(&state.open);
    let mode = lock(&state.mode).clone();
    let born = fate.borrow_and_update().0;
    let cut = async { drop(fate.wait_for(|(cut, _)| *cut != born).await) };
    let talk = async {
        match mode {
            Mode::Forward => forward(&mut client, upstream, &state).await.ok(),
            Mode::Close => None,
            Mode::Silence => swallow(&mut client).await.ok(),
            Mode::Answer(answer) => respond(&mut client, &answer).await.ok(),
        }
    };
    tokio::select! {
        () = cut => {
            // a linger of nothing is a RST, which is what a network that goes looks like at best
            client.set_zero_linger().ok();
        }
        _ = talk => {}
    }
}

async fn forward(client: &mut TcpStream, upstream: SocketAddr, state: &State) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let out = pass(&mut from_client, &mut to_server, state.cut.subscribe());
    let back = pass(&mut from_server, &mut to_client, state.cut.subscribe());
    tokio::try_join!(out, back)?;
    Ok(())
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut fate: watch::Receiver<(u64, Fate)>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        // whoever is stalled waits here for the cut that ends it
        if fate
            .wait_for(|(_, fate)| *fate == Fate::Live)
            .await
            .is_err()
            || count == 0
        {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..count).unwrap_or_default())
            .await?;
    }
}

async fn swallow(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn respond(client: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    client.write_all(answer).await?;
    client.shutdown().await?;
    // what is not read makes the system say RST, and the answer may be lost with it
    drop(tokio::time::timeout(Duration::from_secs(1), swallow(client)).await);
    Ok(())
}
