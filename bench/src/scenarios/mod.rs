//! What is done with a server, and what one operation of it is.

mod ask;
mod cast;
mod echo;
mod heartbeats;
mod idle;
mod polling;
mod storm;
mod upgrade;

use testkit::Running;

use crate::Outcome;
use crate::contestants::{FLOOR, SOCKETIOXIDE};
use crate::measure::{Figures, Times};

pub(crate) use ask::{Talk, asks};
pub(crate) use cast::{Cast, casts, join_all, rooms, talk};
pub(crate) use echo::{binaries, echoes};
pub(crate) use heartbeats::heartbeats;
pub(crate) use idle::idle;
pub(crate) use polling::polls;
pub(crate) use storm::{storm, visits};
pub(crate) use upgrade::upgrades;

/// What the ratios of a scenario are to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Floor,
    /// Floors have no long-polling.
    Socketioxide,
}

impl Base {
    /// Whom the tables call so.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => FLOOR,
            Self::Socketioxide => SOCKETIOXIDE,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) base: Base,
    /// Whether it is part of a quick run.
    pub(crate) quick: bool,
    pub(crate) run: fn(&Running, Times) -> Outcome<Figures>,
}

/// Those of the table.
pub(crate) const ALL: [Scenario; 13] = [
    Scenario {
        name: "idle",
        operation: "connection opened",
        base: Base::Floor,
        quick: true,
        run: |server, times| {
            idle(
                server,
                if times.window.as_secs() < 2 {
                    2000
                } else {
                    10_000
                },
            )
        },
    },
    Scenario {
        name: "cast-1000-p1",
        operation: "message delivered",
        base: Base::Floor,
        quick: true,
        run: |server, times| casts(server, times, Cast::to(1000)),
    },
    Scenario {
        name: "cast-1000-p8",
        operation: "message delivered",
        base: Base::Floor,
        quick: true,
        run: |server, times| casts(server, times, Cast::to(1000).in_bursts(8)),
    },
    Scenario {
        name: "cast-5000-p1",
        operation: "message delivered",
        base: Base::Floor,
        quick: false,
        run: |server, times| casts(server, times, Cast::to(5000)),
    },
    Scenario {
        name: "cast-5000-p8",
        operation: "message delivered",
        base: Base::Floor,
        quick: false,
        run: |server, times| casts(server, times, Cast::to(5000).in_bursts(8)),
    },
    Scenario {
        name: "room-10",
        operation: "message delivered",
        base: Base::Floor,
        quick: true,
        run: |server, times| rooms(server, times, 1000, 10),
    },
    Scenario {
        name: "echo-1",
        operation: "round trip",
        base: Base::Floor,
        quick: true,
        run: |server, times| echoes(server, times, 100, 1),
    },
    Scenario {
        name: "echo-16",
        operation: "round trip",
        base: Base::Floor,
        quick: true,
        run: |server, times| echoes(server, times, 100, 16),
    },
    Scenario {
        name: "binary-1",
        operation: "round trip",
        base: Base::Floor,
        quick: true,
        run: |server, times| binaries(server, times, 100, 1),
    },
    Scenario {
        name: "binary-16",
        operation: "round trip",
        base: Base::Floor,
        quick: false,
        run: |server, times| binaries(server, times, 100, 16),
    },
    Scenario {
        name: "polling",
        operation: "round trip",
        base: Base::Socketioxide,
        quick: true,
        run: |server, times| polls(server, times, 50),
    },
    Scenario {
        name: "storm",
        operation: "connection",
        base: Base::Floor,
        quick: true,
        run: |server, times| storm(server, times, 50),
    },
    Scenario {
        name: "upgrade",
        operation: "session",
        base: Base::Socketioxide,
        quick: true,
        run: |server, times| upgrades(server, times, 50),
    },
];

/// How many connect at the same time.
pub(crate) const AT_ONCE: usize = 50;
