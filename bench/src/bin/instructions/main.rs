//! Instructions that the hot paths of the server take, counted by callgrind: unlike times, they are the same on a busy
//! machine. `cargo xtask test instructions` compares them with `bench/instructions.txt`.
//!
//! The server runs under callgrind, in a process of its own and on one thread; the clients speak by hand, outside of it. A
//! path is run twice, the second time with more rounds: the difference is what the rounds took.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod baseline;
mod count;
mod paths;
mod server;

use std::io;
use std::process::ExitCode;

use crate::baseline::{Baseline, Verdict};

type Outcome<T = ()> = io::Result<T>;

const HELP: &str = "\
usage: instructions [--accept]

  compares what the hot paths take with bench/instructions.txt; --accept writes what was counted there
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["serve"] => server::run().map(|()| true),
        [] => check(),
        ["--accept"] => accept().map(|()| true),
        _ => {
            print!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no path takes more than it may.
fn check() -> Outcome<bool> {
    let baseline = Baseline::read()?;
    if !baseline.is_of_this_compiler()? {
        println!(
            "NOT CHECKED: {} was counted with another compiler",
            baseline::FILE
        );
        return Ok(true);
    }
    let mut holds = true;
    for path in paths::ALL {
        let counted = count::of(path)?;
        let verdict = baseline.judge(path.name, counted);
        println!(
            "{:<20} {counted:>7} instructions for {}: {verdict}",
            path.name, path.unit
        );
        holds &= !matches!(verdict, Verdict::Worse { .. } | Verdict::Unknown);
    }
    Ok(holds)
}

fn accept() -> Outcome {
    let mut counts = Vec::new();
    for path in paths::ALL {
        let counted = count::of(path)?;
        println!(
            "{:<20} {counted:>7} instructions for {}",
            path.name, path.unit
        );
        counts.push((path.name, counted));
    }
    baseline::write(&counts)
}
