//! A backlog: the server is stopped, all its clients say what they have to say, and then it works that off while the
//! generator sleeps. So its cores are its own, even on a machine that has no more of them than it uses.

use std::thread::sleep;
use std::time::{Duration, Instant};

use testkit::{Running, Signal};

use crate::Outcome;
use crate::generator::packets::{self, payload};
use crate::generator::{Crowd, Heard};
use crate::scenarios::{AT_ONCE, join_all};

/// Between two looks at the server's clock.
const LOOK: Duration = Duration::from_millis(2);
/// A server that used less than `IDLE` of CPU for so long has nothing left to do.
const QUIET: Duration = Duration::from_millis(40);
const IDLE: Duration = Duration::from_micros(100);
const PATIENCE: Duration = Duration::from_secs(30);

/// How a backlog was worked off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shot {
    pub(super) operations: u64,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

impl Shot {
    pub(super) fn rate(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }

    pub(super) fn each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.operations as f64
    }

    /// Cores that were busy.
    pub(super) fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// What is said by whom, and how many messages must come of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    clients: usize,
    /// Members of a room, when there are rooms.
    room: Option<usize>,
    /// The first of each group of so many speaks.
    every: usize,
    times: u64,
    /// Who hears each word.
    hearers: u64,
    say: fn(usize, u64) -> String,
}

/// Few messages for each of many connections: each costs a read or a write, as in live traffic. `echo, pipelined` has many
/// for each, and so shows what the server itself does with a message.
pub(super) const LOADS: [Load; 5] = [
    Load {
        name: "echo",
        every: 1,
        times: 2,
        hearers: 1,
        say: echo,
        ..CAST
    },
    Load {
        name: "echo, pipelined",
        clients: 400,
        every: 1,
        times: 300,
        hearers: 1,
        say: echo,
        ..CAST
    },
    CAST,
    Load {
        name: "cast to 8000, eight senders",
        every: 1000,
        ..CAST
    },
    Load {
        name: "rooms of ten",
        room: Some(10),
        every: 10,
        times: 2,
        hearers: 10,
        say: |speaker, number| format!("42[\"room\",\"room{}\",{}]", speaker / 10, payload(number)),
        ..CAST
    },
];

const CAST: Load = Load {
    name: "cast to 8000, one sender",
    clients: 8000,
    room: None,
    every: 8000,
    times: 1,
    hearers: 8000,
    say: |_, number| format!("42[\"cast\",{}]", payload(number)),
};

fn echo(_: usize, number: u64) -> String {
    let mut text = String::new();
    packets::echo(number, &mut text);
    text
}

impl Load {
    /// So many backlogs, one after the other; the first is a warm-up.
    pub(super) fn shots(&self, server: &Running, count: usize) -> Outcome<Vec<Shot>> {
        let mut crowd = Crowd::of(server.address, self.clients, AT_ONCE)?;
        if let Some(members) = self.room {
            join_all(&mut crowd, &|number| {
                vec![format!("room{}", number / members)]
            })?;
        }
        let mut shots = Vec::new();
        for _ in 0..=count {
            shots.push(self.shoot(server, &mut crowd)?);
        }
        drop(shots.drain(..1));
        Ok(shots)
    }

    fn shoot(&self, server: &Running, crowd: &mut Crowd) -> Outcome<Shot> {
        server.signal(Signal::STOP)?;
        let mut said = 0;
        for speaker in (0..self.clients).step_by(self.every) {
            crowd.say(speaker, |way| {
                for number in 0..self.times {
                    way.text((self.say)(speaker, number).as_bytes());
                }
            })?;
            said += self.times;
        }
        if !crowd.is_flushed() {
            return Err("the backlog is more than the system takes".into());
        }
        let operations = said * self.hearers;
        let shot = watch(server, operations)?;
        let mut missing = operations;
        crowd.until("what the backlog brings", |_, heard, _| {
            let Heard::Text([b'4', ..]) = heard else {
                return Err(format!("not expected: {heard:?}").into());
            };
            missing -= 1;
            Ok(missing == 0)
        })?;
        Ok(shot)
    }
}

/// Lets it go on, until it has nothing more to do.
fn watch(server: &Running, operations: u64) -> Outcome<Shot> {
    let before = server.process.cpu()?;
    let start = Instant::now();
    server.signal(Signal::CONT)?;
    let (mut cpu, mut end) = (before, start);
    while end.elapsed() < QUIET {
        sleep(LOOK);
        let now = server.process.cpu()?;
        if now > cpu + IDLE {
            (cpu, end) = (now, Instant::now());
        }
        if start.elapsed() > PATIENCE {
            return Err("a backlog that never ends".into());
        }
    }
    if end == start {
        return Err("the server did nothing with its backlog".into());
    }
    Ok(Shot {
        operations,
        wall: end - start,
        cpu: cpu - before,
    })
}
