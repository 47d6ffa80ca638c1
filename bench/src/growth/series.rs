//! What grows.

use std::time::Duration;

use testkit::Running;

use crate::Outcome;
use crate::contestants::Contestant;
use crate::generator::Crowd;
use crate::generator::packets::payload;
use crate::measure::{Figures, Times};
use crate::scenarios::{AT_ONCE, Cast, Talk, asks, casts, heartbeats, join_all, talk, visits};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) operation: &'static str,
    /// What the sizes are.
    pub(crate) of: &'static str,
    pub(crate) sizes: [usize; 4],
    /// Or a floor beside it.
    pub(crate) is_ours: bool,
    pub(crate) run: fn(&Running, Times, usize) -> Outcome<Figures>,
}

const CROWDS: [usize; 4] = [100, 1000, 5000, 15_000];
const DECADES: [usize; 4] = [1, 10, 100, 1000];
/// Node's 25 s would make a run of hours.
const PING: Duration = Duration::from_secs(4);

pub(crate) fn all() -> Vec<Series> {
    let crowd = Series {
        name: "cast",
        operation: "message of a broadcast delivered",
        of: "receivers",
        sizes: CROWDS,
        is_ours: true,
        run: |server, times, size| casts(server, times, Cast::to(size)),
    };
    vec![
        crowd,
        Series {
            name: "cast-floor",
            is_ours: false,
            ..crowd
        },
        Series {
            name: "rooms",
            operation: "join and leave of one room more",
            of: "rooms of a socket",
            sizes: DECADES,
            is_ours: true,
            run: rooms,
        },
        Series {
            name: "rooms-talk",
            operation: "message to a room of ten delivered",
            of: "rooms of each member",
            sizes: DECADES,
            is_ours: true,
            run: rooms_talk,
        },
        Series {
            name: "rooms-visit",
            operation: "room of a client that comes, joins them all and goes",
            of: "rooms",
            sizes: DECADES,
            is_ours: true,
            run: rooms_visit,
        },
        Series {
            name: "namespaces",
            operation: "round trip in one of them",
            of: "namespaces of a connection",
            sizes: DECADES,
            is_ours: true,
            run: namespaces,
        },
        Series {
            name: "namespaces-visit",
            operation: "namespace of a client that comes, enters them all and goes",
            of: "namespaces",
            sizes: DECADES,
            is_ours: true,
            run: namespaces_visit,
        },
        Series {
            name: "members",
            operation: "join and leave, beside talk to ten others",
            of: "members of the room",
            sizes: CROWDS,
            is_ours: true,
            run: members,
        },
        Series {
            name: "heartbeats",
            operation: "ping and pong",
            of: "idle connections",
            sizes: CROWDS,
            is_ours: true,
            run: heartbeats_of,
        },
    ]
}

impl Series {
    /// Who is measured.
    pub(crate) fn contestant(&self) -> Outcome<Contestant> {
        if !self.is_ours {
            return Contestant::own(self.name, "floor_raw");
        }
        let server = Contestant::own(self.name, "growth_server")?;
        Ok(match self.name {
            "heartbeats" => server.set("PING_INTERVAL_MS", PING.as_millis()),
            "namespaces" | "namespaces-visit" => server.set("NAMESPACES", 1000),
            _ => server,
        })
    }

    /// Pings come when they are due, not when there is time.
    pub(crate) fn times(&self, times: Times) -> Times {
        if self.name != "heartbeats" {
            return times;
        }
        let (warm, window) = (PING, PING * 2);
        Times { warm, window }
    }
}

/// A hundred clients that are in so many rooms join one more and leave it.
fn rooms(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, 100, AT_ONCE)?;
    join_all(&mut crowd, &|_| {
        (0..size).map(|room| format!("r{room}")).collect()
    })?;
    pairs(
        server,
        &mut crowd,
        100,
        times,
        &|number| format!("own{number}"),
        None,
    )
}

/// Joins and leaves in turn. One operation is both.
fn pairs(
    server: &Running,
    crowd: &mut Crowd,
    askers: usize,
    times: Times,
    room: &dyn Fn(usize) -> String,
    talk: Option<Talk<'_>>,
) -> Outcome<Figures> {
    let question = |number, count: u64| {
        let event = if count.is_multiple_of(2) {
            "join"
        } else {
            "leave"
        };
        let text = format!("42{count}[\"{event}\",\"{}\"]", room(number));
        (text, format!("43{count}[true]"))
    };
    let mut figures = asks(server, crowd, askers, times, &question, talk)?;
    figures.operations /= 2;
    Ok(figures)
}

/// Ten clients to a room, each of them in so many rooms.
fn rooms_talk(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    let mut crowd = Crowd::of(server.address, 100, AT_ONCE)?;
    join_all(&mut crowd, &|number| {
        let others = (1..size).map(|room| format!("r{room}"));
        others.chain([format!("room{}", number / 10)]).collect()
    })?;
    talk(server, times, &mut crowd, 10)
}

fn rooms_visit(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    let answers: Vec<String> = (0..size).map(|id| format!("43{id}[true]")).collect();
    let mut figures = visits(
        server,
        times,
        10,
        &|way| {
            for id in 0..size {
                way.text(format!("42{id}[\"join\",\"r{id}\"]").as_bytes());
            }
        },
        &answers,
    )?;
    figures.operations *= size as u64;
    Ok(figures)
}

/// Clients that are in so many namespaces ask in one after the other.
fn namespaces(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    const CLIENTS: usize = 20;
    let mut crowd = Crowd::of(server.address, CLIENTS, AT_ONCE)?;
    let mut open = 0;
    for number in 0..CLIENTS {
        crowd.say(number, |way| {
            for namespace in 0..size {
                way.text(format!("40/{namespace},").as_bytes());
                open += 1;
            }
        })?;
    }
    crowd.until("the namespaces", |_, _, _| {
        open -= 1;
        Ok(open == 0)
    })?;
    let question = |_: usize, count: u64| {
        // a step that meets them all, far from the last one
        let namespace = count.wrapping_mul(389) % size as u64;
        let payload = payload(count);
        (
            format!("42/{namespace},{count}[\"echo\",{payload}]"),
            format!("43/{namespace},{count}[{payload}]"),
        )
    };
    asks(server, &mut crowd, CLIENTS, times, &question, None)
}

fn namespaces_visit(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    let answers: Vec<String> = (0..size)
        .map(|name| format!("40/{name},{{\"sid\":\""))
        .collect();
    let mut figures = visits(
        server,
        times,
        10,
        &|way| {
            for name in 0..size {
                way.text(format!("40/{name},").as_bytes());
            }
        },
        &answers,
    )?;
    figures.operations *= size as u64;
    Ok(figures)
}

/// A hundred clients join and leave a room of so many others, while ten more talk.
fn members(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    const ASKERS: usize = 100;
    const TALKERS: usize = 10;
    let mut crowd = Crowd::of(server.address, ASKERS + TALKERS + size, AT_ONCE)?;
    join_all(&mut crowd, &|number| {
        if number < ASKERS {
            Vec::new()
        } else if number < ASKERS + TALKERS {
            vec!["ten".to_owned()]
        } else {
            vec!["all".to_owned()]
        }
    })?;
    let talk = Talk {
        room: "ten",
        speaker: ASKERS,
        members: TALKERS as u64,
        every: 20,
    };
    pairs(
        server,
        &mut crowd,
        ASKERS,
        times,
        &|_| "all".to_owned(),
        Some(talk),
    )
}

fn heartbeats_of(server: &Running, times: Times, size: usize) -> Outcome<Figures> {
    heartbeats(server, times, size)
}
