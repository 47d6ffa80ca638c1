//! [`Reconnect`]: how long to wait before the next attempt.

use std::time::Duration;

/// What is done when a connection ends that is still wanted, or does not come about.
///
/// The wait before attempt `n` is `delay * 2^(n-1)`, at most `delay_max`, moved by a random part
/// of at most `randomization` in either direction; never over `delay_max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    attempts: Option<u32>,
    delay: Duration,
    delay_max: Duration,
    randomization: f64,
}

impl Default for Reconnect {
    /// Node's: for ever, after 1 s, 2 s, 4 s and then every 5 s, half of it at random.
    fn default() -> Self {
        Self {
            attempts: None,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            randomization: 0.5,
        }
    }
}

impl Reconnect {
    /// Nothing is tried again.
    #[must_use]
    pub fn never() -> Self {
        Self::default().attempts(0)
    }

    /// How many attempts in a row may fail. Default: any number.
    #[must_use]
    pub fn attempts(mut self, attempts: impl Into<Option<u32>>) -> Self {
        self.attempts = attempts.into();
        self
    }

    /// The wait before the first attempt, without its random part. Default 1 s.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The longest wait. Default 5 s.
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// How much of a wait is random: 0 is nothing, 1 all of it; other values count as the nearest
    /// of the two. Default 0.5.
    #[must_use]
    pub fn randomization(mut self, part: f64) -> Self {
        self.randomization = if part.is_nan() {
            0.0
        } else {
            part.clamp(0.0, 1.0)
        };
        self
    }

    /// Whether anything is tried again.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.attempts != Some(0)
    }

    /// The wait before attempt number `attempt` (from 1 on), with `random` from 0 to 1; `None`
    /// when there are no more attempts.
    pub(crate) fn wait(&self, attempt: u32, random: f64) -> Option<Duration> {
        if self.attempts.is_some_and(|most| attempt > most) {
            return None;
        }
        let factor = 1u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let delay = self.delay.saturating_mul(factor).min(self.delay_max);
        let part = part_of(delay, self.randomization);
        // the range is cut, not the value: many clients of one server that went must not all
        // come back after exactly `delay_max`
        let (low, high) = (
            delay.saturating_sub(part),
            delay.saturating_add(part).min(self.delay_max),
        );
        let above = part_of(high - low, random.clamp(0.0, 1.0));
        Some(low.saturating_add(above))
    }
}

/// A part of a time, from 0 to 1; of very long ones an `f64` makes longer ones than there are.
fn part_of(time: Duration, part: f64) -> Duration {
    let seconds = time.as_secs_f64() * part;
    Duration::try_from_secs_f64(seconds).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_grow_up_to_their_bound() {
        let steady = Reconnect::default().randomization(0.0);
        let waits: Vec<_> = (1..=5).filter_map(|n| steady.wait(n, 0.3)).collect();
        assert_eq!(waits, [ms(1000), ms(2000), ms(4000), ms(5000), ms(5000)]);
        assert_eq!(steady.wait(u32::MAX, 0.0), Some(ms(5000)));
    }

    #[test]
    fn a_random_part_moves_them_and_none_is_over_the_bound() {
        let reconnect = Reconnect::default();
        assert_eq!(reconnect.wait(1, 0.0), Some(ms(500)));
        assert_eq!(reconnect.wait(1, 1.0), Some(ms(1500)));
        assert_eq!(reconnect.wait(9, 0.0), Some(ms(2500)));
        assert_eq!(reconnect.wait(9, 0.5), Some(ms(3750)));
        assert_eq!(reconnect.wait(9, 1.0), Some(ms(5000)));
        let all = reconnect.randomization(7.0);
        assert_eq!(all.wait(1, 0.0), Some(ms(0)));
    }

    #[test]
    fn the_longest_times_are_no_overflow() {
        let long = Reconnect::default()
            .delay(Duration::MAX)
            .delay_max(Duration::MAX);
        for part in [0.0, 0.5, 1.0] {
            for random in [0.0, 0.5, 1.0] {
                assert!(long.randomization(part).wait(3, random).is_some());
            }
        }
    }

    #[test]
    fn attempts_end() {
        let twice = Reconnect::default().attempts(2);
        assert!(twice.wait(2, 0.0).is_some() && twice.wait(3, 0.0).is_none());
        assert!(!Reconnect::never().is_enabled() && Reconnect::never().wait(1, 0.0).is_none());
    }
}
