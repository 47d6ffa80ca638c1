//! [`Rate`]: how many events of a connection are taken in a second.

use std::time::{Duration, Instant};

/// What a client that sent too much at once has to pay for at most: for longer, nothing of it would
/// be read, not even its end.
const DEBT_SECONDS: f64 = 10.0;

/// A bucket that holds a second's worth of events and fills evenly.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    /// Events that may be taken at once.
    left: f64,
    filled: Instant,
    /// Until then nothing is read: the client is ahead of its rate.
    opens_at: Option<Instant>,
}

impl Rate {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second: per_second.max(1),
            left: f64::from(per_second.max(1)),
            filled: now,
            opens_at: None,
        }
    }

    /// One event was taken. What a single read brought is taken whole, and paid for later.
    pub(crate) fn take(&mut self, now: Instant) {
        self.fill(now);
        let least = -DEBT_SECONDS * f64::from(self.per_second);
        self.left = (self.left - 1.0).max(least);
        self.opens_at = self.next(now);
    }

    /// When the next event may be taken; `None` for now.
    pub(crate) fn opens_at(&self) -> Option<Instant> {
        self.opens_at
    }

    /// Lets time count.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.opens_at.is_some_and(|at| at <= now) {
            self.opens_at = self.next(now);
        }
    }

    fn fill(&mut self, now: Instant) {
        let full = f64::from(self.per_second);
        let gained = now.duration_since(self.filled).as_secs_f64() * full;
        self.left = (self.left + gained).min(full);
        self.filled = now;
    }

    fn next(&mut self, now: Instant) -> Option<Instant> {
        self.fill(now);
        let missing = 1.0 - self.left;
        if missing <= 0.0 {
            return None;
        }
        let wait = Duration::from_secs_f64(missing / f64::from(self.per_second));
        Some(now + wait + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_second_s_worth_at_once_then_evenly() {
        let start = clock::now();
        let mut rate = Rate::new(10, start);
        for _ in 0..10 {
            assert_eq!(rate.next(start), None);
            rate.take(start);
        }
        let opens = rate.next(start).expect("a wait");
        let wait = opens - start;
        assert!(
            (Duration::from_millis(100)..Duration::from_millis(110)).contains(&wait),
            "{wait:?}"
        );
        assert_eq!(rate.next(opens), None);
        // a burst is paid for
        for _ in 0..20 {
            rate.take(opens);
        }
        let wait = rate.next(opens).expect("a wait") - opens;
        assert!(wait > Duration::from_millis(1900), "{wait:?}");
        // but not for ever
        let mut slow = Rate::new(1, start);
        for _ in 0..1000 {
            slow.take(start);
        }
        let wait = slow.next(start).expect("a wait") - start;
        assert!(wait < Duration::from_secs(12), "{wait:?}");
        // a long silence does not save more than a second
        let later = opens + Duration::from_secs(3600);
        assert_eq!(rate.next(later), None);
        assert!(rate.left <= 10.0);
    }
}
