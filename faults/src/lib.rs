//! Faults of networks, processes and handlers: what breaks is broken on purpose, and the ledger says what was lost.
//! See `README.md`.

mod book;
mod cuts;
mod handlers;
mod message;
mod offline;
mod outcome;
mod present;
mod processes;
mod run;
mod talk;
mod target;
mod upgrades;

pub use outcome::{Failure, Outcome};
pub use run::{PARTS, Part, Plan, run};
pub use target::serve;
