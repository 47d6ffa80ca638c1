//! What the load generator and the floors have in common: the wire, and what the events of the benchmark mean on it.

pub mod by_hand;
pub mod floor;
pub mod frames;
pub mod on_a_thread;
