//! [`Pair`]: a client and a server machine on a network, in virtual time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio::server::{Event, First, Input, LinkId, Output, RequestId, Session};
use engineio::{CloseReason, Config, Data, Dialect, Sid};

use crate::model::content;
use crate::watch::number;
use crate::{Action, Hop, Link, Model, Upgrade, Watch, epoch, show};

/// Both ends and what is between them. Its `Display` is the whole run, a line for each step.
#[derive(Debug)]
pub struct Pair {
    /// The client.
    pub client: Model,
    /// The server.
    pub server: Session,
    /// The network.
    pub link: Link,
    /// The time.
    pub now: Instant,
    dialect: Dialect,
    received: Vec<Data>,
    closed: Option<CloseReason>,
    upgraded: usize,
    watch: Watch,
    log: Vec<String>,
}

impl Pair {
    /// A client that starts with long-polling, and moves to WebSocket when `upgrades`.
    #[must_use]
    pub fn polling(config: Config, upgrades: bool) -> Self {
        Self::polling_speaking(Dialect::V4, config, upgrades)
    }

    /// As [`Pair::polling`], both speaking like this.
    #[must_use]
    pub fn polling_speaking(dialect: Dialect, config: Config, upgrades: bool) -> Self {
        let mut watch = Watch::default();
        watch.asked(0);
        let first = First::Polling(RequestId::new(0));
        let client = Model::polling(upgrades).speaking(dialect);
        Self::new(dialect, config, first, client, watch)
    }

    /// A client that starts with a WebSocket.
    #[must_use]
    pub fn websocket(config: Config) -> Self {
        let mut watch = Watch::default();
        watch.linked(0);
        let first = First::Link(LinkId::new(0));
        Self::new(Dialect::V4, config, first, Model::websocket(), watch)
    }

    fn new(dialect: Dialect, config: Config, first: First, client: Model, watch: Watch) -> Self {
        let now = epoch();
        let sid = Sid::from_entropy([1; 15]);
        Self {
            client,
            server: Session::speaking(dialect, sid, Arc::new(config), first, now),
            dialect,
            link: Link::default(),
            now,
            received: Vec::new(),
            closed: None,
            upgraded: 0,
            watch,
            log: Vec::new(),
        }
    }

    /// Sets how long requests and frames are on their way.
    #[must_use]
    pub fn latency(mut self, http: Duration, websocket: Duration) -> Self {
        (self.link.http, self.link.websocket) = (http, websocket);
        self
    }

    /// What the server's application received.
    #[must_use]
    pub fn received(&self) -> &[Data] {
        &self.received
    }

    /// Why the server's session ended.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// How often the server said that it moved to WebSocket.
    #[must_use]
    pub fn upgraded(&self) -> usize {
        self.upgraded
    }

    /// The server sends a message.
    pub fn serve(&mut self, data: impl Into<Data>) {
        let data = data.into();
        self.note(format!("server sends {data:?}"));
        self.server.send(data.into()).ok();
    }

    /// The server closes the session.
    pub fn close(&mut self) {
        self.note("server closes".to_owned());
        self.server.close(self.now, CloseReason::ForcedClose);
    }

    // Faults

    /// The client's GET breaks; its answer, if it was on its way, is lost.
    pub fn cancel_poll(&mut self) {
        if let Some(get) = self.client.get() {
            self.note(format!("GET {get} breaks"));
            self.client.forget_get();
            self.link.lose_reply(get);
            self.link.carry(self.now, Hop::GetDropped(get));
        }
    }

    /// The WebSocket breaks, and what is on its way is lost.
    pub fn cut_websocket(&mut self) {
        let (Upgrade::Dialing(link)
        | Upgrade::Probing(link)
        | Upgrade::Pausing(link)
        | Upgrade::Done(link)) = self.client.upgrade()
        else {
            return;
        };
        self.note(format!("WebSocket {link} breaks"));
        self.link.break_websocket(link);
        self.link.carry(self.now, Hop::UpClosed(link));
        self.link.carry(self.now, Hop::DownClosed(link));
    }

    // Running

    /// Does what happens next; `false` when nothing will.
    pub fn step(&mut self) -> bool {
        self.settle();
        let timer = self.server.poll_timeout();
        let arrival = self.link.next();
        match (timer, arrival) {
            (Some(timer), arrival) if arrival.is_none_or(|at| timer < at) => {
                self.now = timer.max(self.now);
                self.note("timer".to_owned());
                self.server.handle_timeout(self.now);
            }
            (_, Some(at)) => {
                self.now = at.max(self.now);
                if let Some(hop) = self.link.arrive() {
                    self.note(format!("{hop:?} arrives"));
                    self.on_arrival(hop);
                }
            }
            (_, None) => return false,
        }
        self.settle();
        true
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while self.next().is_some_and(|at| at <= end) && self.step() {}
        self.now = end;
    }

    /// Runs until it is so; panics with the log when that never happens.
    #[track_caller]
    pub fn drive_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        self.settle();
        for _ in 0..100_000 {
            if is_so(self) {
                return;
            }
            assert!(self.step(), "nothing happens any more:\n{self}");
        }
        panic!("it never became so:\n{self}");
    }

    fn next(&self) -> Option<Instant> {
        let times = [self.server.poll_timeout(), self.link.next()];
        times.into_iter().flatten().min()
    }

    fn on_arrival(&mut self, hop: Hop) {
        let input = match hop {
            Hop::Get(request) => {
                self.watch.asked(request);
                let request = RequestId::new(request);
                Input::Poll { request }
            }
            Hop::GetDropped(request) => {
                self.watch.dropped(request);
                let request = RequestId::new(request);
                Input::PollDropped { request }
            }
            Hop::PostHead(request) => {
                self.watch.asked(request);
                let request = RequestId::new(request);
                Input::Post { request }
            }
            Hop::PostBody(request, body) => {
                let request = RequestId::new(request);
                Input::PostBody { request, body }
            }
            Hop::Dial(link) => {
                self.watch.linked(link);
                self.link.carry(self.now, Hop::Accept(link));
                let link = LinkId::new(link);
                let base64 = self.dialect.base64;
                Input::LinkOpened { link, base64 }
            }
            Hop::Up(link, data) => {
                let link = LinkId::new(link);
                Input::Link { link, data }
            }
            Hop::UpClosed(link) => {
                let (link, reason) = (LinkId::new(link), CloseReason::TransportClose);
                Input::LinkClosed { link, reason }
            }
            Hop::Accept(link) => return self.client.on_link_open(link),
            Hop::Reply(request, reply) => return self.client.on_reply(request, &reply),
            Hop::Down(link, data) => return self.client.on_frame(link, data),
            Hop::DownClosed(link) => return self.client.on_link_closed(link),
            // what the model's client never does
            Hop::PostDropped(_) | Hop::Failed(_) => return,
        };
        self.server.handle_input(self.now, input);
    }

    /// Lets both say what they have to say at this moment.
    fn settle(&mut self) {
        while let Some(output) = self.server.poll_output(self.now) {
            self.watch.output(&output);
            self.note(format!("server: {}", show(&output)));
            self.on_output(output);
        }
        self.watch.drained(&self.server);
        while let Some(action) = self.client.action() {
            self.note(format!("client: {action:?}"));
            let hop = match action {
                Action::Get(request) => Hop::Get(request),
                Action::Post(request, body) => {
                    self.link.carry(self.now, Hop::PostHead(request));
                    Hop::PostBody(request, body)
                }
                Action::Dial(link) => Hop::Dial(link),
                Action::Frame(link, data) => Hop::Up(link, data),
            };
            self.link.carry(self.now, hop);
        }
    }

    fn on_output(&mut self, output: Output) {
        match output {
            Output::Reply { request, reply } => {
                let hop = Hop::Reply(number(&request), reply);
                self.link.carry(self.now, hop);
            }
            Output::Frame { link, frame } => {
                let hop = Hop::Down(number(&link), content(&frame));
                self.link.carry(self.now, hop);
            }
            Output::CloseLink { link } => {
                self.link.carry(self.now, Hop::DownClosed(number(&link)));
            }
            Output::Event(Event::Message(data)) => self.received.push(data),
            Output::Event(Event::Upgraded) => self.upgraded += 1,
            Output::Event(Event::Closed(reason)) => self.closed = Some(reason),
            _ => {}
        }
    }

    fn note(&mut self, line: String) {
        let at = self.now - epoch();
        self.log.push(format!("{:>6} ms  {line}", at.as_millis()));
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
