//! [`ClientWatch`]: what holds after every output of a client machine.

use std::collections::{BTreeMap, BTreeSet};

use engineio::client::{Event, Output, Session};

use crate::watch::number;

/// Looks at everything that goes in and comes out, and panics where the machine breaks its
/// contract: a second GET or POST beside the first, frames on links that are not open, events
/// after the end, anything once it is over.
#[derive(Clone, Debug, Default)]
pub struct ClientWatch {
    get: Option<u64>,
    post: Option<u64>,
    /// Every request that was not abandoned.
    asked: BTreeSet<u64>,
    /// Each link that was asked for, and whether it is open.
    links: BTreeMap<u64, bool>,
    ended: BTreeSet<u64>,
    opened: bool,
    closed: bool,
    over: bool,
}

impl ClientWatch {
    /// A request ended.
    pub fn answered(&mut self, request: u64) {
        self.get.take_if(|own| *own == request);
        self.post.take_if(|own| *own == request);
    }

    /// A link is open.
    pub fn linked(&mut self, link: u64) {
        if let Some(is_open) = self.links.get_mut(&link) {
            *is_open = true;
        }
    }

    /// A link ended.
    pub fn unlinked(&mut self, link: u64) {
        self.ended.insert(link);
    }

    /// The GET that is out.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        self.get
    }

    /// The POST that is out.
    #[must_use]
    pub fn post(&self) -> Option<u64> {
        self.post
    }

    /// Judges one output.
    pub fn output(&mut self, output: &Output) {
        assert!(!self.over, "{output:?} when all is over");
        match output {
            Output::Get { request } => {
                let second = self.get.replace(number(request));
                assert_eq!(second, None, "a second GET");
                assert!(self.asked.insert(number(request)), "a name twice");
            }
            Output::Post { request, body } => {
                let second = self.post.replace(number(request));
                assert_eq!(second, None, "a second POST");
                assert!(self.asked.insert(number(request)), "a name twice");
                assert!(!body.is_empty(), "a POST of nothing");
            }
            Output::Abandon { request } => {
                // its answer may have come when this was decided already
                let request = number(request);
                assert!(self.asked.remove(&request), "no request");
                self.answered(request);
            }
            Output::OpenLink { link, .. } => {
                let repeated = self.links.insert(number(link), false).is_some();
                assert!(!repeated, "a link's name twice");
            }
            Output::Frame { link, .. } => {
                let link = number(link);
                assert_eq!(self.links.get(&link), Some(&true), "a frame on no link");
            }
            Output::CloseLink { link } => {
                let link = self.links.remove(&number(link));
                assert!(link.is_some(), "the end of no link");
            }
            Output::Event(event) => {
                assert!(!self.closed, "{event:?} after the end");
                self.closed = matches!(event, Event::Closed(_));
                assert!(
                    self.closed || self.opened != (*event == Event::Opened),
                    "opened comes first, once"
                );
                self.opened = true;
            }
            _ => {}
        }
    }

    /// Judges the machine when its outputs are drained.
    pub fn drained(&mut self, session: &Session) {
        if session.is_closed() {
            assert!(self.closed, "closed without telling");
            assert_eq!(session.poll_timeout(), None, "a timer after the end");
            assert_eq!((self.get, self.post), (None, None), "nobody was told");
            let left = self.links.keys().find(|link| !self.ended.contains(link));
            assert_eq!(left, None, "a link that nobody closed");
            assert_eq!(session.buffered(), 0);
            self.over = true;
        } else {
            assert!(session.poll_timeout().is_some(), "no deadline");
        }
    }
}
