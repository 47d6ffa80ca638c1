//! What the applications of this folder have in common: orders, and clients who hear of a customer's orders once they
//! are committed. Everything else, and all that has to do with HTTP, is in the applications.
//!
//! | event of a client | answer |
//! | --- | --- |
//! | `watch` (customer) | `true`; from now on it gets `order` with each of this customer's orders |
//! | `echo` (anything) | the same |
//! | `peer` | the address that its connection came from, or `null` |
//!
//! A client that leaves is reported to the others: `left` (its id, the reason).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use socketio_server::{Ack, Args, DisconnectReason, Namespace, RawArgs, Server, Socket};
use tokio::net::TcpListener;

/// What somebody wants.
#[derive(Clone, Debug, Deserialize)]
pub struct NewOrder {
    /// Who.
    pub customer: String,
    /// What.
    pub item: String,
}

/// What somebody gets.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// Its number.
    pub id: usize,
    /// Who.
    pub customer: String,
    /// What.
    pub item: String,
}

/// There is no such item.
#[derive(Clone, Copy, Debug)]
pub struct Unknown;

/// The state of an application. Clones share it.
#[derive(Clone)]
pub struct Shop {
    /// The handle that events are sent with.
    pub server: Server,
    orders: Arc<Mutex<Vec<Order>>>,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").finish_non_exhaustive()
    }
}

/// The room of those who watch a customer.
#[must_use]
pub fn room(customer: &str) -> String {
    format!("customer:{customer}")
}

impl Shop {
    /// A shop with its Socket.IO server, which is not attached to anything yet. It serves the official client from the
    /// folder that `CLIENT` names, if there is one.
    ///
    /// # Errors
    /// The folder has no client in it.
    pub fn new() -> std::io::Result<Self> {
        let mut server = Server::builder();
        if let Some(client) = std::env::var_os("CLIENT") {
            server = server.serve_client(client)?;
        }
        let server = server.build();
        let namespace = Namespace::new("/")
            .on("watch", async |socket: Socket, customer: String| {
                socket.join(room(&customer));
                Ack(true)
            })
            .on("echo", async |_: Socket, args: RawArgs| Ack(args))
            .on("peer", async |socket: Socket, _: RawArgs| {
                Ack(socket.handshake().request().peer_addr())
            })
            .on_disconnect(async |socket: Socket, reason: DisconnectReason| {
                let left = Args((socket.id(), reason.as_str()));
                // nobody else may be there
                socket.broadcast().emit("left", &left).ok();
            });
        server.mount(namespace).map_err(std::io::Error::other)?;
        Ok(Self {
            server,
            orders: Arc::default(),
        })
    }

    /// Writes an order down for good.
    ///
    /// # Errors
    /// Its item does not exist.
    pub fn commit(&self, new: NewOrder) -> Result<Order, Unknown> {
        if new.item.is_empty() {
            return Err(Unknown);
        }
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order = Order {
            id: orders.len() + 1,
            customer: new.customer,
            item: new.item,
        };
        orders.push(order.clone());
        Ok(order)
    }
}

/// Listens on `PORT` (0 picks a free one, 3000 is the default) of this machine, and says so.
///
/// # Errors
/// The port is no number, or not free.
pub async fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port()?)).await?;
    println!("READY {}", listener.local_addr()?);
    Ok(listener)
}

/// The port that `PORT` asks for.
///
/// # Errors
/// It is no number.
pub fn port() -> std::io::Result<u16> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    port.parse().map_err(std::io::Error::other)
}

/// Ready when this process is asked to end.
pub async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    tokio::signal::ctrl_c().await.ok();
}
