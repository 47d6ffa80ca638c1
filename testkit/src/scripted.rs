//! [`Scripted`]: one server machine and a clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio::server::{First, Input, LinkId, PostFailure, RequestId, Session};
use engineio::{Batch, CloseReason, Config, Data, Dialect, SendError, Sid};

use crate::{Watch, epoch, show};

/// A server machine that is told what happens, by request and link numbers of the test's
/// choice. Request 0 or link 0 is the one that opened the session.
///
/// Outputs are only drained by [`Scripted::expect`] and [`Scripted::outputs`].
#[derive(Debug)]
pub struct Scripted {
    session: Session,
    dialect: Dialect,
    now: Instant,
    watch: Watch,
}

impl Scripted {
    /// A session that long-polling opened; the handshake's outputs are still there.
    #[must_use]
    pub fn opening_by_polling(config: Config) -> Self {
        let mut watch = Watch::default();
        watch.asked(0);
        Self::new(
            Dialect::V4,
            config,
            First::Polling(RequestId::new(0)),
            watch,
        )
    }

    /// A session that a WebSocket opened; the handshake's outputs are still there.
    #[must_use]
    pub fn opening_by_link(config: Config) -> Self {
        let mut watch = Watch::default();
        watch.linked(0);
        Self::new(Dialect::V4, config, First::Link(LinkId::new(0)), watch)
    }

    /// A session of a client that is spoken to in `dialect`, on a WebSocket or on long-polling,
    /// after the handshake.
    #[must_use]
    pub fn speaking(dialect: Dialect, config: Config, linked: bool) -> Self {
        let mut watch = Watch::default();
        let first = if linked {
            watch.linked(0);
            First::Link(LinkId::new(0))
        } else {
            watch.asked(0);
            First::Polling(RequestId::new(0))
        };
        let mut script = Self::new(dialect, config, first, watch);
        assert_eq!(script.outputs().len(), 2);
        script
    }

    /// A session on long-polling with Node's defaults, after the handshake.
    #[must_use]
    pub fn polling() -> Self {
        Self::polling_with(Config::default())
    }

    /// A session on long-polling, after the handshake.
    #[must_use]
    pub fn polling_with(config: Config) -> Self {
        let mut script = Self::opening_by_polling(config);
        assert_eq!(script.outputs().len(), 2);
        script
    }

    /// A session on a WebSocket with Node's defaults, after the handshake.
    #[must_use]
    pub fn websocket() -> Self {
        Self::websocket_with(Config::default())
    }

    /// A session on a WebSocket, after the handshake.
    #[must_use]
    pub fn websocket_with(config: Config) -> Self {
        let mut script = Self::opening_by_link(config);
        assert_eq!(script.outputs().len(), 2);
        script
    }

    fn new(dialect: Dialect, config: Config, first: First, watch: Watch) -> Self {
        let now = epoch();
        let sid = Sid::from_entropy([0; 15]);
        Self {
            session: Session::speaking(dialect, sid, Arc::new(config), first, now),
            dialect,
            now,
            watch,
        }
    }

    /// The machine.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Time since the handshake.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - epoch()
    }

    /// When the machine wants to be called again, since the handshake.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.session.poll_timeout().map(|at| at - epoch())
    }

    // Time

    /// Time passes, and every timer fires when it is due.
    pub fn advance(&mut self, by: Duration) -> &mut Self {
        let end = self.now + by;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.session.handle_timeout(self.now);
        }
        self.now = end;
        self
    }

    /// Time passes without anybody looking at timers.
    pub fn oversleep(&mut self, by: Duration) -> &mut Self {
        self.now += by;
        self
    }

    /// Fires what is due, once.
    pub fn fire(&mut self) -> &mut Self {
        self.session.handle_timeout(self.now);
        self
    }

    // Long-polling

    /// A GET arrives.
    pub fn poll(&mut self, request: u64) -> &mut Self {
        self.watch.asked(request);
        let request = RequestId::new(request);
        self.input(Input::Poll { request })
    }

    /// The client of a GET goes away.
    pub fn drop_poll(&mut self, request: u64) -> &mut Self {
        self.watch.dropped(request);
        let request = RequestId::new(request);
        self.input(Input::PollDropped { request })
    }

    /// The head of a POST arrives.
    pub fn post_head(&mut self, request: u64) -> &mut Self {
        self.watch.asked(request);
        let request = RequestId::new(request);
        self.input(Input::Post { request })
    }

    /// The body of a POST arrives; `|` stands for the separator.
    pub fn post_body(&mut self, request: u64, body: &str) -> &mut Self {
        self.post_bytes(request, body.replace('|', "\u{1e}"))
    }

    /// The body of a POST arrives, as it is.
    pub fn post_bytes(&mut self, request: u64, body: impl Into<Bytes>) -> &mut Self {
        let (request, body) = (RequestId::new(request), body.into());
        self.input(Input::PostBody { request, body })
    }

    /// A whole POST arrives; `|` stands for the separator.
    pub fn post(&mut self, request: u64, body: &str) -> &mut Self {
        self.post_head(request).post_body(request, body)
    }

    /// The body of a POST will not come.
    pub fn fail_post(&mut self, request: u64, failure: PostFailure) -> &mut Self {
        if failure == PostFailure::Dropped {
            self.watch.dropped(request);
        }
        let request = RequestId::new(request);
        self.input(Input::PostFailed { request, failure })
    }

    // WebSocket

    /// A WebSocket with the session's id opens.
    pub fn open_link(&mut self, link: u64) -> &mut Self {
        self.watch.linked(link);
        let (link, base64) = (LinkId::new(link), self.dialect.base64);
        self.input(Input::LinkOpened { link, base64 })
    }

    /// A text frame arrives.
    pub fn text(&mut self, link: u64, text: &str) -> &mut Self {
        self.link(link, text.into())
    }

    /// A frame arrives.
    pub fn link(&mut self, link: u64, data: Data) -> &mut Self {
        let link = LinkId::new(link);
        self.input(Input::Link { link, data })
    }

    /// A WebSocket ends.
    pub fn cut(&mut self, link: u64, reason: CloseReason) -> &mut Self {
        let link = LinkId::new(link);
        self.input(Input::LinkClosed { link, reason })
    }

    /// An upgrade from first to last on `link`, with nothing in between.
    pub fn upgrade(&mut self, link: u64) -> &mut Self {
        self.open_link(link).text(link, "2probe").text(link, "5")
    }

    /// Any input.
    pub fn input(&mut self, input: Input) -> &mut Self {
        self.session.handle_input(self.now, input);
        self
    }

    // The application

    /// Sends a text message.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn try_send(&mut self, text: &str) -> Result<(), SendError> {
        self.try_send_batch(Data::from(text).into())
    }

    /// Sends a batch.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn try_send_batch(&mut self, batch: Batch) -> Result<(), SendError> {
        self.session.send(batch)
    }

    /// Sends a text message, which must be taken.
    pub fn send(&mut self, text: &str) -> &mut Self {
        assert_eq!(self.try_send(text), Ok(()), "sending {text:?}");
        self
    }

    /// Closes the session.
    pub fn close(&mut self, reason: CloseReason) -> &mut Self {
        self.session.close(self.now, reason);
        self
    }

    /// Says whether the layer above has stopped to read.
    pub fn hold_heartbeat(&mut self, held: bool) -> &mut Self {
        self.session.hold_heartbeat(held);
        self
    }

    // Outputs

    /// The next output.
    pub fn output(&mut self) -> Option<String> {
        let output = self.session.poll_output(self.now)?;
        self.watch.output(&output);
        Some(show(&output))
    }

    /// All that is to be done, as lines.
    pub fn outputs(&mut self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.output()).collect();
        self.watch.drained(&self.session);
        lines
    }

    /// Demands exactly these outputs.
    #[track_caller]
    pub fn expect(&mut self, lines: &[&str]) -> &mut Self {
        assert_eq!(self.outputs(), lines, "after {:?}", self.elapsed());
        self
    }
}
