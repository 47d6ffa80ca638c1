//! [`HeadTimer`]: deadlines for the heads of requests, without a timer of the runtime for each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::net::clock;
use crate::net::sync::Mutex;

/// A deadline that is noticed later than this: the process stood still. What came meanwhile has as long to be read.
const LATE: Duration = Duration::from_secs(1);

/// The clock of one connection, which hyper asks for a deadline before each head.
///
/// The runtime's timer is left running when the head is there, which costs one needless wake in
/// each timeout; to put it into the runtime's wheel and take it out again for each request would
/// cost more than to read the request's path.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadTimer {
    running: Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>,
}

/// Waits for one head. It belongs to the connection's task, which alone polls it.
struct Deadline {
    timer: HeadTimer,
    at: Instant,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(clock::now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        let timer = self.clone();
        Box::pin(Deadline { timer, at })
    }

    fn now(&self) -> Instant {
        clock::now()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let now = clock::now();
        // hyper asks before it reads
        if now.saturating_duration_since(self.at) > LATE {
            self.at = now + LATE;
        }
        let at = self.at.into();
        let mut running = self.timer.running.lock();
        let sleep = match &mut *running {
            Some(sleep) if sleep.is_elapsed() && sleep.deadline() >= at => return Poll::Ready(()),
            // it comes in time, and then it is moved on
            Some(sleep) if !sleep.is_elapsed() && sleep.deadline() <= at => return Poll::Pending,
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            empty => empty.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        // polled once, it remembers the task
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_came_while_the_process_stood_still_is_read() {
        let mut waits = HeadTimer::default().sleep(Duration::from_secs(10));
        let mut is_over = || {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            waits.as_mut().poll(&mut cx).is_ready()
        };
        assert!(!is_over());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!is_over(), "hyper reads now");
        tokio::time::advance(LATE).await;
        assert!(is_over());
    }

    #[tokio::test]
    async fn a_head_has_its_own_time_whatever_came_before() {
        const TIMEOUT: Duration = Duration::from_millis(100);
        let timer = HeadTimer::default();
        let runs_out = async |wait: Duration| {
            let start = clock::now();
            let head = timer.sleep(TIMEOUT);
            let out = tokio::time::timeout(wait, head).await.is_ok();
            assert!(!out || clock::now() - start >= TIMEOUT);
            out
        };
        // heads that come, at times that have nothing to do with the timer's
        for wait in [10, 90, 30, 80, 90].map(Duration::from_millis) {
            runs_out(wait).await;
        }
        // an answer takes longer than the timer runs
        tokio::time::sleep(2 * TIMEOUT).await;
        for _ in 0..2 {
            assert!(runs_out(Duration::from_secs(10)).await);
        }
    }
}
