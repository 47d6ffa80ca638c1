//! [`Observer`]: somebody who may want to know.

use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

/// Who wants to know; usually nobody.
pub(super) struct Observer<T> {
    present: AtomicBool,
    observer: Mutex<Option<Arc<T>>>,
}

impl<T> Default for Observer<T> {
    fn default() -> Self {
        Self {
            present: AtomicBool::new(false),
            observer: Mutex::new(None),
        }
    }
}

impl<T> Observer<T> {
    pub(super) fn set(&self, observer: T) {
        *self.observer.lock() = Some(Arc::new(observer));
        self.present.store(true, Ordering::Release);
    }

    pub(super) fn get(&self) -> Option<Arc<T>> {
        if !self.present.load(Ordering::Acquire) {
            return None;
        }
        self.observer.lock().clone()
    }

    pub(super) fn is_present(&self) -> bool {
        self.present.load(Ordering::Acquire)
    }
}
