//! The instructions that hot paths take, as a check.

use crate::sh::{Failure, Outcome, cargo, command, run as run_command, target, works};

/// Compares with `bench/instructions.txt`.
pub(crate) fn check() -> Outcome {
    run(&[])
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    if !works(&mut command("valgrind", ["--version"])) {
        return Err(Failure::new("please install valgrind"));
    }
    let mut build = cargo(["build", "--locked", "--profile", "counted"]);
    run_command(build.args(["--package", "bench", "--bin", "instructions"]))?;
    let program = target().join("counted/instructions");
    run_command(command("env", [program]).args(args))
}
