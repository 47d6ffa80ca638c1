//! What a script gets: ways to reach the server, and to look at it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Launch, Process};

use crate::effort::Effort;
use crate::outcome::{check, short};
use crate::peer::{Answer, PATIENCE, PAUSE, Peer, request, sid};
use crate::target::{Gauges, Target};
use crate::websocket::{WebSocket, upgrade};
use crate::{Failure, Outcome, Pace};

pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
pub(crate) const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// A server, seen by one script.
#[derive(Debug)]
pub struct Attack<'a> {
    pub(crate) target: &'a Target,
    pub(crate) launch: &'a Launch,
    pub(crate) pace: Pace,
    pub(crate) full: bool,
    pub(crate) before: Gauges,
    pub(crate) effort: Effort,
}

impl Attack<'_> {
    /// How often something is done: as the table says, or less in the short form.
    pub(crate) fn rounds(&self, full: usize, short: usize) -> usize {
        if self.full { full } else { short }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.target.address
    }

    pub(crate) fn process(&self) -> &Process {
        &self.target.process
    }

    pub(crate) fn gauges(&self) -> Outcome<Gauges> {
        self.target.gauges()
    }

    /// Another server like this one.
    pub(crate) fn another(&self) -> Outcome<Target> {
        Target::start(self.launch)
    }

    // HTTP

    pub(crate) fn peer(&self) -> Outcome<Peer> {
        let mut peer = Peer::connect(self.address())?.counted(&self.effort);
        peer.patience = self.pace.stretch(PATIENCE);
        Ok(peer)
    }

    /// As [`Attack::peer`], from another address of this machine.
    pub(crate) fn elsewhere(&self) -> Outcome<Peer> {
        let mut peer = Peer::connect_from([127, 0, 0, 9], self.address())?.counted(&self.effort);
        peer.patience = self.pace.stretch(PATIENCE);
        Ok(peer)
    }

    /// As [`Attack::peer`], with a system that takes next to nothing while nobody reads.
    pub(crate) fn narrow(&self) -> Outcome<Peer> {
        Ok(Peer::narrow(self.address())?.counted(&self.effort))
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Outcome<Answer> {
        let mut peer = self.peer()?;
        peer.send(request(method, target, headers, body))?;
        peer.answer()
    }

    pub(crate) fn get(&self, target: &str) -> Outcome<Answer> {
        self.ask("GET", target, "", "")
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Outcome<Answer> {
        self.ask("POST", target, "", body)
    }

    pub(crate) fn ask_upgrade(&self, target: &str, headers: &str) -> Outcome<Answer> {
        let mut peer = self.peer()?;
        peer.send(upgrade(target, headers))?;
        peer.answer()
    }

    /// Opens a session over long-polling and gives its target for further requests.
    pub(crate) fn open(&self) -> Outcome<String> {
        let answer = self.get(POLLING)?;
        answer.has(200)?;
        Ok(format!("{POLLING}&sid={}", answer.sid()?))
    }

    /// As [`Attack::open`], and joins the root namespace.
    pub(crate) fn open_joined(&self) -> Outcome<String> {
        let target = self.open()?;
        self.post(&target, "40")?.is(200, "ok")?;
        let joined = self.get(&target)?;
        check!(
            joined.body.contains("40{"),
            "not joined: {:?}",
            short(&joined.body)
        );
        Ok(target)
    }

    /// Whether a session over long-polling still works, after which it is closed.
    pub(crate) fn still_works(&self, target: &str) -> Outcome {
        self.post(target, r#"427["echo",1]"#)?.is(200, "ok")?;
        let answer = self.get(target)?;
        check!(
            answer.body.contains("437[1]"),
            "no echo: {:?}",
            short(&answer.body)
        );
        self.post(target, "1")?.has(200)
    }

    /// Whether a session is unknown.
    pub(crate) fn is_gone(&self, target: &str) -> Outcome {
        // the first may be the poll that is told of the end
        let told = self.get(target)?;
        check!(
            told.status == 400 || told.body.ends_with('1'),
            "got {} {:?}",
            told.status,
            short(&told.body)
        );
        self.get(target)?
            .is(400, r#"{"code":1,"message":"Session ID unknown"}"#)
    }

    // WebSocket

    pub(crate) fn upgrade(&self, target: &str) -> Outcome<WebSocket> {
        let mut peer = self.peer()?;
        peer.send(upgrade(target, ""))?;
        WebSocket::new(peer)
    }

    /// A session on a WebSocket, and its id.
    pub(crate) fn websocket_and_sid(&self) -> Outcome<(WebSocket, String)> {
        let mut websocket = self.upgrade(WEBSOCKET)?;
        let open = websocket.text()?;
        let sid = sid(&open)?.to_owned();
        Ok((websocket, sid))
    }

    pub(crate) fn websocket(&self) -> Outcome<WebSocket> {
        Ok(self.websocket_and_sid()?.0)
    }

    /// A WebSocket that has joined the root namespace.
    pub(crate) fn join(&self) -> Outcome<WebSocket> {
        let mut websocket = self.websocket()?;
        websocket.join("/")?;
        Ok(websocket)
    }

    /// Each of these packets ends the connection that sends it, and reaches no handler.
    pub(crate) fn refuses<T: AsRef<str>>(&self, packets: impl IntoIterator<Item = T>) -> Outcome {
        for packet in packets {
            let packet = packet.as_ref();
            let mut websocket = self.join()?;
            websocket.send(packet)?;
            closes_silently(&mut websocket, packet)?;
        }
        self.nothing_handled()
    }

    pub(crate) fn nothing_handled(&self) -> Outcome {
        let handled = self.gauges()?.handled - self.before.handled;
        check!(handled == 0, "{handled} events reached a handler");
        Ok(())
    }

    /// Sends a text on a WebSocket of its own, and waits until the server has read it.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn tell(&self, text: &str) -> Outcome {
        let mut websocket = self.join()?;
        websocket.send(text)?;
        // a server that has crashed is for the checks behind the attack
        websocket.send("1")?;
        websocket.frame().map(drop).or(Ok(()))
    }

    // Looking

    /// Waits for a fact.
    pub(crate) fn eventually(
        &self,
        what: &str,
        limit: Duration,
        fact: impl Fn(&Gauges) -> bool,
    ) -> Outcome {
        let mut last = Gauges::default();
        let seen = self.until(what, limit, || {
            last = self.gauges()?;
            Ok(fact(&last))
        });
        seen.map_err(|failure| Failure::new(format!("{failure}; {last:?}")))
    }

    /// Waits for something else than what the gauges show.
    pub(crate) fn until(
        &self,
        what: &str,
        limit: Duration,
        mut fact: impl FnMut() -> Outcome<bool>,
    ) -> Outcome {
        let deadline = Instant::now() + self.pace.stretch(limit);
        while !fact()? {
            check!(Instant::now() < deadline, "never seen: {what}");
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Fails when what was done since `before` cost more CPU time of the server's.
    pub(crate) fn cpu_since(&self, before: Duration, limit: Duration) -> Outcome {
        let cpu = self.process().cpu()?.saturating_sub(before);
        check!(
            self.pace.cpu(cpu, limit),
            "{cpu:?} of CPU, more than {limit:?}"
        );
        Ok(())
    }

    /// Fails unless something took a time between these.
    pub(crate) fn took(&self, since: Instant, at_least: Duration, at_most: Duration) -> Outcome {
        let took = since.elapsed();
        check!(took >= at_least, "after {took:?}, before {at_least:?}");
        check!(
            took <= self.pace.stretch(at_most),
            "after {took:?}, later than {at_most:?}"
        );
        Ok(())
    }
}

/// The server says nothing about what was wrong with a packet.
pub(crate) fn closes_silently(websocket: &mut WebSocket, packet: &str) -> Outcome {
    websocket
        .closes_with(0)
        .map_err(|failure| Failure::new(format!("{:?}: {failure}", short(packet))))
}
