//! Our concurrent code under a scheduler that explores interleavings.

use std::process::Command;

use crate::sh::{Failure, Outcome, cargo, run as run_command, target};

/// What has locks, atomics and tasks of its own.
const CRATES: [&str; 3] = ["engineio", "socketio-server", "socketio-client"];
/// Schedules of each kind for each test.
const SCHEDULES: u32 = 2000;
const SHORT: u32 = 200;

pub(crate) fn run(args: &[&str]) -> Outcome {
    match args {
        [] => explore(SCHEDULES, ""),
        [one] => match one.parse() {
            Ok(schedules) => explore(schedules, ""),
            Err(_) => explore(SCHEDULES, one),
        },
        [name, schedules] => match schedules.parse() {
            Ok(schedules) => explore(schedules, name),
            Err(_) => Err(Failure::usage(format!(
                "`{schedules}` is not a number of schedules"
            ))),
        },
        [_, _, extra, ..] => Err(Failure::usage(format!("unexpected argument `{extra}`"))),
    }
}

/// Enough to see that the tests still hold in the ordinary orders.
pub(crate) fn short() -> Outcome {
    explore(SHORT, "")
}

fn explore(schedules: u32, name: &str) -> Outcome {
    let mut test: Command = cargo(["test", "--locked", "--lib", "--target-dir"]);
    // other flags, and so another build of everything
    test.arg(target().join("interleavings"));
    for name in CRATES {
        test.args(["--package", name]);
    }
    test.args(["--features", "engineio/server,engineio/client", "--"]);
    test.arg(if name.is_empty() {
        "interleavings"
    } else {
        name
    });
    test.env("RUSTFLAGS", "--cfg shuttle");
    run_command(test.env("SCHEDULES", schedules.to_string()))
}
