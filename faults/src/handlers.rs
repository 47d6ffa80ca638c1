//! F23, F24 and F26: handlers that panic, never return, or block their thread, each kind of them.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use socketio_client::{AckError, Manager, Reconnect, Socket as Client, Transport};
use socketio_server::{
    Ack, ConnectError, DisconnectReason, Gauges, Handshake, Incoming, Namespace, Refused, Server,
    Socket,
};
use testkit::ledger::{How, Promise, Side, What};
use testkit::{ON_PURPOSE, ms};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::book::{Book, Who, judge};
use crate::{Failure, Outcome, Plan};

/// Interval and timeout: what keeps a connection, and what finds out who blocks.
const HEARTBEAT: Duration = ms(300);
/// How long a handler that runs on holds up the end of its socket.
const DISCONNECT_TIMEOUT: Duration = ms(200);
/// How long an answer that never comes is waited for.
const ACK_TIMEOUT: Duration = ms(600);
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a stopping server may take.
const EXIT: Duration = Duration::from_secs(6);
/// How long a handler blocks its thread.
const BLOCKS: Duration = Duration::from_secs(2);

/// What a handler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Panics,
    NeverReturns,
}

/// Which handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A step before the connect.
    Judge,
    /// The step that gives a socket its data.
    Auth,
    Connect,
    /// What an event passes before its handler.
    Middleware,
    Event,
    /// What follows an answer of the client's.
    AfterAck,
    Disconnect,
}

const KINDS: [Kind; 7] = [
    Kind::Judge,
    Kind::Auth,
    Kind::Connect,
    Kind::Middleware,
    Kind::Event,
    Kind::AfterAck,
    Kind::Disconnect,
];

/// Every kind, each time with clients beside it that must notice nothing.
pub(crate) async fn run(_: &Plan) -> Outcome<String> {
    let mut running = JoinSet::new();
    for deed in [Deed::Panics, Deed::NeverReturns] {
        for kind in KINDS {
            running.spawn(async move {
                let outcome = misbehaves(kind, deed).await;
                outcome.map_err(|failure| Failure::new(format!("{kind:?} {deed:?}: {failure}")))
            });
        }
    }
    while let Some(outcome) = running.join_next().await {
        outcome??;
    }
    let slowest = blocks().await?;
    Ok(format!(
        "{} kinds of handlers panic and never return, nobody else noticed; beside one that blocks its thread for \
         {BLOCKS:?}, others waited {slowest:.1?} at most",
        KINDS.len()
    ))
}

/// Does it, if this is the place.
async fn act(here: Kind, (kind, deed): (Kind, Deed)) {
    if here != kind {
        return;
    }
    match deed {
        Deed::Panics => panic!("{ON_PURPOSE}: {kind:?}"),
        Deed::NeverReturns => pending().await,
    }
}

/// The namespace whose handler it is. Lines are written before it happens.
fn bad(book: &Arc<Book>, what: (Kind, Deed)) -> Namespace<Who> {
    let [up, down] = [(); 2].map(|()| Arc::clone(book));
    let auth = move |handshake: Handshake| async move {
        act(Kind::Auth, what).await;
        handshake.auth::<Who>()
    };
    Namespace::with_auth("/bad", auth)
        .before_connect(move |_: Handshake| async move {
            act(Kind::Judge, what).await;
            Ok::<(), ConnectError>(())
        })
        .on_connect(async move |socket: Socket<Who>| {
            let recovered = false;
            up.write(*socket.data(), Side::Server, What::Connected { recovered });
            act(Kind::Connect, what).await;
        })
        .before_event(
            async move |_: Socket<Who>, _: Incoming| -> Result<(), Refused> {
                act(Kind::Middleware, what).await;
                Ok(())
            },
        )
        .on("event", async move |_: Socket<Who>, (): ()| {
            act(Kind::Event, what).await;
            Ack(true)
        })
        .on("ask", async move |socket: Socket<Who>, (): ()| {
            let answer = socket.emit_with_ack::<bool>("question", &()).await;
            act(Kind::AfterAck, what).await;
            Ack(answer.is_ok())
        })
        .on_disconnect(async move |socket: Socket<Who>, reason: DisconnectReason| {
            let reason = reason.to_string().into();
            down.write(*socket.data(), Side::Server, What::Disconnected { reason });
            act(Kind::Disconnect, what).await;
        })
}

struct Stage {
    server: Server,
    url: String,
    book: Arc<Book>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Stage {
    async fn start(what: (Kind, Deed)) -> Outcome<Self> {
        let server = Server::builder()
            .ping_interval(HEARTBEAT)
            .ping_timeout(HEARTBEAT * 10)
            .connect_timeout(PATIENCE)
            .disconnect_timeout(DISCONNECT_TIMEOUT)
            .build();
        let book = Arc::new(Book::new());
        server.mount(bad(&book, what))?;
        let echo = async |_: Socket, n: u32| Ack(n);
        let block = async |_: Socket, (): ()| std::thread::sleep(BLOCKS);
        server.mount(Namespace::new("/").on("echo", echo).on("block", block))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let serving = server.clone();
        let task = tokio::spawn(async move {
            let stopped = async { stopped.await.unwrap_or_default() };
            serving.serve(listener, stopped).await
        });
        Ok(Self {
            server,
            url,
            book,
            stop,
            task,
        })
    }

    fn manager(&self, transport: Transport) -> Outcome<Manager> {
        let builder = Manager::builder(&self.url)?.transports([transport]);
        Ok(builder.reconnect(Reconnect::never()).build()?)
    }

    async fn honest(&self, transport: Transport) -> Outcome<Client> {
        let socket = self.manager(transport)?.socket("/")?;
        soon("an honest client connects", socket.connect()).await??;
        Ok(socket)
    }
}

async fn echoes(socket: &Client, n: u32) -> Outcome {
    let answer = socket.emit_with_ack::<u32>("echo", &n);
    let same = soon("an echo", answer).await?? == n;
    same.then_some(())
        .ok_or_else(|| Failure::new("another echo"))
}

async fn misbehaves(kind: Kind, deed: Deed) -> Outcome {
    let stage = Stage::start((kind, deed)).await?;
    let honest = stage.honest(Transport::WebSocket).await?;
    let connections = Arc::new(AtomicU32::new(0));
    for (client, transport) in [(0, Transport::WebSocket), (1, Transport::Polling)] {
        let who = Who {
            client,
            connection: 1,
        };
        let manager = stage.manager(transport)?;
        // a namespace of the same connection that does no harm
        let neighbour = manager.socket("/")?;
        soon("the neighbour connects", neighbour.connect()).await??;
        let socket = manager.socket("/bad")?;
        socket.auth(&who)?;
        socket.on("question", async |_: Client, (): ()| Ack(true));
        let connecting = socket.connect();
        let joins = !matches!(kind, Kind::Auth | Kind::Judge);
        match (joins, deed) {
            (true, _) => soon("the client connects", connecting).await??,
            (false, Deed::Panics) => {
                let refused = soon("a refusal", connecting).await?;
                if refused.is_ok() {
                    return Err(Failure::new("a panic let it in"));
                }
            }
            (false, Deed::NeverReturns) => drop(connecting),
        }
        if joins {
            connections.fetch_add(1, Ordering::SeqCst);
            asks(&stage.book, &socket, who, kind).await?;
        }
        // three heartbeats pass, and the connection is there
        echoes(&neighbour, 1).await?;
        echoes(&honest, 2).await?;
        sleep(HEARTBEAT * 3).await;
        echoes(&neighbour, 3).await?;
        echoes(&stage.honest(transport).await?, 4).await?;
        drop((socket, neighbour));
        manager.close();
        soon("the client's end", manager.closed()).await?;
    }
    // one more for the end of the server
    let manager = stage.manager(Transport::WebSocket)?;
    let socket = manager.socket("/bad")?;
    let who = Who {
        client: 2,
        connection: 1,
    };
    socket.auth(&who)?;
    let connecting = timeout(HEARTBEAT * 2, socket.connect()).await;
    if matches!(connecting, Ok(Ok(()))) {
        drop(socket.emit_with_ack::<bool>("event", &()));
        drop(socket.emit_with_ack::<bool>("ask", &()));
    }
    echoes(&honest, 5).await?;
    drop(stage.stop);
    let stopped = timeout(EXIT, stage.task).await;
    stopped.map_err(|_| Failure::new(format!("the server has not ended after {EXIT:?}")))???;
    let idle = async {
        // what never returns stays, and holds nothing of the socket's but itself
        let tasks = |gauges: Gauges| match deed {
            Deed::Panics => gauges.tasks,
            Deed::NeverReturns => 0,
        };
        let left = |gauges: Gauges| gauges.sessions + gauges.sockets + tasks(gauges);
        while left(stage.server.gauges()) > 0 {
            sleep(ms(5)).await;
        }
    };
    soon("an empty server", idle)
        .await
        .map_err(|failure| Failure::new(format!("{failure}: {:?}", stage.server.gauges())))?;
    let lines = stage.book.take();
    judge(&lines, &[Promise::P7, Promise::P8], |client| {
        format!("{client}")
    })?;
    let connected = |line: &&testkit::ledger::Record| matches!(line.what, What::Connected { .. });
    let known = lines.iter().filter(connected).count();
    let expected = usize::try_from(connections.load(Ordering::SeqCst))?;
    if known < expected {
        return Err(Failure::new(format!("{known} of {expected} were told of")));
    }
    Ok(())
}

/// Asks for both answers; the waits end, by the answer or by their time.
async fn asks(book: &Book, socket: &Client, who: Who, kind: Kind) -> Outcome {
    for (id, event) in [(0, "event"), (1, "ask")] {
        book.write(who, Side::Client, What::AckWaited { id });
        let answer = socket.timeout(ACK_TIMEOUT);
        let answer = soon("an answer", answer.emit_with_ack::<bool>(event, &())).await?;
        let how = match &answer {
            Ok(_) => How::Answered,
            Err(AckError::Timeout) => How::TimedOut,
            Err(_) => How::Failed,
        };
        book.write(who, Side::Client, What::AckEnded { id, how });
        let is_fine = kind == Kind::Disconnect;
        if is_fine && answer != Ok(true) {
            return Err(Failure::new(format!("{event} was answered {answer:?}")));
        }
    }
    Ok(())
}

/// One of two threads is blocked: the sockets that the other can serve go on.
async fn blocks() -> Outcome<Duration> {
    // the server has two threads of its own; the clients, and whoever looks at the time, have others
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let slowest = blocked(&runtime).await;
    runtime.shutdown_background();
    slowest
}

async fn blocked(runtime: &tokio::runtime::Runtime) -> Outcome<Duration> {
    let stage = runtime
        .spawn(Stage::start((Kind::Event, Deed::Panics)))
        .await??;
    let mut others = Vec::new();
    for n in 0..20 {
        let transport = match n % 2 {
            0 => Transport::Polling,
            _ => Transport::WebSocket,
        };
        others.push(stage.honest(transport).await?);
    }
    let blocker = stage.honest(Transport::WebSocket).await?;
    blocker.emit("block", &())?;
    let begun = std::time::Instant::now();
    let (mut slowest, mut n) = (Duration::ZERO, 0);
    while begun.elapsed() < BLOCKS {
        for other in &others {
            let asked = std::time::Instant::now();
            echoes(other, n).await?;
            slowest = slowest.max(asked.elapsed());
            n += 1;
        }
        sleep(ms(10)).await;
    }
    // and the one that blocked is there again
    echoes(&blocker, n).await?;
    drop(others);
    drop(stage.stop);
    soon("the end of the server", stage.task).await???;
    Ok(slowest)
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let done = timeout(PATIENCE, future).await;
    done.map_err(|_| Failure::new(format!("it took too long: {what}")))
}
