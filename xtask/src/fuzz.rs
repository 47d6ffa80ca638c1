//! Fuzzing with cargo-fuzz on nightly. Seeds are committed, corpora are kept on this machine.

use std::fs;

use crate::sh::{Failure, Outcome, cargo_of, output, root, run as run_command, works};
use crate::test::cargo_tool;

const SECONDS: u32 = 60;

pub(crate) fn run(args: &[&str]) -> Outcome {
    let (target, seconds) = parse(args)?;
    if !root().join("fuzz/Cargo.toml").exists() {
        return Err(Failure::new("there is no fuzz/Cargo.toml yet"));
    }
    if !works(&mut cargo_of("nightly", ["--version"])) {
        return Err(Failure::new("fuzzing needs a nightly toolchain"));
    }
    cargo_tool("cargo-fuzz")?;
    let known = output(&mut cargo_of("nightly", ["fuzz", "list"]))?;
    let known: Vec<&str> = known.lines().collect();
    let wanted = match target {
        Some(target) if !known.contains(&target) => {
            return Err(Failure::usage(format!(
                "unknown target `{target}`; there are {}",
                known.join(", ")
            )));
        }
        Some(target) => vec![target],
        None => known,
    };
    for target in wanted {
        println!("\n==== {target}, {seconds} s ====");
        let (corpus, seeds) = (
            format!("fuzz/corpus/{target}"),
            format!("fuzz/seeds/{target}"),
        );
        fs::create_dir_all(root().join(&corpus))
            .map_err(|error| Failure::new(format!("{corpus}: {error}")))?;
        let mut fuzz = cargo_of("nightly", ["fuzz", "run", target, &corpus]);
        if root().join(&seeds).exists() {
            fuzz.arg(&seeds);
        }
        run_command(fuzz.args(["--", &format!("-max_total_time={seconds}")]))?;
    }
    Ok(())
}

fn parse<'a>(args: &[&'a str]) -> Outcome<(Option<&'a str>, u32)> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
    match args {
        [] => Ok((None, SECONDS)),
        [one] => Ok(number(one).map_or((Some(*one), SECONDS), |seconds| (None, seconds))),
        [target, seconds] => match number(seconds) {
            Some(seconds) => Ok((Some(*target), seconds)),
            None => Err(Failure::usage(format!(
                "`{seconds}` is not a number of seconds"
            ))),
        },
        [_, _, extra, ..] => Err(Failure::usage(format!("unexpected argument `{extra}`"))),
    }
}
