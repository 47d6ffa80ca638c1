//! [`Machines`]: our client and our server on a network, in virtual time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio::client;
use engineio::server::{self, First, LinkId, PostFailure, Reply, RequestId};
use engineio::{CloseReason, Config, Data, Sid, Transport};

use crate::model::content;
use crate::watch::number;
use crate::{ClientWatch, Hop, Link, Watch, epoch, show, show_client};

/// What the application on one side saw.
#[derive(Debug, Default)]
pub struct End {
    /// The messages that arrived, in order.
    pub received: Vec<Data>,
    /// How often it heard that the session moved to WebSocket.
    pub upgraded: usize,
    /// Whether it heard that the session is open.
    pub opened: bool,
    /// Why the session ended.
    pub closed: Option<CloseReason>,
}

impl End {
    fn hear(&mut self, event: server::Event) {
        match event {
            server::Event::Opened => self.opened = true,
            server::Event::Message(data) => self.received.push(data),
            server::Event::Upgraded => self.upgraded += 1,
            server::Event::Closed(reason) => self.closed = Some(reason),
            _ => {}
        }
    }
}

/// Both machines and what is between them. Its `Display` is the whole run, a line for each step.
#[derive(Debug)]
pub struct Machines {
    /// The client's machine.
    pub client: client::Session,
    /// The server's machine, from the moment that a handshake arrived.
    pub server: Option<server::Session>,
    /// The network.
    pub link: Link,
    /// The time.
    pub now: Instant,
    /// The client's application.
    pub at_client: End,
    /// The server's application.
    pub at_server: End,
    config: Arc<Config>,
    base64: bool,
    dialled: Option<u64>,
    client_watch: ClientWatch,
    watch: Watch,
    log: Vec<(Duration, Note)>,
}

impl Machines {
    /// A client that is about to open a session.
    #[must_use]
    pub fn new(server: Config, client: client::Config) -> Self {
        Self {
            base64: client.force_base64,
            client: client::Session::new(Arc::new(client), epoch()),
            server: None,
            link: Link::default(),
            now: epoch(),
            at_client: End::default(),
            at_server: End::default(),
            config: Arc::new(server),
            dialled: None,
            client_watch: ClientWatch::default(),
            watch: Watch::default(),
            log: Vec::new(),
        }
    }

    /// Both with their defaults.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(Config::default(), client::Config::default())
    }

    /// Sets how long requests and frames are on their way.
    #[must_use]
    pub fn latency(mut self, http: Duration, websocket: Duration) -> Self {
        (self.link.http, self.link.websocket) = (http, websocket);
        self
    }

    // The applications

    /// The client sends a message; tells whether it was taken.
    pub fn send(&mut self, data: impl Into<Data>) -> bool {
        let data = data.into();
        self.note(Note::Words(format!("client sends {data:?}")));
        self.client.send(data.into()).is_ok()
    }

    /// The server sends a message; tells whether it was taken.
    pub fn serve(&mut self, data: impl Into<Data>) -> bool {
        let data = data.into();
        self.note(Note::Words(format!("server sends {data:?}")));
        let sent = self.server.as_mut().map(|server| server.send(data.into()));
        sent.is_some_and(|sent| sent.is_ok())
    }

    /// The client closes.
    pub fn close(&mut self) {
        self.note(Note::Words("client closes".to_owned()));
        self.client.close(self.now, CloseReason::ForcedClose);
    }

    /// The server closes.
    pub fn close_server(&mut self) {
        self.note(Note::Words("server closes".to_owned()));
        if let Some(server) = &mut self.server {
            server.close(self.now, CloseReason::ForcedClose);
        }
    }

    // Faults

    /// The GET that is out gets lost, or its answer.
    pub fn lose_get(&mut self) {
        if let Some(get) = self.client_watch.get() {
            self.note(Note::Words(format!("GET {get} is lost")));
            self.link.lose_request(get);
            self.link.carry(self.now, Hop::GetDropped(get));
            self.link.carry(self.now, Hop::Failed(get));
        }
    }

    /// The POST that is out gets lost, or its answer.
    pub fn lose_post(&mut self) {
        if let Some(post) = self.client_watch.post() {
            self.note(Note::Words(format!("POST {post} is lost")));
            self.link.lose_request(post);
            self.link.carry(self.now, Hop::PostDropped(post));
            self.link.carry(self.now, Hop::Failed(post));
        }
    }

    /// The WebSocket breaks, and what is on its way is lost.
    pub fn cut_websocket(&mut self) {
        if let Some(link) = self.dialled {
            self.note(Note::Words(format!("WebSocket {link} breaks")));
            self.link.break_websocket(link);
            self.link.carry(self.now, Hop::UpClosed(link));
            self.link.carry(self.now, Hop::DownClosed(link));
        }
    }

    /// The WebSocket that is being probed breaks, and the client notices at once: later, it might
    /// have given its word on it.
    pub fn cut_probe(&mut self) {
        if let Some(link) = self.dialled.filter(|_| self.client.is_probing()) {
            self.note(Note::Words(format!("probe {link} breaks")));
            self.link.break_websocket(link);
            self.link.carry(self.now, Hop::UpClosed(link));
            self.on_arrival(Hop::DownClosed(link));
        }
    }

    // Running

    /// Does what happens next; `false` when nothing will.
    pub fn step(&mut self) -> bool {
        self.settle();
        let Some(at) = self.next() else {
            return false;
        };
        self.now = at.max(self.now);
        if self.link.next().is_some_and(|next| next <= at) {
            if let Some(hop) = self.link.arrive() {
                self.note(Note::Arrives(hop.clone()));
                self.on_arrival(hop);
            }
        } else {
            self.note(Note::Words("timers".to_owned()));
            self.client.handle_timeout(self.now);
            if let Some(server) = &mut self.server {
                server.handle_timeout(self.now);
            }
        }
        self.settle();
        true
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while self.next().is_some_and(|at| at <= end) && self.step() {}
        self.now = end.max(self.now);
    }

    /// Time passes for both, and nobody looks.
    pub fn sleep(&mut self, time: Duration) {
        self.note(Note::Words(format!("sleep of {time:?}")));
        self.now += time;
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
        let server = self.server.as_ref().and_then(server::Session::poll_timeout);
        let times = [server, self.client.poll_timeout(), self.link.next()];
        times.into_iter().flatten().min()
    }

    fn on_arrival(&mut self, hop: Hop) {
        match hop {
            Hop::Get(request) => {
                self.watch.asked(request);
                let request = RequestId::new(request);
                self.serve_first(First::Polling(request), server::Input::Poll { request });
            }
            Hop::Dial(link) => {
                self.watch.linked(link);
                self.link.carry(self.now, Hop::Accept(link));
                let (link, base64) = (LinkId::new(link), self.base64);
                let input = server::Input::LinkOpened { link, base64 };
                self.serve_first(First::Link(link), input);
            }
            Hop::GetDropped(request) => {
                self.watch.dropped(request);
                let request = RequestId::new(request);
                self.tell_server(server::Input::PollDropped { request });
            }
            Hop::PostHead(request) => {
                self.watch.asked(request);
                let request = RequestId::new(request);
                self.tell_server(server::Input::Post { request });
            }
            Hop::PostBody(request, body) => {
                let request = RequestId::new(request);
                self.tell_server(server::Input::PostBody { request, body });
            }
            Hop::PostDropped(request) => {
                self.watch.dropped(request);
                let (request, failure) = (RequestId::new(request), PostFailure::Dropped);
                self.tell_server(server::Input::PostFailed { request, failure });
            }
            Hop::Up(link, data) => {
                let link = LinkId::new(link);
                self.tell_server(server::Input::Link { link, data });
            }
            Hop::UpClosed(link) => {
                let (link, reason) = (LinkId::new(link), CloseReason::TransportClose);
                self.tell_server(server::Input::LinkClosed { link, reason });
            }
            Hop::Reply(request, reply) => {
                self.client_watch.answered(request);
                let request = RequestId::new(request);
                let (status, body) = on_the_wire(reply);
                self.tell_client(client::Input::Answered {
                    request,
                    status,
                    body,
                });
            }
            Hop::Failed(request) => {
                self.client_watch.answered(request);
                let request = RequestId::new(request);
                self.tell_client(client::Input::Failed { request });
            }
            Hop::Accept(link) => {
                self.client_watch.linked(link);
                let link = LinkId::new(link);
                self.tell_client(client::Input::LinkOpened { link });
            }
            Hop::Down(link, data) => {
                let link = LinkId::new(link);
                self.tell_client(client::Input::Link { link, data });
            }
            Hop::DownClosed(link) => {
                self.client_watch.unlinked(link);
                let (link, reason) = (LinkId::new(link), CloseReason::TransportClose);
                self.tell_client(client::Input::LinkClosed {
                    link,
                    reason,
                    detail: None,
                });
            }
        }
    }

    /// A request that opens the session when there is none.
    fn serve_first(&mut self, first: First, later: server::Input) {
        if self.server.is_some() {
            return self.tell_server(later);
        }
        let (sid, config) = (Sid::from_entropy([1; 15]), Arc::clone(&self.config));
        self.server = Some(server::Session::new(sid, config, first, self.now));
    }

    fn tell_server(&mut self, input: server::Input) {
        if let Some(server) = &mut self.server {
            server.handle_input(self.now, input);
        }
    }

    fn tell_client(&mut self, input: client::Input) {
        self.client.handle_input(self.now, input);
    }

    /// Lets both say what they have to say at this moment.
    fn settle(&mut self) {
        while let Some(output) = self.client.poll_output(self.now) {
            self.client_watch.output(&output);
            self.note(Note::Client(output.clone()));
            self.on_client_output(output);
        }
        self.client_watch.drained(&self.client);
        while let Some(output) = self
            .server
            .as_mut()
            .and_then(|server| server.poll_output(self.now))
        {
            self.watch.output(&output);
            self.note(Note::Server(output.clone()));
            self.on_server_output(output);
        }
        if let Some(server) = &self.server {
            self.watch.drained(server);
        }
    }

    fn on_client_output(&mut self, output: client::Output) {
        let hop = match output {
            client::Output::Get { request } => Hop::Get(number(&request)),
            client::Output::Post { request, body } => {
                let request = number(&request);
                self.link.carry(self.now, Hop::PostHead(request));
                Hop::PostBody(request, body)
            }
            client::Output::Abandon { request } => {
                let request = number(&request);
                self.link.carry(self.now, Hop::PostDropped(request));
                Hop::GetDropped(request)
            }
            client::Output::OpenLink { link, kind } => {
                assert_eq!(kind, Transport::WebSocket, "no other link is there");
                self.dialled = Some(number(&link));
                Hop::Dial(number(&link))
            }
            client::Output::Frame { link, frame } => Hop::Up(number(&link), content(&frame)),
            client::Output::CloseLink { link } => Hop::UpClosed(number(&link)),
            client::Output::Event(event) => return self.at_client.hear(event),
            other => panic!("unknown {other:?}"),
        };
        self.link.carry(self.now, hop);
    }

    fn on_server_output(&mut self, output: server::Output) {
        let hop = match output {
            server::Output::Reply { request, reply } => Hop::Reply(number(&request), reply),
            server::Output::Frame { link, frame } => Hop::Down(number(&link), content(&frame)),
            server::Output::CloseLink { link } => Hop::DownClosed(number(&link)),
            server::Output::Event(event) => return self.at_server.hear(event),
            other => panic!("unknown {other:?}"),
        };
        self.link.carry(self.now, hop);
    }

    fn note(&mut self, note: Note) {
        self.log.push((self.now - epoch(), note));
    }
}

/// Status and body of an answer.
fn on_the_wire(reply: Reply) -> (u16, Bytes) {
    match reply {
        Reply::Payload(body) => (200, body),
        Reply::Ok => (200, Bytes::from_static(b"ok")),
        Reply::Refused(error) => (error.status(), error.body().into()),
        Reply::TooSlow => (408, Bytes::new()),
        Reply::NoMemory => (503, Bytes::new()),
        Reply::TooLarge => (413, Bytes::new()),
        other => panic!("not in revision 4: {other:?}"),
    }
}

impl fmt::Display for Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.log
            .iter()
            .try_for_each(|(at, note)| writeln!(f, "{:>6} ms  {note}", at.as_millis()))
    }
}

/// A line of the log, put into words only when somebody wants to read it.
#[derive(Debug)]
enum Note {
    Words(String),
    Arrives(Hop),
    Client(client::Output),
    Server(server::Output),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Arrives(hop) => write!(f, "{hop:?} arrives"),
            Self::Client(output) => write!(f, "client: {}", show_client(output)),
            Self::Server(output) => write!(f, "server: {}", show(output)),
        }
    }
}
