//! [`Script`]: what becomes of one connection.

use std::time::Duration;

use crate::Random;

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What is done to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Both ends get a RST.
    Reset,
    /// Both ends get a FIN.
    Finish,
    /// Nothing passes any more, either way, and nobody is told.
    Silence,
    /// Nothing passes any more this way.
    Stall,
    /// These bytes are put in.
    Inject(Vec<u8>),
    /// The bits of the next byte that are set here are turned.
    Corrupt(u8),
    /// What comes from here on is this late, but comes in order.
    Delay(Duration),
    /// What comes from here on is written a byte at a time.
    Trickle,
}

/// A place in what passes one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) byte: u64,
    pub(super) behind_head: bool,
    pub(super) on_arrival: bool,
}

impl Place {
    /// As soon as so many bytes have passed.
    #[must_use]
    pub const fn byte(byte: u64) -> Self {
        Self {
            byte,
            behind_head: false,
            on_arrival: false,
        }
    }

    /// The same, counted from the end of the first HTTP head: where the frames of a WebSocket begin.
    #[must_use]
    pub const fn behind_head(byte: u64) -> Self {
        Self {
            behind_head: true,
            ..Self::byte(byte)
        }
    }

    /// Not before the next byte has come, which does not pass.
    #[must_use]
    pub const fn on_arrival(self) -> Self {
        Self {
            on_arrival: true,
            ..self
        }
    }
}

/// Harms, each at its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(pub(super) Vec<(Direction, Place, Harm)>);

impl Script {
    /// No harm.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a harm. Those of one way take place in the order in which they are added.
    #[must_use]
    pub fn at(mut self, direction: Direction, place: Place, harm: Harm) -> Self {
        self.0.push((direction, place, harm));
        self
    }

    /// What follows from a seed: delays and writes in small pieces, and in the end, below this
    /// byte, a cut.
    #[must_use]
    pub fn random(seed: u64, bytes: u64) -> Self {
        let mut random = Random::new(seed);
        let mut script = Self::new();
        for direction in [Direction::Up, Direction::Down] {
            let early = Place::byte(random.below(bytes / 2 + 1));
            script = match random.below(3) {
                0 => script.at(direction, early, Harm::Trickle),
                1 => {
                    let delay = Harm::Delay(Duration::from_millis(random.below(5)));
                    script.at(direction, early, delay)
                }
                _ => script,
            };
        }
        let ends = [Harm::Reset, Harm::Finish, Harm::Silence, Harm::Stall];
        let direction = *random.pick(&[Direction::Up, Direction::Down]);
        let place = Place::byte(bytes / 2 + random.below(bytes / 2 + 1));
        let end = random.pick(&ends).clone();
        script.at(direction, place, end)
    }
}
