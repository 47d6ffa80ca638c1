//! [`ClientScript`]: one client machine and a clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio::client::{Config, Detail, Input, LinkId, RequestId, Session};
use engineio::{Batch, CloseReason, Data, SendError};

use crate::{ClientWatch, epoch, show_client};

/// What a server of today says when it opens a session.
pub const HANDSHAKE: &str = "0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\
                             \"pingTimeout\":20000,\"maxPayload\":1000000}";

/// A client machine that is told what happens, by the numbers that it gave to its requests and
/// links: the first is 1, and they share one counter.
///
/// Outputs are only drained by [`ClientScript::expect`] and [`ClientScript::outputs`].
#[derive(Debug)]
pub struct ClientScript {
    session: Session,
    now: Instant,
    watch: ClientWatch,
}

impl ClientScript {
    /// A session that has not begun to talk.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            session: Session::new(Arc::new(config), epoch()),
            now: epoch(),
            watch: ClientWatch::default(),
        }
    }

    /// A session on long-polling that will not upgrade, its GET 2 out.
    #[must_use]
    pub fn polling(mut config: Config) -> Self {
        config.upgrade = false;
        let mut script = Self::new(config);
        script.expect(&["get 1"]).answer(1, HANDSHAKE);
        script.expect(&["opened", "get 2"]);
        script
    }

    /// A session on long-polling, its GET 3 out and its link 2 opening.
    #[must_use]
    pub fn probing(config: Config) -> Self {
        let mut script = Self::new(config);
        script.expect(&["get 1"]).answer(1, HANDSHAKE);
        script.expect(&["opened", "open 2: websocket", "get 3"]);
        script
    }

    /// A session on link 1.
    #[must_use]
    pub fn linked(mut config: Config) -> Self {
        config
            .transports
            .retain(|kind| *kind != engineio::Transport::Polling);
        let mut script = Self::new(config);
        script.expect(&["open 1: websocket"]);
        script.open_link(1).text(1, HANDSHAKE).expect(&["opened"]);
        script
    }

    /// The machine.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The GET that is out.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        self.watch.get()
    }

    /// The POST that is out.
    #[must_use]
    pub fn post(&self) -> Option<u64> {
        self.watch.post()
    }

    /// When the machine wants to be called again, since it began.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.session.poll_timeout().map(|at| at - epoch())
    }

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

    /// A request is answered 200; `|` stands for the separator.
    pub fn answer(&mut self, request: u64, body: &str) -> &mut Self {
        self.answer_with(request, 200, body.replace('|', "\u{1e}"))
    }

    /// A request is answered.
    pub fn answer_with(&mut self, request: u64, status: u16, body: impl Into<Bytes>) -> &mut Self {
        self.watch.answered(request);
        let (request, body) = (RequestId::new(request), body.into());
        self.input(Input::Answered {
            request,
            status,
            body,
        })
    }

    /// A request fails.
    pub fn fail(&mut self, request: u64) -> &mut Self {
        self.watch.answered(request);
        let request = RequestId::new(request);
        self.input(Input::Failed { request })
    }

    /// A link is open.
    pub fn open_link(&mut self, link: u64) -> &mut Self {
        self.watch.linked(link);
        let link = LinkId::new(link);
        self.input(Input::LinkOpened { link })
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

    /// A link ends.
    pub fn cut(&mut self, link: u64, reason: CloseReason, detail: Option<Detail>) -> &mut Self {
        self.watch.unlinked(link);
        let link = LinkId::new(link);
        self.input(Input::LinkClosed {
            link,
            reason,
            detail,
        })
    }

    /// Any input.
    pub fn input(&mut self, input: Input) -> &mut Self {
        self.session.handle_input(self.now, input);
        self
    }

    /// Sends a batch.
    ///
    /// # Errors
    /// As [`Session::send`].
    pub fn try_send(&mut self, batch: impl Into<Batch>) -> Result<(), SendError> {
        self.session.send(batch.into())
    }

    /// Sends a text message, which must be taken.
    pub fn send(&mut self, text: &str) -> &mut Self {
        assert_eq!(self.try_send(Data::from(text)), Ok(()), "sending {text:?}");
        self
    }

    /// Closes the session.
    pub fn close(&mut self) -> &mut Self {
        self.session.close(self.now, CloseReason::ForcedClose);
        self
    }

    /// The next output.
    pub fn output(&mut self) -> Option<String> {
        let output = self.session.poll_output(self.now)?;
        self.watch.output(&output);
        Some(show_client(&output))
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
        assert_eq!(self.outputs(), lines, "after {:?}", self.now - epoch());
        self
    }
}
