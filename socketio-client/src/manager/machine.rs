//! When to dial: a machine that is told what happened, the time, and a random number.
//!
//! ```text
//!            want             opened
//! ┌──────┐ ─────▶ ┌─────────┐ ─────▶ ┌──────┐
//! │ Idle │        │ Dialing │        │ Open │
//! └──────┘ ◀───── └─────────┘        └──────┘
//!     ▲   given up   ▲   │ failed        │ ended, and still wanted
//!     │              │   ▼               │
//!     │           ┌─────────┐            │
//!     └────────── │ Waiting │ ◀──────────┘
//!      unwanted   └─────────┘
//! ```

use std::time::Instant;

use crate::reconnect::Reconnect;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// With the number of the attempt; 0 is the first one, which is no reconnection.
    Dialing(u32),
    Open,
    Waiting {
        attempt: u32,
        until: Instant,
    },
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, or nothing before [`Machine::poll_timeout`].
    Nothing,
    /// Dial, as the reconnection of that number unless it is 0.
    Dial(u32),
    /// All attempts were used up.
    GaveUp,
}

#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    pub(crate) reconnect: Reconnect,
}

impl Machine {
    pub(crate) fn new(reconnect: Reconnect) -> Self {
        Self {
            state: State::Idle,
            reconnect,
        }
    }

    /// A connection is wanted. One that is waited for is not hurried.
    pub(crate) fn want(&mut self) -> Next {
        match self.state {
            State::Idle => {
                self.state = State::Dialing(0);
                Next::Dial(0)
            }
            State::Dialing(_) | State::Open | State::Waiting { .. } => Next::Nothing,
        }
    }

    /// No connection is wanted, and the one that there was is somebody else's.
    pub(crate) fn unwant(&mut self) {
        self.state = State::Idle;
    }

    /// The connection is there: the number of the reconnection, if it is one.
    pub(crate) fn opened(&mut self) -> Option<u32> {
        let State::Dialing(attempt) = self.state else {
            return None;
        };
        self.state = State::Open;
        Some(attempt).filter(|attempt| *attempt > 0)
    }

    /// The connection ended, or did not come about, and is still wanted.
    pub(crate) fn ended(&mut self, now: Instant, random: f64) -> Next {
        let before = match self.state {
            State::Dialing(attempt) => attempt,
            State::Open => 0,
            State::Idle | State::Waiting { .. } => return Next::Nothing,
        };
        let attempt = before.saturating_add(1);
        match self.reconnect.wait(attempt, random) {
            Some(wait) => {
                // a time that cannot be told never comes
                let until = now.checked_add(wait);
                self.state = until.map_or(State::Idle, |until| State::Waiting { attempt, until });
                Next::Nothing
            }
            None => {
                self.state = State::Idle;
                Next::GaveUp
            }
        }
    }

    /// The settings changed: attempts that would not be made any more are not.
    pub(crate) fn configure(&mut self, reconnect: Reconnect) -> Next {
        self.reconnect = reconnect;
        match self.state {
            State::Waiting { attempt, .. } if reconnect.wait(attempt, 0.0).is_none() => {
                self.state = State::Idle;
                Next::GaveUp
            }
            _ => Next::Nothing,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Next {
        match self.state {
            State::Waiting { attempt, until } if until <= now => {
                self.state = State::Dialing(attempt);
                Next::Dial(attempt)
            }
            _ => Next::Nothing,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            State::Idle | State::Dialing(_) | State::Open => None,
        }
    }

    /// Whether this is an attempt to come back.
    pub(crate) fn is_reconnecting(&self) -> bool {
        matches!(self.state, State::Dialing(attempt) if attempt > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn any_instant() -> Instant {
        crate::clock::now()
    }

    fn steady() -> Reconnect {
        Reconnect::default().randomization(0.0)
    }

    #[test]
    fn attempts_are_counted_from_one_and_start_again_after_a_success() {
        let (mut machine, mut now) = (Machine::new(steady()), any_instant());
        assert_eq!(machine.want(), Next::Dial(0));
        assert_eq!(machine.want(), Next::Nothing);
        assert_eq!(machine.opened(), None);
        for round in 0..2 {
            assert_eq!(machine.ended(now, 0.0), Next::Nothing);
            for (attempt, seconds) in [(1, 1), (2, 2), (3, 4), (4, 5)] {
                assert_eq!(machine.want(), Next::Nothing, "{round}");
                let until = now + Duration::from_secs(seconds);
                assert_eq!(machine.poll_timeout(), Some(until));
                assert_eq!(
                    machine.handle_timeout(until - Duration::from_nanos(1)),
                    Next::Nothing
                );
                now = until;
                assert_eq!(machine.handle_timeout(now), Next::Dial(attempt));
                assert!(machine.is_reconnecting());
                assert_eq!(machine.ended(now, 0.0), Next::Nothing);
            }
            now += Duration::from_secs(5);
            assert_eq!(machine.handle_timeout(now), Next::Dial(5));
            assert_eq!(machine.opened(), Some(5));
        }
    }

    #[test]
    fn it_gives_up_once_and_can_be_started_again() {
        let (mut machine, now) = (Machine::new(steady().attempts(1)), any_instant());
        machine.want();
        assert_eq!(machine.ended(now, 0.0), Next::Nothing);
        let later = now + Duration::from_secs(1);
        assert_eq!(machine.handle_timeout(later), Next::Dial(1));
        assert_eq!(machine.ended(later, 0.0), Next::GaveUp);
        assert_eq!(machine.ended(later, 0.0), Next::Nothing);
        assert_eq!((machine.state, machine.poll_timeout()), (State::Idle, None));
        assert_eq!(machine.want(), Next::Dial(0));
    }

    #[test]
    fn what_is_not_wanted_any_more_does_not_dial() {
        let (mut machine, now) = (Machine::new(steady()), any_instant());
        machine.want();
        machine.ended(now, 0.0);
        machine.unwant();
        assert_eq!(
            machine.handle_timeout(now + Duration::from_secs(9)),
            Next::Nothing
        );
    }

    #[test]
    fn switching_it_off_stops_a_wait() {
        let (mut machine, now) = (Machine::new(steady()), any_instant());
        machine.want();
        machine.ended(now, 0.0);
        assert_eq!(machine.configure(steady().attempts(3)), Next::Nothing);
        assert_eq!(machine.configure(Reconnect::never()), Next::GaveUp);
        assert_eq!(machine.state, State::Idle);
    }
}
