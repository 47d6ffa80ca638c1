//! Breaks things and prints what came of it. `faults --help` says how.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

use std::process::ExitCode;

use faults::{PARTS, Plan, run};

const HELP: &str = "\
usage: faults [--short] [NAME...]

  --short  a choice of the cases, as in the test command
  NAME     only these parts, or rows of the fault model; without one, all of them

  FAULTS_SEED=N      what all choices follow from (default 1)
  FAULTS_ONLY=TEXT   only cases that are shown with this text in them
  FAULTS_TIMES=N     each of them so many times
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help") {
        print!("{HELP}");
        for part in PARTS {
            println!("  {:<12} {}", part.name, part.rows);
        }
        return ExitCode::SUCCESS;
    }
    let target = std::env::current_exe().unwrap_or_default();
    let target = target.with_file_name("faults_target");
    let plan = Plan::of_environment(!args.iter().any(|arg| arg == "--short"), target);
    let mut names = args.iter().filter(|arg| !arg.starts_with("--")).peekable();
    let all = names.peek().is_none();
    let names: Vec<&String> = names.collect();
    let is_meant = |own: &str| names.iter().any(|name| *name == own);
    let (mut ran, mut failed) = (0, 0);
    for part in PARTS {
        if !(all || is_meant(part.name) || part.rows.split(' ').any(is_meant)) {
            continue;
        }
        ran += 1;
        match run(part, &plan) {
            Ok(figures) => println!("passed {:<12} {:<12} {figures}", part.name, part.rows),
            Err(failure) => {
                failed += 1;
                println!("FAILED {:<12} {:<12} {failure}", part.name, part.rows);
            }
        }
    }
    println!("{ran} parts, {failed} failed");
    if failed == 0 && ran > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
