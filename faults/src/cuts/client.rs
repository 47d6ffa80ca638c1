//! The client of an exchange: ours, with listeners.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketio_client::{AckError, ConnectError, Manager, Reconnect, Socket, Transport};
use testkit::ledger::{How, Side, What};
use testkit::ms;
use tokio::sync::Notify;

use super::{MESSAGES, WINDOW};
use crate::Outcome;
use crate::book::{Book, Who};
use crate::message::Message;

/// What the client knows.
#[derive(Debug)]
pub(super) struct Client {
    id: u32,
    book: Arc<Book>,
    state: Mutex<State>,
    pub(super) ended: Notify,
    disconnected: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Connections that were asked for.
    asked: u32,
    /// The one that is up, or was.
    current: u32,
    is_up: bool,
    sent: u64,
    waits: u64,
}

impl Client {
    pub(super) fn new(id: u32, book: &Arc<Book>) -> Arc<Self> {
        Arc::new(Self {
            id,
            book: Arc::clone(book),
            state: Mutex::default(),
            ended: Notify::new(),
            disconnected: Notify::new(),
        })
    }

    /// A socket that runs the exchange once it is connected, and goes on with it when it is connected again.
    pub(super) fn socket(self: &Arc<Self>, url: &str, transport: Transport) -> Outcome<Socket> {
        let reconnect = Reconnect::default().delay(ms(60)).delay_max(ms(60));
        let manager = Manager::builder(url)?
            .transports([transport])
            .timeout(Duration::from_secs(10))
            .reconnect(reconnect.randomization(0.0));
        let socket = manager.build()?.socket("/")?;
        let [asked, up, heard, down] = [(); 4].map(|()| Arc::clone(self));
        socket.auth_with(move || {
            let mut state = asked.state();
            state.asked += 1;
            let who = Who {
                client: asked.id,
                connection: state.asked,
            };
            std::future::ready(Ok::<_, ConnectError>(who))
        });
        socket.on_connect(async move |socket: Socket, recovered| {
            let who = {
                let mut state = up.state();
                (state.current, state.is_up) = (state.asked, true);
                up.who(*state)
            };
            up.book
                .write(who, Side::Client, What::Connected { recovered });
            (0..WINDOW).for_each(|_| up.send(&socket));
            // what a connection before it had sent may have been the last
            up.end(&socket);
        });
        socket.on("n", async move |socket: Socket, message: Message| {
            let who = heard.who(*heard.state());
            heard.book.write(who, Side::Client, message.received());
            heard.send(&socket);
        });
        socket.on_disconnect(async move |_: Socket, reason| {
            let who = {
                let mut state = down.state();
                state.is_up = false;
                down.who(*state)
            };
            let reason = reason.to_string().into();
            down.book
                .write(who, Side::Client, What::Disconnected { reason });
            down.disconnected.notify_one();
        });
        Ok(socket)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn who(&self, state: State) -> Who {
        Who {
            client: self.id,
            connection: state.current,
        }
    }

    /// Until it was told that what was up is down.
    pub(super) async fn is_down(&self) {
        while self.state().is_up {
            self.disconnected.notified().await;
        }
    }

    /// The connection that is up.
    pub(super) fn current(&self) -> Who {
        self.who(*self.state())
    }

    fn send(self: &Arc<Self>, socket: &Socket) {
        let (who, n) = {
            let mut state = self.state();
            let n = state.sent;
            state.sent += u64::from(n < MESSAGES);
            (self.who(*state), n)
        };
        if n >= MESSAGES {
            return;
        }
        let message = Message::new(n, 0);
        self.book.write(who, Side::Client, message.sent());
        if socket.emit("n", &message).is_err() {
            self.book.write(who, Side::Client, message.refused());
        }
        if n + 1 == MESSAGES {
            self.end(socket);
        }
    }

    /// Asks for the end once all was sent.
    fn end(self: &Arc<Self>, socket: &Socket) {
        let (who, id) = {
            let mut state = self.state();
            if state.sent < MESSAGES {
                return;
            }
            state.waits += 1;
            (self.who(*state), state.waits)
        };
        self.book.write(who, Side::Client, What::AckWaited { id });
        let answer = socket.emit_with_ack::<bool>("end", &());
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let how = match answer.await {
                Ok(_) => How::Answered,
                Err(AckError::Timeout) => How::TimedOut,
                Err(AckError::Disconnected) => How::Disconnected,
                Err(_) => How::Failed,
            };
            this.book
                .write(who, Side::Client, What::AckEnded { id, how });
            if how == How::Answered {
                this.ended.notify_one();
            }
        });
    }
}
