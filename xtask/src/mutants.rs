//! Changes to parsers and machines that a test has to notice, by cargo-mutants.

use std::process::Command;

use crate::sh::{Failure, Outcome, cargo, run as run_command, target};
use crate::test::cargo_tool;

/// What is compiled only where there is a network.
const NETWORKED: &str = "net/ws.rs|Frame::(shared|is_shared|control)|Batch::map";

/// A name, and what cargo-mutants needs to know. `.cargo/mutants.toml` says which files there are.
const RUNS: [(&str, &[&str], &[&str]); 3] = [
    (
        "engineio",
        &["--package", "engineio", "--exclude-re", NETWORKED],
        &["--lib", "--tests"],
    ),
    (
        "engineio-ws",
        &[
            "--package",
            "engineio",
            "--features",
            "server",
            "--re",
            NETWORKED,
        ],
        &["--lib"],
    ),
    (
        "socketio-proto",
        &["--package", "socketio-proto", "--features", "msgpack"],
        &["--lib", "--tests"],
    ),
];

/// All mutants, those of one run, or those of a file; `--shard K/N` takes every Nth.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (filter, shard) = match args {
        [] => (None, None),
        [filter] => (Some(*filter), None),
        ["--shard", shard] => (None, Some(*shard)),
        [filter, "--shard", shard] => (Some(*filter), Some(*shard)),
        [.., extra] => return Err(Failure::usage(format!("unexpected argument `{extra}`"))),
    };
    cargo_tool("cargo-mutants")?;
    let named = |name: &str| filter.is_none_or(|filter| name == filter);
    let by_name = RUNS.iter().any(|(name, ..)| named(name));
    for (name, options, tests) in RUNS {
        if by_name && !named(name) {
            continue;
        }
        println!("\n==== {name} ====");
        let mut mutants: Command = cargo(["mutants", "--jobs", "1", "--output"]);
        mutants
            .arg(target().join("mutants").join(name))
            .args(options);
        if let Some(filter) = filter.filter(|_| !by_name) {
            mutants.args(["--file", filter]);
        }
        if let Some(shard) = shard {
            mutants.args(["--sharding", "round-robin", "--shard", shard]);
        }
        run_command(mutants.arg("--").args(tests))?;
    }
    Ok(())
}
