//! [`Client`]: ours, with listeners.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketio_client::{
    AckError, ConnectError, Manager, ManagerEvent, Options, Reconnect, Socket, Transport,
};
use testkit::ledger::{self, Side, What};
use testkit::{Random, ms};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{PAUSE, Wish};
use crate::Outcome;
use crate::book::{Book, Who, uptime};
use crate::message::Message;

/// How a client behaves.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) transports: Vec<Transport>,
    pub(crate) reconnect: Reconnect,
    pub(crate) upgrade_timeout: Option<Duration>,
    /// How many messages it sends.
    pub(crate) messages: u64,
    /// Whether every message is sent until it is answered, each time waiting as long.
    pub(crate) retries: Option<Duration>,
    /// Bytes that may wait to be sent.
    pub(crate) max_buffered: Option<usize>,
}

impl How {
    /// Both transports, back in no time, each message once.
    pub(crate) fn sending(messages: u64) -> Self {
        let reconnect = Reconnect::default().delay(ms(60)).delay_max(ms(60));
        Self {
            transports: vec![Transport::Polling, Transport::WebSocket],
            reconnect: reconnect.randomization(0.0),
            upgrade_timeout: None,
            messages,
            retries: None,
            max_buffered: None,
        }
    }
}

/// What a client knows.
#[derive(Debug)]
pub(crate) struct Client {
    book: Arc<Book>,
    wish: Wish,
    how: How,
    state: Mutex<State>,
    changed: Notify,
    pub(crate) ended: Notify,
}

#[derive(Clone, Debug, Default)]
struct State {
    asked: u32,
    current: u32,
    is_up: bool,
    /// When the last attempt to come back began.
    tried: Duration,
    sent: u64,
    /// On the connection that is up.
    received: u64,
    waits: u64,
    is_asking: bool,
    ids: HashSet<String>,
    repeated: usize,
}

impl Client {
    /// The connection of the wish is of no interest: each connect tells its own.
    pub(crate) fn new(book: &Arc<Book>, wish: Wish, how: How) -> Arc<Self> {
        Arc::new(Self {
            book: Arc::clone(book),
            wish,
            how,
            state: Mutex::default(),
            changed: Notify::new(),
            ended: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn who(&self, connection: u32) -> Who {
        Who {
            connection,
            ..self.wish.who
        }
    }

    /// Connections that were asked for.
    pub(crate) fn connections(&self) -> u32 {
        self.state().asked
    }

    /// Messages of the connection that is up.
    pub(crate) fn received(&self) -> u64 {
        self.state().received
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().is_up
    }

    /// When its last attempt to come back began, by the machine's uptime.
    pub(crate) fn tried(&self) -> Duration {
        self.state().tried
    }

    /// Ids that came a second time.
    pub(crate) fn repeated_ids(&self) -> usize {
        self.state().repeated
    }

    /// Until something has changed; for one at a time.
    pub(crate) async fn changes(&self) {
        self.changed.notified().await;
    }

    pub(crate) async fn is_down(&self) {
        while self.is_up() {
            self.changes().await;
        }
    }

    pub(crate) fn socket(self: &Arc<Self>, url: &str) -> Outcome<Socket> {
        let How {
            transports,
            reconnect,
            upgrade_timeout,
            max_buffered,
            ..
        } = self.how.clone();
        let mut manager = Manager::builder(url)?
            .transports(transports)
            .timeout(Duration::from_secs(20))
            .engine(|options: Options| {
                let mut config = options.config().clone();
                config.upgrade_timeout = upgrade_timeout.unwrap_or(config.upgrade_timeout);
                options.session(config)
            })
            .reconnect(reconnect);
        if let Some(bytes) = max_buffered {
            manager = manager.max_buffered(bytes);
        }
        let manager = manager.build()?;
        let trying = Arc::clone(self);
        manager.on_event(move |event| {
            if matches!(event, ManagerEvent::ReconnectAttempt(_)) {
                trying.state().tried = uptime();
            }
        });
        let socket = manager.socket("/")?;
        if let Some(timeout) = self.how.retries {
            socket.retries(u32::MAX);
            socket.ack_timeout(timeout);
        }
        let [asked, up, heard, down] = [(); 4].map(|()| Arc::clone(self));
        socket.auth_with(move || {
            let mut state = asked.state();
            state.asked += 1;
            let who = asked.who(state.asked);
            std::future::ready(Ok::<_, ConnectError>(Wish { who, ..asked.wish }))
        });
        socket.on_connect(async move |socket: Socket, recovered| {
            let who = {
                let mut state = up.state();
                (state.current, state.is_up) = (state.asked, true);
                (state.received, state.is_asking) = (0, false);
                let id = socket.id().map(|id| id.to_string()).unwrap_or_default();
                state.repeated += usize::from(!state.ids.insert(id));
                up.who(state.current)
            };
            up.book
                .write(who, Side::Client, What::Connected { recovered });
            up.changed.notify_one();
            up.end(&socket);
        });
        socket.on("n", async move |socket: Socket, message: Message| {
            let who = {
                let mut state = heard.state();
                state.received += 1;
                heard.who(state.current)
            };
            heard.book.write(who, Side::Client, message.received());
            heard.changed.notify_one();
            heard.end(&socket);
        });
        socket.on_disconnect(async move |_: Socket, reason| {
            let who = {
                let mut state = down.state();
                state.is_up = false;
                down.who(state.current)
            };
            let reason = reason.to_string().into();
            down.book
                .write(who, Side::Client, What::Disconnected { reason });
            down.changed.notify_one();
        });
        Ok(socket)
    }

    /// Sends everything, with pauses of so many microseconds at most.
    pub(crate) async fn talk(self: &Arc<Self>, socket: &Socket, pause: u64) {
        let mut random = Random::new(self.wish.seed + 2);
        while self.state().current == 0 {
            self.changes().await;
        }
        for n in 0..self.how.messages {
            let who = {
                let mut state = self.state();
                state.sent += 1;
                // what waits for a connection belongs to that one
                self.who(state.current + u32::from(!state.is_up))
            };
            let message = self.wish.message(n);
            self.book.write(who, Side::Client, message.sent());
            if self.how.retries.is_some() {
                self.ask(socket, "ask", &message, who, n).await;
            } else if socket.emit("n", &message).is_err() {
                self.book.write(who, Side::Client, message.refused());
            }
            if pause > 0 {
                sleep(Duration::from_micros(random.below(pause))).await;
            }
        }
        self.end(socket);
    }

    /// The same with the pauses that the server makes.
    pub(crate) async fn talk_as_fast(self: &Arc<Self>, socket: &Socket) {
        self.talk(socket, PAUSE).await;
    }

    async fn ask(
        &self,
        socket: &Socket,
        event: &str,
        message: &Message,
        who: Who,
        id: u64,
    ) -> ledger::How {
        self.book.write(who, Side::Client, What::AckWaited { id });
        let how = match socket.emit_with_ack::<bool>(event, message).await {
            Ok(_) => ledger::How::Answered,
            Err(AckError::Timeout) => ledger::How::TimedOut,
            Err(AckError::Disconnected) => ledger::How::Disconnected,
            Err(_) => ledger::How::Failed,
        };
        self.book
            .write(who, Side::Client, What::AckEnded { id, how });
        how
    }

    /// Asks for the end once all was sent, and received.
    fn end(self: &Arc<Self>, socket: &Socket) {
        let (who, id) = {
            let mut state = self.state();
            let all = state.sent == self.how.messages && state.received == self.wish.messages;
            if !all || state.is_asking {
                return;
            }
            state.is_asking = true;
            state.waits += 1;
            (self.who(state.current), (1 << 32) + state.waits)
        };
        let (this, socket) = (Arc::clone(self), socket.clone());
        tokio::spawn(async move {
            let message = Message::text(0);
            let how = this.ask(&socket, "end", &message, who, id).await;
            if how == ledger::How::Answered {
                this.ended.notify_one();
            }
        });
    }
}
