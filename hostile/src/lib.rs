//! Attacks on a server in a process of its own, and what is measured of it from outside. See `README.md`.

mod attack;
mod effort;
mod honest;
mod outcome;
mod peer;
mod run;
mod script;
mod scripts;
mod table;
mod target;
mod websocket;

pub use attack::Attack;
pub use outcome::{Failure, Outcome};
pub use run::{Plan, Report, run};
pub use script::{Pace, Script};
pub use scripts::all;
pub use table::{head, row, summary};
pub use testkit::Launch;
