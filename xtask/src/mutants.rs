//! Changes to parsers and machines that a test has to notice, by cargo-mutants.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sh::{Failure, Outcome, cargo, target};
use crate::test::cargo_tool;

/// Percent of the mutants that compile.
const ENOUGH: usize = 90;
/// What is compiled only where there is a network.
const NETWORKED: &str = "net/(ws/[a-z]+|server/addresses|server/trusted).rs|Frame::(shared|is_shared|control)|Batch::map";

/// A name, and what cargo-mutants needs to know. `.cargo/mutants.toml` says which files there are.
const RUNS: [(&str, &[&str], &[&str]); 3] = [
    (
        "engineio",
        &["--package", "engineio", "--exclude-re", NETWORKED],
        &["--lib", "--tests"],
    ),
    (
        "engineio-net",
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

/// All mutants, those of one run, or those whose name matches, which begins with the file;
/// `--shard K/N` takes every Nth.
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
        let matching = filter.filter(|_| !by_name);
        // patterns are alternatives: one more would not restrict that run
        if by_name && !named(name) || matching.is_some() && options.contains(&"--re") {
            continue;
        }
        println!("\n==== {name} ====");
        let mut mutants: Command = cargo(["mutants", "--jobs", "1", "--output"]);
        let folder = target().join("mutants").join(name);
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
        mutants.arg(&folder).args(options);
        if let Some(pattern) = matching {
            mutants.args(["--re", pattern]);
        }
        if let Some(shard) = shard {
            mutants.args(["--sharding", "round-robin", "--shard", shard]);
        }
        judge(mutants.arg("--").args(tests), &folder)?;
    }
    Ok(())
}

/// Runs it, and counts what was noticed.
fn judge(mutants: &mut Command, folder: &Path) -> Outcome {
    let status = mutants
        .status()
        .map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
    // 2 and 3: some were missed, or ran out of time
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        return Err(Failure::new(format!("cargo mutants failed ({status})")));
    }
    let count = |name: &str| {
        let list = fs::read_to_string(folder.join("mutants.out").join(name));
        list.map_or(0, |list| list.lines().count())
    };
    let noticed = count("caught.txt") + count("timeout.txt");
    let missed = count("missed.txt");
    let all = noticed + missed;
    println!("{noticed} of {all} mutants were noticed");
    if noticed * 100 < all * ENOUGH {
        return Err(Failure::new(format!(
            "{missed} of {all} mutants were missed"
        )));
    }
    Ok(())
}
