//! What comes to a session: commands of others, and what its WebSocket brings.

use std::task::Context;
use std::time::Instant;

use super::Driver;
use crate::CloseReason;
use crate::net::server::Upper;
use crate::net::server::io::Wire;
use crate::net::server::link::{Link, Read};
use crate::net::server::shared::Command;
use crate::server::{Input, LinkId};

impl<U: Upper> Driver<U> {
    pub(super) fn on_command(&mut self, now: Instant, command: Command, cx: &mut Context<'_>) {
        match command {
            Command::Input(input) => {
                if let Input::PostFailed { failure, .. } = &input {
                    self.handle.explain(failure.to_string());
                }
                self.session.handle_input(now, input);
            }
            Command::Request(input, reply) => {
                if let Input::Poll { request } | Input::Post { request } = &input {
                    self.requests.add(*request, reply);
                }
                self.session.handle_input(now, input);
            }
            Command::Wire(wire, base64) => self.on_wire(now, wire, base64, cx),
            Command::Close(reason) => {
                while self.feed(now) {}
                self.session.close(now, reason);
            }
        }
        self.drain(now, cx);
    }

    /// A WebSocket arrived: the machine says whether it may probe.
    pub(super) fn on_wire(&mut self, now: Instant, wire: Wire, base64: bool, cx: &mut Context<'_>) {
        let id = LinkId::new(self.next_link);
        self.next_link += 1;
        let link = Box::new(self.new_link(id, wire, base64));
        if self.link.is_some() {
            return link.close(cx, Default::default(), self.handle.core());
        }
        self.link = Some(link);
        let opened = Input::LinkOpened { link: id, base64 };
        self.session.handle_input(now, opened);
    }

    pub(super) fn new_link(&self, id: LinkId, wire: Wire, base64: bool) -> Link {
        let dialect = self.handle.terms().dialect.base64(base64);
        Link::new(id, wire, dialect, self.handle.core().engine.max_payload)
    }

    /// Reads what the WebSocket brought, unless the layer above has enough to do.
    pub(super) fn read(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let full = self.upper.is_full();
        self.session.hold_heartbeat(full);
        if full {
            return false;
        }
        self.requests.release();
        let Some(mut link) = self.link.take() else {
            return false;
        };
        let id = link.id;
        let read = link.read(cx, |data| {
            self.session
                .handle_input(now, Input::Link { link: id, data });
        });
        self.link = Some(link);
        let more = match read {
            Read::Empty => false,
            Read::More => true,
            Read::End(reason, detail) => {
                let probing = self.session.link() != Some(id);
                if !probing {
                    self.handle.explain(detail);
                }
                self.session
                    .handle_input(now, Input::LinkClosed { link: id, reason });
                if probing && let Some(probe) = self.link.take() {
                    probe.close(cx, Default::default(), self.handle.core());
                }
                true
            }
        };
        self.drain(now, cx);
        more
    }

    /// A client that sends more while the server has no memory for it is given up.
    pub(super) fn judge_input(&mut self, now: Instant, cx: &mut Context<'_>) {
        let link = self.link.as_ref().map_or(0, |link| link.held());
        if self.incoming.settle(link + self.upper.held()) {
            self.handle
                .explain("the server has no memory for what the client sends");
            self.session.close(now, CloseReason::ServerError);
            self.drain(now, cx);
        }
    }
}
