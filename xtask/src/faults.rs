//! The faults of `faults/`, whole.

use crate::sh::{Failure, Outcome, cargo, command, run as run_command, target};

pub(crate) fn run(args: &[&str]) -> Outcome {
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "faults",
        "--bins",
    ];
    run_command(&mut cargo(build))?;
    let faults = target().join("release/faults");
    run_command(&mut command(&faults.to_string_lossy(), args))
        .map_err(|failure| Failure::new(format!("a fault did more than it may: {failure}")))
}
