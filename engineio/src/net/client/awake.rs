//! [`AwakeClock`]: a session's time, which goes on while the machine sleeps.

use std::time::{Duration, Instant};

use crate::net::{clock, platform};

/// The runtime's clock, and what the machine has slept since the session began. Timers do not
/// count that, but the server does: what a laptop sends after a night has nobody to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AwakeClock {
    slept: fn() -> Duration,
    before: Duration,
}

impl AwakeClock {
    pub(super) fn new() -> Self {
        Self::counting(platform::slept)
    }

    fn counting(slept: fn() -> Duration) -> Self {
        let before = slept();
        Self { slept, before }
    }

    pub(super) fn now(&self) -> Instant {
        clock::now() + self.slept()
    }

    /// When the runtime's clock says `at`, if the machine does not sleep meanwhile.
    pub(super) fn timer(&self, at: Instant) -> Instant {
        let now = clock::now();
        at.checked_sub(self.slept()).unwrap_or(now).max(now)
    }

    fn slept(&self) -> Duration {
        (self.slept)().saturating_sub(self.before)
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::client::Event;
    use crate::net::client::{Client, Options};
    use crate::net::server::{self, on_connection, serve};
    use crate::{CloseReason, Transport};

    static SLEPT: AtomicU64 = AtomicU64::new(0);

    #[tokio::test]
    async fn a_session_that_slept_too_long_is_expired_before_anything_is_sent() {
        let service = on_connection(server::Options::default(), async |mut connection| {
            while connection.recv().await.is_some() {}
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = listener.local_addr().unwrap().to_string();
        let handle = service.server();
        tokio::spawn(serve(listener, handle, service, std::future::pending()));

        let options = Options::new(&url).unwrap();
        let options = options.transports([Transport::WebSocket]);
        let mut connection = Client::new(options).unwrap().connect();
        connection.clock =
            AwakeClock::counting(|| Duration::from_secs(SLEPT.load(Ordering::Relaxed)));
        assert_eq!(connection.next().await, Some(Event::Opened));
        SLEPT.store(40, Ordering::Relaxed);
        assert!(!connection.is_expired(), "the server waits for 45 s");
        SLEPT.store(46, Ordering::Relaxed);
        assert!(connection.is_expired());
        let closed = Event::Closed(CloseReason::PingTimeout);
        assert_eq!(connection.next().await, Some(closed));
    }

    #[test]
    fn the_machine_has_not_slept_during_this_test() {
        let clock = AwakeClock::new();
        assert!(clock.slept() < Duration::from_secs(1));
        let at = clock.now() + Duration::from_secs(9);
        assert!(at - clock.timer(at) < Duration::from_secs(1));
    }
}
