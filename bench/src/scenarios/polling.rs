//! Clients on long-polling: a GET that waits, and a POST, each on a connection that is kept.

use std::time::Instant;

use testkit::Running;

use crate::Outcome;
use crate::generator::packets::{self, shown};
use crate::generator::{Lines, answer, get, is_ok, post, without_ping};
use crate::measure::{Figures, Span, Times};

#[derive(Debug)]
struct Poller {
    sid: String,
    number: u64,
    since: Instant,
    /// Its answers that are still out: that of the GET, and that of the POST.
    open: [bool; 2],
    /// A pong has to go with what is said next.
    is_pinged: bool,
}

/// What a client does next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Only wait again.
    Poll,
    Call,
}

pub(crate) fn polls(server: &Running, times: Times, clients: usize) -> Outcome<Figures> {
    let mut lines = Lines::new(server.address)?;
    let mut pollers = Vec::new();
    for client in 0..clients {
        pollers.push(Poller {
            sid: lines.join(client * 2)?,
            number: 0,
            since: Instant::now(),
            open: [false; 2],
            is_pinged: false,
        });
    }
    let mut span = Span::start(&server.process, times)?;
    let mut message = String::new();
    let mut ready: Vec<(usize, Next)> = (0..clients).map(|client| (client, Next::Call)).collect();
    let mut trips = 0;
    loop {
        for (client, next) in ready.drain(..) {
            let poller = pollers.get_mut(client).ok_or("no such client")?;
            match next {
                Next::Poll => lines.send(client * 2, |out| get(&poller.sid, out))?,
                Next::Call => poller.call(client, &mut lines, &mut message)?,
            }
        }
        lines.turn(|line, input, is_ended| {
            let Some(answer) = answer(input)? else {
                return if is_ended {
                    Err("cut off".into())
                } else {
                    Ok(0)
                };
            };
            let poller = pollers.get_mut(line / 2).ok_or("no such client")?;
            packets::echoed(poller.number, &mut message);
            let (body, is_pinged) = without_ping(&answer.body);
            poller.is_pinged |= is_pinged;
            let open = poller.open.get_mut(line % 2).ok_or("no such half")?;
            let is_right = match line % 2 {
                0 => body == message.as_bytes() || body.is_empty() && is_pinged,
                _ => is_ok(&body),
            };
            if answer.status != 200 || !is_right || !*open {
                return Err(format!("not expected: {} {}", answer.status, shown(&body)).into());
            }
            if body.is_empty() {
                ready.push((line / 2, Next::Poll));
                return Ok(input.len() - answer.behind);
            }
            *open = false;
            if poller.open == [false; 2] {
                trips += 1;
                span.took(poller.since.elapsed());
                ready.push((line / 2, Next::Call));
            }
            Ok(input.len() - answer.behind)
        })?;
        if let Some(figures) = span.over(trips)? {
            return Ok(figures);
        }
    }
}

impl Poller {
    fn call(&mut self, client: usize, lines: &mut Lines, message: &mut String) -> Outcome {
        (self.since, self.open) = (Instant::now(), [true; 2]);
        self.number += 1;
        let sid = &self.sid;
        lines.send(client * 2, |out| get(sid, out))?;
        packets::echo(self.number, message);
        if std::mem::take(&mut self.is_pinged) {
            message.insert_str(0, "3\u{1e}");
        }
        lines.send(client * 2 + 1, |out| post(sid, message.as_bytes(), out))
    }
}
