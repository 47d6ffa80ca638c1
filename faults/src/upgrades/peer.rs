//! [`Peer`]: a client that speaks the protocol by hand, on long-polling, and then perhaps on a WebSocket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::Random;
use testkit::ledger::{How, Side, What};
use tokio::sync::watch;
use tokio::time::sleep;

use super::http::Http;
use crate::book::Book;
use crate::message::Message;
use crate::talk::{PAUSE, Wish};
use crate::{Failure, Outcome};

/// How the client talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Polling,
    /// It begins no request.
    Paused,
    /// The session is on a WebSocket, or over.
    Left,
}

/// What the two requests of long-polling, and the WebSocket, share.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) sid: String,
    pub(super) wish: Wish,
    book: Arc<Book>,
    way: watch::Sender<Way>,
    /// Requests that are under way.
    requests: watch::Sender<usize>,
    state: Mutex<State>,
    /// The answer to `end` has come.
    pub(super) done: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    /// Packets that go before messages.
    due: VecDeque<String>,
    sent: u64,
    total: u64,
    received: u64,
    asked: bool,
    random: Random,
}

impl Peer {
    /// Opens a session and connects; `sent` messages of `total` are over already.
    pub(super) async fn open(
        address: SocketAddr,
        book: &Arc<Book>,
        wish: Wish,
        (sent, total): (u64, u64),
    ) -> Outcome<Self> {
        let mut http = Http::connect(address).await?;
        let (_, open) = expect(http.request("GET", "", "").await?)?;
        let sid = open.split('"').nth(3).unwrap_or_default().to_owned();
        let peer = Self {
            address,
            wish,
            book: Arc::clone(book),
            way: watch::Sender::new(Way::Polling),
            requests: watch::Sender::new(0),
            state: Mutex::new(State {
                due: VecDeque::new(),
                sent,
                total,
                received: 0,
                asked: false,
                random: Random::new(wish.seed + 1),
            }),
            done: watch::Sender::new(false),
            sid,
        };
        let auth = serde_json::to_string(&wish)?;
        let sid = format!("&sid={}", peer.sid);
        expect(http.request("POST", &sid, &format!("40{auth}")).await?)?;
        Ok(peer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, what: What) {
        self.book.write(self.wish.who, Side::Client, what);
    }

    /// Messages that were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.state().sent
    }

    /// Goes on otherwise, once no request is under way; for [`Way::Polling`], at once.
    pub(super) async fn turn(&self, way: Way) {
        self.way.send_replace(way);
        if way != Way::Polling {
            let idle = |requests: &usize| *requests == 0;
            drop(self.requests.subscribe().wait_for(idle).await);
        }
    }

    /// Begins a request when the way is long-polling; none when it is left.
    async fn begin(&self) -> bool {
        let mut way = self.way.subscribe();
        loop {
            let go = way.wait_for(|way| *way != Way::Paused).await;
            if go.is_ok_and(|way| *way == Way::Left) {
                return false;
            }
            // counted before it is looked at again, so that a pause waits for it
            self.requests.send_modify(|count| *count += 1);
            if *self.way.borrow() == Way::Polling {
                return true;
            }
            self.finish();
        }
    }

    fn finish(&self) {
        self.requests.send_modify(|count| *count -= 1);
    }

    /// The requests for what the server has.
    pub(super) async fn poll(&self) -> Outcome {
        let mut http = Http::connect(self.address).await?;
        let query = format!("&sid={}", self.sid);
        while self.begin().await {
            let answer = http.request("GET", &query, "").await.and_then(expect);
            if *self.way.borrow() == Way::Left && answer.is_err() {
                // the goodbye overtook it
                return Ok(());
            }
            let (_, body) = answer?;
            for packet in body.split('\x1e') {
                self.take(packet)?;
            }
            self.finish();
        }
        Ok(())
    }

    /// The requests with what the client has.
    pub(super) async fn post(&self) -> Outcome {
        let mut http = Http::connect(self.address).await?;
        let query = format!("&sid={}", self.sid);
        while self.begin().await {
            let packets = self.packets();
            if !packets.is_empty() {
                let body = packets.join("\x1e");
                expect(http.request("POST", &query, &body).await?)?;
            }
            self.finish();
            self.pause().await;
        }
        Ok(())
    }

    pub(super) async fn pause(&self) {
        let pause = self.state().random.below(PAUSE);
        sleep(Duration::from_micros(pause)).await;
    }

    /// What is to be sent now: what is due, and some messages.
    pub(super) fn packets(&self) -> Vec<String> {
        let mut state = self.state();
        let mut packets: Vec<String> = state.due.drain(..).collect();
        for _ in 0..=state.random.below(3) {
            if state.sent < state.total {
                let message = Message::text(state.sent);
                self.write(message.sent());
                let json = serde_json::to_string(&message).unwrap_or_default();
                packets.push(format!(r#"42["n",{json}]"#));
                state.sent += 1;
            }
        }
        if state.sent == state.total && state.received == self.wish.messages && !state.asked {
            state.asked = true;
            self.write(What::AckWaited { id: 0 });
            packets.push(r#"420["end",{"n":0,"text":""}]"#.to_owned());
        }
        packets
    }

    /// A packet of the server's.
    pub(super) fn take(&self, packet: &str) -> Outcome {
        if let Some(json) = packet.strip_prefix(r#"42["n","#) {
            let json = json.strip_suffix(']').unwrap_or_default();
            let message: Message = serde_json::from_str(json)?;
            self.write(message.received());
            self.state().received += 1;
        } else if packet == "2" {
            self.state().due.push_back("3".to_owned());
        } else if packet.starts_with("40") {
            let recovered = false;
            self.write(What::Connected { recovered });
        } else if packet.starts_with("430") {
            let how = How::Answered;
            self.write(What::AckEnded { id: 0, how });
            self.done.send_replace(true);
        } else if packet != "6" {
            return Err(Failure::new(format!("the server sent {packet:?}")));
        }
        Ok(())
    }

    /// The client leaves, or knows that the connection is gone.
    pub(super) fn leave(&self, reason: &str) {
        let asked = self.state().asked && !*self.done.borrow();
        if asked {
            let how = How::Disconnected;
            self.write(What::AckEnded { id: 0, how });
        }
        let reason = reason.into();
        self.write(What::Disconnected { reason });
    }

    /// Says goodbye by POST, which ends the GET.
    pub(super) async fn say_goodbye(&self) -> Outcome {
        self.way.send_replace(Way::Left);
        let mut http = Http::connect(self.address).await?;
        let query = format!("&sid={}", self.sid);
        expect(http.request("POST", &query, "41\x1e1").await?)?;
        Ok(())
    }
}

fn expect((status, body): (u16, String)) -> Outcome<(u16, String)> {
    if status == 200 {
        Ok((status, body))
    } else {
        Err(Failure::new(format!("status {status}: {body}")))
    }
}
