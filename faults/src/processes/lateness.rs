//! [`Lateness`]: how long this process did not get to run when it wanted to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;

const BEAT: Duration = Duration::from_millis(5);

/// Watches a timer until it is dropped.
#[derive(Debug)]
pub(super) struct Lateness {
    most: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

impl Lateness {
    pub(super) fn watch() -> Self {
        let most = Arc::<AtomicU64>::default();
        let told = Arc::clone(&most);
        let watch = tokio::spawn(async move {
            loop {
                let start = Instant::now();
                sleep(BEAT).await;
                let late = start.elapsed().saturating_sub(BEAT).as_micros();
                told.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { most, watch }
    }

    /// The most that it was late.
    pub(super) fn most(&self) -> Duration {
        Duration::from_micros(self.most.load(Ordering::Relaxed))
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
