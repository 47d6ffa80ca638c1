//! The pipe below a test's client: HTTP upgrade, WebSocket, Engine.IO pings.

use std::io;

use engineio::{Batch, Data, Packet, Text};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::server::Server;

/// Bytes that the pipe takes before the writer waits.
const PIPE_BYTES: usize = 64 * 1024;

/// What the connection's task hears.
pub(super) enum Order {
    Send(Batch),
    Close,
}

/// The client's end of an Engine.IO session.
pub(super) struct Wire {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) messages: mpsc::UnboundedReceiver<Data>,
    task: Option<JoinHandle<()>>,
}

/// Dropped, the connection breaks.
impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Wire {
    /// Lets go: what was ordered is still done.
    pub(super) fn finish(mut self) {
        self.task = None;
    }

    pub(super) async fn open(
        server: &Server,
        query: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> io::Result<Self> {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let service = server.service();
        let serving = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(far), service.clone())
            .with_upgrades();
        tokio::spawn(serving);
        let path = service.path();
        let url = format!("ws://localhost{path}?EIO=4&transport=websocket{query}");
        let mut request = url.into_client_request().map_err(io::Error::other)?;
        for (name, value) in headers {
            request.headers_mut().append(name, value.clone());
        }
        let connecting = tokio_tungstenite::client_async(request, near);
        let (socket, _) = connecting.await.map_err(io::Error::other)?;
        let (orders, ordered) = mpsc::unbounded_channel();
        let (told, messages) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(socket, ordered, told));
        Ok(Self {
            orders,
            messages,
            task: Some(task),
        })
    }
}

/// Carries messages both ways and answers pings, until either side ends it.
async fn run(
    mut socket: WebSocketStream<DuplexStream>,
    mut ordered: mpsc::UnboundedReceiver<Order>,
    told: mpsc::UnboundedSender<Data>,
) {
    loop {
        let sent = tokio::select! {
            order = ordered.recv() => match order {
                Some(Order::Send(batch)) => send(&mut socket, &batch).await,
                Some(Order::Close) => {
                    socket.send(Message::text("1")).await.ok();
                    socket.close(None).await.ok();
                    return;
                }
                None => return,
            },
            message = socket.next() => match message {
                // the handshake: nothing here depends on what it says
                Some(Ok(Message::Text(text))) if text.starts_with('0') => Ok(()),
                Some(Ok(Message::Text(text))) => {
                    match Packet::decode(&Text::from(text.as_str())) {
                        Ok(Packet::Message(data)) => told.send(data).map_err(|_| ()),
                        Ok(Packet::Ping { .. }) => pong(&mut socket).await,
                        Ok(_) => Ok(()),
                        Err(_) => return,
                    }
                }
                Some(Ok(Message::Binary(bytes))) => told.send(Data::Binary(bytes)).map_err(|_| ()),
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn pong(socket: &mut WebSocketStream<DuplexStream>) -> Result<(), ()> {
    socket.send(Message::text("3")).await.map_err(drop)
}

async fn send(socket: &mut WebSocketStream<DuplexStream>, batch: &Batch) -> Result<(), ()> {
    for frame in batch.iter() {
        let message = if frame.is_binary() {
            Message::binary(frame.payload().to_vec())
        } else {
            let text = std::str::from_utf8(frame.payload()).map_err(drop)?;
            Message::text(text)
        };
        socket.send(message).await.map_err(drop)?;
    }
    Ok(())
}
