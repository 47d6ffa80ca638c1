//! [`Watch`]: what holds after every output, whatever the test is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use engineio::server::{Event, Output, Session};

/// Looks at everything that goes in and comes out, and panics where the machine breaks its
/// contract: answers to requests nobody made, second answers, events after the end, frames on
/// links that are not there, a timer that is left when all is over.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Each request, and whether it was answered or reported dropped.
    requests: BTreeMap<u64, (bool, bool)>,
    links: BTreeSet<u64>,
    opened: bool,
    closed: bool,
}

impl Watch {
    /// A request was made.
    pub fn asked(&mut self, request: u64) {
        let repeated = self.requests.insert(request, (false, false)).is_some();
        assert!(!repeated, "the test uses request {request} twice");
    }

    /// A request's client went away.
    pub fn dropped(&mut self, request: u64) {
        if let Some((_, dropped)) = self.requests.get_mut(&request) {
            *dropped = true;
        }
    }

    /// A link was opened.
    pub fn linked(&mut self, link: u64) {
        assert!(self.links.insert(link), "the test uses link {link} twice");
    }

    /// Whether [`Event::Closed`] came.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Judges one output.
    pub fn output(&mut self, output: &Output) {
        match output {
            Output::Reply { request, .. } => {
                let request = number(request);
                let known = self.requests.get_mut(&request);
                let (answered, _) = known.expect("an answer to a request that was made");
                assert!(!*answered, "request {request} was answered twice");
                *answered = true;
            }
            Output::Frame { link, .. } => {
                assert!(self.links.contains(&number(link)), "a frame on no link");
                assert!(!self.closed, "a frame after the end");
            }
            Output::CloseLink { link } => {
                assert!(self.links.contains(&number(link)), "the end of no link");
            }
            Output::Event(event) => {
                assert!(!self.closed, "{event:?} after the end");
                assert_eq!(
                    self.opened,
                    *event != Event::Opened,
                    "opened comes first, once"
                );
                self.opened = true;
                self.closed = matches!(event, Event::Closed(_));
            }
            _ => {}
        }
    }

    /// Judges the machine when its outputs are drained.
    pub fn drained(&self, session: &Session) {
        if session.is_closed() {
            assert!(self.closed, "closed without telling");
            assert_eq!(session.poll_timeout(), None, "a timer after the end");
        }
        let waiting = self.requests.values();
        let waiting = waiting.filter(|(answered, dropped)| !answered && !dropped);
        let most = if self.closed || session.link().is_some() {
            0
        } else {
            2
        };
        assert!(waiting.count() <= most, "a request without answer");
    }
}

/// The number in an id, which has no other way out than its `Debug` form.
pub(crate) fn number(id: &impl Debug) -> u64 {
    let text = format!("{id:?}");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("an id shows its number")
}
