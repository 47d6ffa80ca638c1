//! Our server goes and comes back; clients over each transport come back by themselves and lose nothing they kept.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::cell::RefCell;

use common::Served;
use interop::{Failure, Script, play_restarts};

fn restarts(client: &str) -> Result<(), Failure> {
    let served = Served::contract(0);
    let (url, port) = (served.url(), served.port());
    let script = Script::node("reconnect.mjs").arg(url).arg(client).start()?;
    let served = RefCell::new(Some(served));
    play_restarts(
        script,
        || served.take().unwrap().stop(),
        || {
            served.replace(Some(Served::contract(port)));
            Ok(())
        },
    )?;
    let served = served.take().unwrap();
    served.settles();
    served.stop();
    Ok(())
}

#[test]
fn clients_4_8_outlive_restarts() -> Result<(), Failure> {
    restarts("4.8")
}

#[test]
fn clients_4_0_outlive_restarts() -> Result<(), Failure> {
    restarts("4.0")
}

#[test]
fn clients_3_0_outlive_restarts() -> Result<(), Failure> {
    restarts("3")
}
