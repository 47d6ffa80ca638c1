//! The runs of `load/`.

use crate::sh::{Failure, Outcome, cargo, command, run as run_command, target};

/// What `cargo xtask full` runs: all but those that take half an hour and more.
const SHORT: [&str; 8] = [
    "messages",
    "burst",
    "upgrades",
    "fanout",
    "readers",
    "stuck",
    "descriptors",
    "memory",
];

pub(crate) fn run(args: &[&str]) -> Outcome {
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "load",
        "--bins",
    ];
    run_command(&mut cargo(build))?;
    let load = target().join("release/load");
    let load = load.to_string_lossy();
    if !args.is_empty() {
        return run_command(&mut command(&load, args))
            .map_err(|failure| Failure::new(format!("a figure is not as it must be: {failure}")));
    }
    for name in SHORT {
        run_command(&mut command(&load, [name]))
            .map_err(|failure| Failure::new(format!("load {name}: {failure}")))?;
    }
    Ok(())
}
