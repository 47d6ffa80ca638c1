//! The attack scripts of `hostile/`, in full or under valgrind.

use crate::sh::{Failure, Outcome, cargo, command, run as run_command, target, works};

const VALGRIND: &str = "valgrind --quiet --error-exitcode=99 --track-origins=yes --leak-check=no";

pub(crate) fn run(args: &[&str]) -> Outcome {
    let valgrind = args.contains(&"--valgrind");
    let rest = args.iter().copied().filter(|arg| *arg != "--valgrind");
    if valgrind && !works(&mut command("valgrind", ["--version"])) {
        println!("SKIPPED: valgrind is not installed");
        return Ok(());
    }
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "hostile",
        "--bins",
    ];
    run_command(&mut cargo(build))?;
    let mut attack = command(&target().join("release/hostile").to_string_lossy(), rest);
    if valgrind {
        attack.args(["--checked", VALGRIND]);
    }
    run_command(&mut attack)
        .map_err(|failure| Failure::new(format!("an attack did harm: {failure}")))
}
