//! Clients that come and go: a WebSocket, the namespace, what they want there, the goodbye, the server's close.

use std::time::Instant;

use testkit::Running;

use crate::Outcome;
use crate::generator::packets::shown;
use crate::generator::{Crowd, Heard, Way};
use crate::measure::{Figures, Span, Times};

/// A client that wants nothing.
pub(crate) fn storm(server: &Running, times: Times, at_once: usize) -> Outcome<Figures> {
    visits(server, times, at_once, &|_| {}, &[])
}

/// What a client says when it is in, and what the answers begin with, in this order.
pub(crate) fn visits(
    server: &Running,
    times: Times,
    at_once: usize,
    words: &dyn Fn(&mut Way<'_>),
    answers: &[String],
) -> Outcome<Figures> {
    let mut crowd = Crowd::new(server.address)?;
    // when each began, and how many answers it has
    let mut visitors = vec![(Instant::now(), 0); at_once];
    let mut span = Span::start(&server.process, times)?;
    for number in 0..at_once {
        crowd.connect(number)?;
    }
    let mut ended = 0;
    let (mut done, mut over) = (Vec::new(), Vec::new());
    loop {
        crowd.turn(|number, heard, way| {
            let (since, came) = visitors.get_mut(number).ok_or("no such client")?;
            match (heard, answers.get(*came)) {
                (Heard::Joined, _) => {
                    span.took(since.elapsed());
                    words(way);
                }
                (Heard::Over, _) => {
                    over.push(number);
                    return Ok(());
                }
                (Heard::Text(message), Some(answer)) if message.starts_with(answer.as_bytes()) => {
                    *came += 1;
                }
                (Heard::Text(message), _) => {
                    return Err(format!("not expected: {}", shown(message)).into());
                }
                (Heard::Binary(_), _) => return Err("not expected: an attachment".into()),
            }
            if *came == answers.len() {
                done.push(number);
            }
            Ok(())
        })?;
        for number in done.drain(..) {
            crowd.leave(number)?;
        }
        for number in over.drain(..) {
            ended += 1;
            *visitors.get_mut(number).ok_or("no such client")? = (Instant::now(), 0);
            crowd.connect(number)?;
        }
        if let Some(figures) = span.over(ended)? {
            return Ok(figures);
        }
    }
}
