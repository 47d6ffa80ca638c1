//! [`Panics`]: panics that nobody would see, because a runtime caught them.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A panic with this in its message is neither counted nor printed.
pub const ON_PURPOSE: &str = "on purpose";

static ALL: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// Counts panics from its making on. A task that panics is caught by its runtime, and a test goes
/// on without it.
#[derive(Debug)]
pub struct Panics {
    here: usize,
    all: usize,
}

impl Panics {
    /// Begins to count.
    #[must_use]
    pub fn watch() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let payload = info.payload();
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref().map(String::as_str));
                if text.is_some_and(|text| text.contains(ON_PURPOSE)) {
                    return;
                }
                ALL.fetch_add(1, Ordering::SeqCst);
                HERE.with(|here| here.set(here.get() + 1));
                before(info);
            }));
        });
        Self {
            here: HERE.get(),
            all: ALL.load(Ordering::SeqCst),
        }
    }

    /// Those of this thread: with a runtime of one thread, all of a test's tasks.
    #[must_use]
    pub fn here(&self) -> usize {
        HERE.get() - self.here
    }

    /// Those of all threads.
    #[must_use]
    pub fn anywhere(&self) -> usize {
        ALL.load(Ordering::SeqCst) - self.all
    }
}
