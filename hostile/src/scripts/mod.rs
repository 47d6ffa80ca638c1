//! The scripts, by layer.

use crate::Script;

mod http;

/// All scripts, in the order in which they are run.
#[must_use]
pub fn all() -> Vec<Script> {
    [http::SCRIPTS].concat()
}
