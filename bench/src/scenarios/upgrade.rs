//! Sessions that begin on long-polling and go on as a WebSocket, as those of official clients do.

use std::time::Instant;

use bench::frames::{self, Kind};
use testkit::Running;

use crate::Outcome;
use crate::generator::packets::{self, shown};
use crate::generator::{Lines, answer, get, is_ok, post, sid, upgrade, without_ping};
use crate::measure::{Figures, Span, Times};

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The answer to its first GET.
    Open,
    /// The answer to the POST that asks for the namespace.
    Posted,
    /// The namespace.
    Joined,
    /// The switch to WebSocket.
    Switching,
    /// The pong of the probe, and the end of the poll.
    Probing {
        ponged: bool,
        polled: bool,
    },
    Echo,
    /// The server's close.
    Leaving,
    Over,
}

#[derive(Debug)]
struct Session {
    /// Its lines: HTTP and WebSocket.
    lines: [usize; 2],
    sid: String,
    stage: Stage,
    since: Instant,
}

/// What a session does next.
#[derive(Debug)]
enum Next {
    Nothing,
    Get,
    Join,
    /// The poll that waits, and the WebSocket.
    Switch,
    Probe,
    /// The packet that upgrades, and an echo.
    Upgrade,
    Leave,
    Begin,
}

const NUMBER: u64 = 0;

pub(crate) fn upgrades(server: &Running, times: Times, at_once: usize) -> Outcome<Figures> {
    let mut lines = Lines::new(server.address)?;
    let mut span = Span::start(&server.process, times)?;
    let mut sessions: Vec<Session> = (0..at_once).map(Session::new).collect();
    let mut todo: Vec<(usize, Next)> = (0..at_once).map(|number| (number, Next::Begin)).collect();
    let mut ended = 0;
    loop {
        for (number, next) in todo.drain(..) {
            let session = sessions.get_mut(number).ok_or("no such session")?;
            session.act(&next, &mut lines)?;
        }
        lines.turn(|line, input, is_ended| {
            let session = sessions.get_mut(line / 2).ok_or("no such session")?;
            let is_websocket = line % 2 == 1;
            let (next, used) = if is_websocket && session.stage != Stage::Switching {
                session.frame(input)?
            } else {
                session.answer(input)?
            };
            if is_ended && used == 0 && is_websocket && session.stage == Stage::Leaving {
                session.stage = Stage::Over;
                ended += 1;
                span.took(session.since.elapsed());
                todo.push((line / 2, Next::Begin));
            } else if is_ended && used == 0 && is_websocket && session.stage != Stage::Over {
                return Err(format!("cut off: {:?}", session.stage).into());
            }
            todo.push((line / 2, next));
            Ok(used)
        })?;
        if let Some(figures) = span.over(ended)? {
            return Ok(figures);
        }
    }
}

impl Session {
    fn new(number: usize) -> Self {
        Self {
            lines: [number * 2, number * 2 + 1],
            sid: String::new(),
            stage: Stage::Open,
            since: Instant::now(),
        }
    }

    /// An answer over HTTP.
    fn answer(&mut self, input: &[u8]) -> Outcome<(Next, usize)> {
        let Some(answer) = answer(input)? else {
            return Ok((Next::Nothing, 0));
        };
        // a session is over before its pong is due
        let (body, _) = without_ping(&answer.body);
        let body = body.as_slice();
        let (stage, next) = match (self.stage, answer.status) {
            (Stage::Open, 200) => {
                self.sid = sid(body)?;
                (Stage::Posted, Next::Join)
            }
            (Stage::Posted, 200) if is_ok(body) => (Stage::Joined, Next::Get),
            (Stage::Joined, 200) if body.starts_with(b"40{\"sid\":\"") => {
                (Stage::Switching, Next::Switch)
            }
            (Stage::Switching, 101) => {
                let (ponged, polled) = (false, false);
                (Stage::Probing { ponged, polled }, Next::Probe)
            }
            (Stage::Probing { ponged, .. }, 200) if body == b"6" => {
                let polled = true;
                self.probed(Stage::Probing { ponged, polled })
            }
            // a ping alone: the poll is over and another has to wait
            (stage @ (Stage::Joined | Stage::Switching | Stage::Probing { .. }), 200)
                if body.is_empty() =>
            {
                (stage, Next::Get)
            }
            (stage, status) => {
                return Err(format!("not expected, {stage:?}: {status} {}", shown(body)).into());
            }
        };
        self.stage = stage;
        Ok((next, input.len() - answer.behind))
    }

    /// A frame of the WebSocket.
    fn frame(&mut self, input: &[u8]) -> Outcome<(Next, usize)> {
        let Some(frame) = frames::first(input)? else {
            return Ok((Next::Nothing, 0));
        };
        let content = frame.content;
        let (stage, next) = match (self.stage, frame.kind) {
            (Stage::Probing { polled, .. }, Kind::Text) if content == b"3probe" => {
                let ponged = true;
                self.probed(Stage::Probing { ponged, polled })
            }
            (stage, Kind::Text) if content == b"2" => (stage, Next::Nothing),
            (Stage::Echo, Kind::Text) => {
                let mut wanted = String::new();
                packets::echoed(NUMBER, &mut wanted);
                if content != wanted.as_bytes() {
                    return Err(format!("not what was sent: {}", shown(content)).into());
                }
                (Stage::Leaving, Next::Leave)
            }
            (stage @ Stage::Leaving, _) => (stage, Next::Nothing),
            (stage, kind) => {
                return Err(format!("not expected, {stage:?}: {kind:?} {}", shown(content)).into());
            }
        };
        self.stage = stage;
        Ok((next, input.len() - frame.rest.len()))
    }

    /// Goes on when the probe is answered and no poll waits any more.
    fn probed(&self, stage: Stage) -> (Stage, Next) {
        match stage {
            Stage::Probing {
                ponged: true,
                polled: true,
            } => (Stage::Echo, Next::Upgrade),
            stage => (stage, Next::Nothing),
        }
    }

    fn act(&mut self, next: &Next, lines: &mut Lines) -> Outcome {
        let (sid, [http, websocket]) = (&self.sid, self.lines);
        match next {
            Next::Nothing => Ok(()),
            Next::Begin => {
                lines.hang_up(http);
                lines.hang_up(websocket);
                (self.stage, self.since) = (Stage::Open, Instant::now());
                lines.send(http, |out| get("", out))
            }
            Next::Join => lines.send(http, |out| post(sid, b"40", out)),
            Next::Get => lines.send(http, |out| get(sid, out)),
            Next::Switch => {
                lines.send(http, |out| get(sid, out))?;
                lines.send(websocket, |out| upgrade(sid, out))
            }
            Next::Probe => lines.send(websocket, |out| frames::masked(Kind::Text, b"2probe", out)),
            Next::Upgrade => {
                let mut echo = String::new();
                packets::echo(NUMBER, &mut echo);
                lines.send(websocket, |out| {
                    frames::masked(Kind::Text, b"5", out);
                    frames::masked(Kind::Text, echo.as_bytes(), out);
                })
            }
            Next::Leave => lines.send(websocket, |out| {
                frames::masked(Kind::Close, &[0x03, 0xe8], out);
            }),
        }
    }
}
