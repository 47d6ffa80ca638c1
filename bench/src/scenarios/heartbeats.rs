//! Connections that only answer pings.

use testkit::Running;

use super::AT_ONCE;
use crate::Outcome;
use crate::generator::Crowd;
use crate::measure::{Figures, Span, Times};

/// One operation is a ping and its pong.
pub(crate) fn heartbeats(server: &Running, times: Times, clients: usize) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, clients, AT_ONCE)?;
    crowd.pings = 0;
    let mut span = Span::start(&server.process, times)?;
    loop {
        crowd.turn(|number, heard, _| Err(format!("client {number} heard {heard:?}").into()))?;
        if let Some(figures) = span.over(crowd.pings)? {
            return Ok(figures);
        }
    }
}
