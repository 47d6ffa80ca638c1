//! The judge of all runs is itself judged: correct logs pass, and every broken one is caught.
#![expect(clippy::indexing_slicing, reason = "a test may panic")]

mod broken;
mod lines;
mod props;
