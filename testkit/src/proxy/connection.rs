//! A connection through the proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::mode::{Chooser, Mode, Opening};
use super::pump::{End, Pump};
use super::script::{Direction, Script};
use super::{Fate, State, Traffic};

/// More than a first line has.
const LINE: usize = 16 * 1024;
/// How long an end that was told to go may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn serve(
    mut client: TcpStream,
    number: usize,
    upstream: SocketAddr,
    state: Arc<State>,
    traffic: Arc<Traffic>,
    mut fate: watch::Receiver<(u64, Fate)>,
) {
    state.open.fetch_add(1, Ordering::SeqCst);
    let _open = Open(&state.open);
    let born = fate.borrow_and_update().0;
    let mut server = None;
    let cut = async { drop(fate.wait_for(|(cut, _)| *cut != born).await) };
    let talk = talk(&mut client, &mut server, number, upstream, &state, &traffic);
    let reset = tokio::select! {
        () = cut => true,
        ended = talk => matches!(ended, Ok(Some(End::Reset))),
    };
    if reset {
        // a linger of nothing is a RST, which is what a network that goes looks like at best
        for stream in [Some(&client), server.as_ref()].into_iter().flatten() {
            stream.set_zero_linger().ok();
        }
    }
}

async fn talk(
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
    number: usize,
    upstream: SocketAddr,
    state: &State,
    traffic: &Traffic,
) -> io::Result<Option<End>> {
    let mut first = Vec::new();
    let chosen = match &*state.chooser() {
        Chooser::Always(mode) => Some(mode.clone()),
        Chooser::ByOpening(_) => None,
    };
    let mode = match chosen {
        Some(mode) => mode,
        None => {
            let request_line = first_line(client, &mut first).await?;
            let opening = Opening {
                number,
                request_line,
            };
            match &mut *state.chooser() {
                Chooser::Always(mode) => mode.clone(),
                Chooser::ByOpening(choose) => choose(&opening),
            }
        }
    };
    let script = match mode {
        Mode::Forward => Script::new(),
        Mode::Harm(script) => script,
        Mode::Close => return Ok(None),
        Mode::Silence => return swallow(client).await.map(|()| None),
        Mode::Answer(answer) => return respond(client, &first, &answer).await.map(|()| None),
    };
    let server = server.insert(TcpStream::connect(upstream).await?);
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let end = forward(client, server, &script, first, state, traffic).await?;
    match end {
        Some(End::Finish) => {
            client.shutdown().await.ok();
            server.shutdown().await.ok();
            // a socket that is closed while something is unread says RST
            let gone = async { tokio::join!(swallow(client), swallow(server)) };
            drop(tokio::time::timeout(PATIENCE, gone).await);
        }
        // each end is left alone until it goes by itself
        Some(End::Silence) => drop(tokio::join!(swallow(client), swallow(server))),
        Some(End::Reset) | None => {}
    }
    Ok(end)
}

async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    script: &Script,
    first: Vec<u8>,
    state: &State,
    traffic: &Traffic,
) -> io::Result<Option<End>> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut up = Pump::new(Direction::Up, script, state, traffic);
    let mut down = Pump::new(Direction::Down, script, state, traffic);
    let up = up.run(first, &mut from_client, &mut to_server);
    let down = down.run(Vec::new(), &mut from_server, &mut to_client);
    tokio::pin!(up, down);
    // one way may end by itself, and the other go on
    let (ended, rest) = tokio::select! {
        ended = &mut up => (ended?, Rest::Down),
        ended = &mut down => (ended?, Rest::Up),
    };
    match (ended, rest) {
        (None, Rest::Up) => up.await,
        (None, Rest::Down) => down.await,
        (ended, _) => Ok(ended),
    }
}

enum Rest {
    Up,
    Down,
}

async fn first_line(client: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line = read.get(..end).unwrap_or_default();
            return Ok(String::from_utf8_lossy(line).trim_end().to_owned());
        }
        if client.read_buf(read).await? == 0 || read.len() > LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn swallow(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn respond(client: &mut TcpStream, first: &[u8], answer: &[u8]) -> io::Result<()> {
    let mut head = first.to_vec();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    client.write_all(answer).await?;
    client.shutdown().await?;
    // what is not read makes the system say RST, and the answer may be lost with it
    drop(tokio::time::timeout(Duration::from_secs(1), swallow(client)).await);
    Ok(())
}

impl State {
    fn chooser(&self) -> std::sync::MutexGuard<'_, Chooser> {
        self.chooser.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
