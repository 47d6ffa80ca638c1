//! Connections that are opened and left alone: what opening costs, and what one holds.

use std::thread::sleep;
use std::time::Duration;

use testkit::Running;

use super::AT_ONCE;
use crate::Outcome;
use crate::generator::Crowd;
use crate::measure::{Figures, Span};

/// Until what opening left behind is tidied up.
const QUIET: Duration = Duration::from_secs(1);
/// Until a server that has just begun to listen has all it needs.
const FIRST: usize = 50;

pub(crate) fn idle(server: &Running, count: usize) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, FIRST, AT_ONCE)?;
    sleep(QUIET);
    let before = server.process.proportional()?;
    let span = Span::open(&server.process)?;
    crowd.grow(count, AT_ONCE)?;
    sleep(QUIET);
    let mut figures = span.close(count as u64)?;
    let memory = server.process.proportional()? as f64 - before as f64;
    figures.bytes = Some(memory / count as f64);
    Ok(figures)
}
