//! Events that ask for an answer: each client has so many of them on the way.

use std::collections::VecDeque;
use std::time::Instant;

use testkit::Running;

use super::AT_ONCE;
use crate::Outcome;
use crate::generator::packets::{self, ATTACHMENT, shown};
use crate::generator::{Crowd, Heard, Way};
use crate::measure::{Figures, Span, Times};

/// What one client waits for.
#[derive(Debug, Default)]
struct Caller {
    next: u64,
    open: VecDeque<(u64, Instant)>,
    /// Of an answer whose attachment has not come.
    due: Option<u64>,
}

/// What is sent and must come back.
trait Echo {
    fn send(&mut self, number: u64, way: &mut Way<'_>);

    /// The number of an answer; none when its attachment follows.
    fn heard(&mut self, heard: Heard<'_>, due: &mut Option<u64>) -> Outcome<Option<u64>>;
}

/// A string of 100 bytes.
pub(crate) fn echoes(
    server: &Running,
    times: Times,
    clients: usize,
    depth: usize,
) -> Outcome<Figures> {
    run(server, times, clients, depth, &mut Text::default())
}

/// An attachment of 4 KiB.
pub(crate) fn binaries(
    server: &Running,
    times: Times,
    clients: usize,
    depth: usize,
) -> Outcome<Figures> {
    let attachment = vec![0xa5; ATTACHMENT];
    run(server, times, clients, depth, &mut Binary { attachment })
}

fn run(
    server: &Running,
    times: Times,
    clients: usize,
    depth: usize,
    echo: &mut impl Echo,
) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, clients, AT_ONCE)?;
    let mut callers: Vec<Caller> = Vec::new();
    callers.resize_with(clients, Caller::default);
    let mut span = Span::start(&server.process, times)?;
    for (number, caller) in callers.iter_mut().enumerate() {
        crowd.say(number, |way| {
            for _ in 0..depth {
                caller.call(echo, way);
            }
        })?;
    }
    let mut answers = 0;
    let mut figures = None;
    while figures.is_none() {
        crowd.turn(|number, heard, way| {
            let caller = callers.get_mut(number).ok_or("no such client")?;
            if caller.heard(echo, heard, &mut span)? {
                answers += 1;
                caller.call(echo, way);
            }
            Ok(())
        })?;
        figures = span.over(answers)?;
    }
    // what is still on the way must come, too
    let mut open = clients * depth;
    crowd.until("the last answers", |number, heard, _| {
        let caller = callers.get_mut(number).ok_or("no such client")?;
        open -= usize::from(caller.heard(echo, heard, &mut span)?);
        Ok(open == 0)
    })?;
    let mut figures = figures.ok_or("no figures")?;
    figures.disorder = span.disorder;
    Ok(figures)
}

impl Caller {
    fn call(&mut self, echo: &mut impl Echo, way: &mut Way<'_>) {
        echo.send(self.next, way);
        self.open.push_back((self.next, Instant::now()));
        self.next += 1;
    }

    /// Whether that was an answer.
    fn heard(&mut self, echo: &mut impl Echo, heard: Heard<'_>, span: &mut Span) -> Outcome<bool> {
        let Some(answered) = echo.heard(heard, &mut self.due)? else {
            return Ok(false);
        };
        let place = self.open.iter().position(|(number, _)| *number == answered);
        let place = place.ok_or_else(|| format!("an answer to {answered}, which is not asked"))?;
        span.disorder += u64::from(place != 0);
        if let Some((_, since)) = self.open.remove(place) {
            span.took(since.elapsed());
        }
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Text {
    message: String,
}

impl Echo for Text {
    fn send(&mut self, number: u64, way: &mut Way<'_>) {
        packets::echo(number, &mut self.message);
        way.text(self.message.as_bytes());
    }

    fn heard(&mut self, heard: Heard<'_>, _: &mut Option<u64>) -> Outcome<Option<u64>> {
        let Heard::Text(message) = heard else {
            return Err(format!("not expected: {heard:?}").into());
        };
        let (number, _) = packets::id(message, b"43")?;
        packets::echoed(number, &mut self.message);
        if message != self.message.as_bytes() {
            return Err(format!("not what was sent: {}", shown(message)).into());
        }
        Ok(Some(number))
    }
}

#[derive(Debug)]
struct Binary {
    attachment: Vec<u8>,
}

impl Echo for Binary {
    fn send(&mut self, number: u64, way: &mut Way<'_>) {
        way.text(packets::binary(number).as_bytes());
        packets::renumber(&mut self.attachment, number);
        way.binary(&self.attachment);
    }

    fn heard(&mut self, heard: Heard<'_>, due: &mut Option<u64>) -> Outcome<Option<u64>> {
        match (heard, due.take()) {
            (Heard::Text(message), None) => {
                let (number, _) = packets::id(message, b"461-")?;
                if message != packets::binary_echoed(number).as_bytes() {
                    return Err(format!("not what was sent: {}", shown(message)).into());
                }
                *due = Some(number);
                Ok(None)
            }
            (Heard::Binary(message), Some(number)) => {
                packets::renumber(&mut self.attachment, number);
                if message != self.attachment {
                    return Err(format!("the attachment of {number} is not what was sent").into());
                }
                Ok(Some(number))
            }
            (heard, due) => Err(format!("not expected after {due:?}: {heard:?}").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> Span {
        Span::open(&testkit::Process::new(std::process::id())).unwrap()
    }

    fn asked(count: u64) -> Caller {
        let open = (0..count).map(|number| (number, Instant::now())).collect();
        let (next, due) = (count, None);
        Caller { next, open, due }
    }

    fn answer(caller: &mut Caller, span: &mut Span, message: &str) -> Outcome<bool> {
        caller.heard(&mut Text::default(), Heard::Text(message.as_bytes()), span)
    }

    #[test]
    fn an_answer_is_what_was_sent_and_comes_once() {
        let (mut caller, mut span, mut message) = (asked(2), span(), String::new());
        packets::echoed(0, &mut message);
        assert!(answer(&mut caller, &mut span, &message).unwrap());
        answer(&mut caller, &mut span, &message).unwrap_err();
        packets::echoed(1, &mut message);
        let wrong = message.replacen("43", "431", 1);
        answer(&mut caller, &mut span, &wrong).unwrap_err();
        let wrong = message.replace("xx", "yy");
        answer(&mut caller, &mut span, &wrong).unwrap_err();
        assert_eq!((caller.open.len(), span.disorder), (1, 0));
    }

    #[test]
    fn another_order_is_noted() {
        let (mut caller, mut span, mut message) = (asked(2), span(), String::new());
        for number in [1, 0] {
            packets::echoed(number, &mut message);
            assert!(answer(&mut caller, &mut span, &message).unwrap());
        }
        assert_eq!(span.disorder, 1);
    }

    #[test]
    fn an_attachment_belongs_to_its_text() {
        let (mut caller, mut span) = (asked(1), span());
        let mut echo = Binary {
            attachment: vec![0xa5; ATTACHMENT],
        };
        let mut hear = |heard: Heard<'_>| caller.heard(&mut echo, heard, &mut span);
        let text = packets::binary_echoed(0);
        hear(Heard::Binary(&[0; ATTACHMENT])).unwrap_err();
        assert!(!hear(Heard::Text(text.as_bytes())).unwrap());
        hear(Heard::Binary(&[0; ATTACHMENT])).unwrap_err();
    }
}
