//! The same interruptions with our own client, through the proxy.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketio_client::{AckError, ConnectError, Manager, Reconnect, Socket};
use testkit::ledger::{How, Side, What};
use testkit::{Direction, Harm, Mode, Place, Proxy, Random, Script, ms};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::case::{Case, Fault, Step};
use super::climb::{garbage, intrude};
use super::server::{PAUSE, Wish};
use super::{Ended, Pace, Stage, UPGRADE_TIMEOUT};
use crate::Outcome;
use crate::book::{Book, Who};
use crate::message::Message;

/// A masked `2probe`, and a masked `5`, on a WebSocket.
const PROBE: u64 = 12;
const FIVE: u64 = 7;
/// A `3probe`.
const PONG: u64 = 8;

/// Where the case's step is, as the proxy sees it.
fn place(step: Step) -> (Direction, Place) {
    let (up, down) = (Direction::Up, Direction::Down);
    match step {
        Step::HalfRequest => (up, Place::byte(60)),
        Step::Request => (down, Place::byte(0).on_arrival()),
        Step::Agreed => (down, Place::behind_head(0)),
        Step::Probe => (up, Place::behind_head(PROBE)),
        Step::Pong => (down, Place::behind_head(0).on_arrival()),
        Step::Ponged => (down, Place::behind_head(PONG)),
        Step::Paused => (up, Place::behind_head(PROBE).on_arrival()),
        Step::HalfFive => (up, Place::behind_head(PROBE + 3)),
        Step::Five => (up, Place::behind_head(PROBE + FIVE)),
    }
}

/// Whether the client cannot have given its word (`5`) when it happens, so that long-polling goes on. It gives it as soon
/// as it has `3probe` and no request is out.
pub(super) fn is_harmless(case: &Case) -> bool {
    match case.step {
        Step::HalfRequest | Step::Request | Step::Agreed | Step::Pong => true,
        // the server answers what it read before the garbage
        Step::Probe => case.fault != Fault::Garbage,
        Step::Ponged | Step::Paused | Step::HalfFive | Step::Five => case.fault == Fault::Second,
    }
}

pub(super) async fn interrupted(number: u32, case: &Case, stage: &Stage) -> Outcome<Ended> {
    let pace = Pace::of(case, is_harmless(case));
    let address = stage.address(pace)?;
    let proxy = Proxy::start(address).await?;
    let mut random = Random::new(case.seed ^ 0x5eed);
    let (direction, place) = place(case.step);
    let harm = match case.fault {
        Fault::Reset => Some(Harm::Reset),
        Fault::Finish => Some(Harm::Finish),
        Fault::Silence => Some(Harm::Silence),
        Fault::Garbage => Some(Harm::Inject(garbage(&mut random).to_vec())),
        Fault::Second => None,
    };
    let delay = Duration::from_micros(random.below(8000));
    let mut met = false;
    proxy.choose(move |opening| {
        if met || !opening.is_websocket() {
            return Mode::Forward;
        }
        met = true;
        match &harm {
            Some(harm) => Mode::Harm(Script::new().at(direction, place, harm.clone())),
            None => {
                let line = opening.request_line.clone();
                tokio::spawn(second(address, line, delay));
                Mode::Forward
            }
        }
    });
    let (ours, theirs) = case.messages();
    let client = Arc::new(Client {
        book: Arc::clone(&stage.book),
        wish: Wish {
            who: Who {
                client: number,
                connection: 0,
            },
            messages: theirs,
            seed: case.seed,
            binary: true,
        },
        ours,
        state: Mutex::default(),
        changed: Notify::new(),
        ended: Notify::new(),
    });
    let socket = client.socket(&proxy.url(), pace)?;
    let connecting = socket.connect();
    client.talk(&socket, &mut random).await;
    client.ended.notified().await;
    drop(connecting);
    let connections = client.state().asked;
    socket.disconnect();
    while client.state().is_up {
        client.changed.notified().await;
    }
    stage.present.gone(number).await;
    Ok(match connections {
        1 if case.fault == Fault::Second => Ended::Up,
        1 if proxy.harms().is_empty() => Ended::Missed,
        1 => Ended::Failed,
        _ => Ended::Over,
    })
}

async fn second(address: std::net::SocketAddr, request_line: String, delay: Duration) {
    sleep(delay).await;
    let sid = request_line
        .split(['?', '&', ' '])
        .find_map(|part| part.strip_prefix("sid="));
    if let Some(sid) = sid
        && let Ok(mut socket) = intrude(address, sid).await
    {
        socket.ended().await;
    }
}

/// What our client knows.
struct Client {
    book: Arc<Book>,
    wish: Wish,
    ours: u64,
    state: Mutex<State>,
    changed: Notify,
    ended: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    asked: u32,
    current: u32,
    is_up: bool,
    sent: u64,
    /// On the connection that is up.
    received: u64,
    waits: u64,
    is_asking: bool,
}

impl Client {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn who(&self, connection: u32) -> Who {
        Who {
            connection,
            ..self.wish.who
        }
    }

    fn socket(self: &Arc<Self>, url: &str, pace: Pace) -> Outcome<Socket> {
        let reconnect = Reconnect::default().delay(ms(60)).delay_max(ms(60));
        let manager = Manager::builder(url)?
            .timeout(Duration::from_secs(20))
            .engine(|options| {
                let mut config = options.config().clone();
                // its `5` must not come when the server has just given up
                if pace != Pace::Patient {
                    config.upgrade_timeout = UPGRADE_TIMEOUT * 2 / 3;
                }
                options.session(config)
            })
            .reconnect(reconnect.randomization(0.0));
        let socket = manager.build()?.socket("/")?;
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

    /// Sends everything, with pauses.
    async fn talk(self: &Arc<Self>, socket: &Socket, random: &mut Random) {
        while self.state().current == 0 {
            self.changed.notified().await;
        }
        for n in 0..self.ours {
            let who = {
                let mut state = self.state();
                state.sent += 1;
                // what waits for a connection belongs to that one
                self.who(state.current + u32::from(!state.is_up))
            };
            let message = Message::new(n, 0);
            self.book.write(who, Side::Client, message.sent());
            if socket.emit("n", &message).is_err() {
                self.book.write(who, Side::Client, message.refused());
            }
            sleep(Duration::from_micros(random.below(PAUSE))).await;
        }
        self.end(socket);
    }

    /// Asks for the end once all was sent, and received.
    fn end(self: &Arc<Self>, socket: &Socket) {
        let (who, id) = {
            let mut state = self.state();
            let all = state.sent == self.ours && state.received == self.wish.messages;
            if !all || state.is_asking {
                return;
            }
            state.is_asking = true;
            state.waits += 1;
            (self.who(state.current), state.waits)
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
