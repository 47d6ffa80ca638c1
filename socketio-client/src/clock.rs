//! The clock: the runtime's, so that tests may stop it and turn it on.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
