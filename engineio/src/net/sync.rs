//! Every lock, atomic and task of our own concurrent code, in one place, so that a scheduler that
//! explores interleavings stands in for them under `cfg(shuttle)`.

#[cfg(shuttle)]
use shuttle::sync as primitives;
#[cfg(not(shuttle))]
use std::sync as primitives;
use std::sync::PoisonError;

pub(crate) use primitives::MutexGuard;
pub(crate) use primitives::atomic::{AtomicBool, Ordering};
#[cfg(feature = "server")]
pub(crate) use primitives::atomic::{AtomicU64, AtomicUsize};

/// A lock that a panic elsewhere does not poison: its holders leave no broken state behind.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(primitives::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(primitives::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task of its own, on the runtime that we are in.
#[cfg(feature = "server")]
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    #[cfg(shuttle)]
    shuttle::future::spawn(future);
    #[cfg(not(shuttle))]
    tokio::spawn(future);
}
