//! F27: a client that goes on emitting while there is no server.

use std::sync::Arc;
use std::time::Duration;

use socketio_client::{Reconnect, SendError};
use socketio_server::Server;
use testkit::ledger::Promise;
use testkit::{Mode, Proxy, ms};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::book::{Book, Who, judge};
use crate::present::Present;
use crate::talk::{self, Client, How, Wish};
use crate::{Failure, Outcome, Plan};

/// Emitted while nobody is there.
const EMITS: u64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// All of it waits, within the limit that was set, and arrives in order; beyond the limit it is refused.
pub(crate) async fn run(plan: &Plan) -> Outcome<String> {
    let (book, present) = (Arc::new(Book::new()), Arc::<Present>::default());
    let server = talk::server(Server::builder(), &book, &present)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        server.serve(listener, std::future::pending()).await.ok();
    });
    let proxy = Proxy::start(address).await?;
    let who = Who {
        client: 0,
        connection: 0,
    };
    let wish = Wish {
        who,
        messages: 1,
        seed: plan.seed,
        binary: false,
    };
    let reconnect = Reconnect::default().delay(ms(50)).delay_max(ms(50));
    let how = How {
        reconnect,
        max_buffered: Some(64 << 20),
        ..How::sending(EMITS)
    };
    let client = Client::new(&book, wish, how);
    let socket = client.socket(&proxy.url())?;
    drop(socket.connect());
    let up = async {
        while client.received() == 0 {
            client.changes().await;
        }
    };
    within("the connection", up).await?;
    // there is nobody any more
    proxy.set(Mode::Close);
    proxy.cut();
    within("the loss", client.is_down()).await?;
    let begun = std::time::Instant::now();
    client.talk(&socket, 0).await;
    let emitted = begun.elapsed();
    let kept = socket.buffered();
    proxy.set(Mode::Forward);
    within("all of it", client.ended.notified()).await?;
    socket.disconnect();
    within("the disconnect", client.is_down()).await?;
    within("the server's disconnect", present.gone(0)).await?;
    let lines = book.take();
    judge(&lines, &[Promise::P2, Promise::P8], |_| String::new())?;
    task.abort();
    refused(&proxy).await?;
    Ok(format!(
        "{EMITS} emits without a server took {emitted:.1?} and {kept} bytes, and arrived in order; beyond its limit \
         another client was refused"
    ))
}

/// What is beyond the limit is refused, visibly.
async fn refused(proxy: &Proxy) -> Outcome {
    proxy.set(Mode::Close);
    let manager = socketio_client::Manager::builder(&proxy.url())?.max_buffered(1000);
    let socket = manager.build()?.socket("/")?;
    drop(socket.connect());
    let full = (0..1000).find_map(|n| socket.emit("n", &n).err());
    match full {
        Some(SendError::Full) => Ok(()),
        other => Err(Failure::new(format!("{other:?} beyond the limit"))),
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let done = timeout(PATIENCE, future).await;
    done.map_err(|_| Failure::new(format!("it took too long: {what}")))
}
