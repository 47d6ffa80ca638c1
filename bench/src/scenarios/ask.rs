//! Clients that ask one thing after the other, each when the last one is answered, beside a talk of others.

use std::time::Instant;

use testkit::Running;

use crate::Outcome;
use crate::generator::packets::{payload, shown};
use crate::generator::{Crowd, Heard};
use crate::measure::{Figures, Span, Times};

/// What a client asks at its n-th turn, and what it must be answered.
pub(crate) type Question<'a> = &'a dyn Fn(usize, u64) -> (String, String);

/// Some who talk in a room meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk<'a> {
    pub(crate) room: &'a str,
    pub(crate) speaker: usize,
    pub(crate) members: u64,
    /// Answers of the others for each word of the speaker.
    pub(crate) every: u64,
}

/// The first `askers` of a crowd ask. One operation is an answer.
pub(crate) fn asks(
    server: &Running,
    crowd: &mut Crowd,
    askers: usize,
    times: Times,
    question: Question<'_>,
    talk: Option<Talk<'_>>,
) -> Outcome<Figures> {
    let mut turns = vec![(0_u64, Instant::now(), String::new()); askers];
    let mut span = Span::start(&server.process, times)?;
    for (number, (_, since, wanted)) in turns.iter_mut().enumerate() {
        let (text, answer) = question(number, 0);
        crowd.say(number, |way| way.text(text.as_bytes()))?;
        (*since, *wanted) = (Instant::now(), answer);
    }
    let (mut answers, mut words, mut heard_words) = (0_u64, 0_u64, 0_u64);
    let mut figures = None;
    while figures.is_none() {
        crowd.turn(|number, heard, way| {
            let Heard::Text(message) = heard else {
                return Err(format!("not expected: {heard:?}").into());
            };
            let Some((count, since, wanted)) = turns.get_mut(number) else {
                heard_words += 1;
                return Ok(());
            };
            if message != wanted.as_bytes() {
                return Err(format!("{}, not {wanted}", shown(message)).into());
            }
            span.took(since.elapsed());
            answers += 1;
            *count += 1;
            let (text, answer) = question(number, *count);
            way.text(text.as_bytes());
            (*since, *wanted) = (Instant::now(), answer);
            Ok(())
        })?;
        if let Some(talk) = talk
            && words < answers / talk.every
        {
            words += 1;
            let text = format!("42[\"room\",\"{}\",{}]", talk.room, payload(words));
            crowd.say(talk.speaker, |way| way.text(text.as_bytes()))?;
        }
        figures = span.over(answers)?;
    }
    let due = words * talk.map_or(0, |talk| talk.members);
    let mut left = askers;
    if left > 0 || heard_words < due {
        crowd.until("the last answers", |number, _, _| {
            if number < askers {
                left -= 1;
            } else {
                heard_words += 1;
            }
            Ok(left == 0 && heard_words == due)
        })?;
    }
    figures.ok_or_else(|| "no figures".into())
}
