//! Attacks a server and prints what came of it. `hostile --help` says how.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

use std::path::PathBuf;
use std::process::ExitCode;

use hostile::{Pace, Plan, Report, Script, all, head, row, run, summary};

const HELP: &str = "\
usage: hostile [--short] [--checked WORDS] [NAME...]

  --short          fewer rounds
  --checked WORDS  the server runs under another program, such as \"valgrind -q\"; fewer rounds, and no bounds of
                   CPU, memory and latency
  NAME             only scripts whose name or row contains it
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut plan = Plan {
        program: beside("hostile_target"),
        wrap: Vec::new(),
        full: true,
        pace: Pace::of_this_build(),
    };
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" => {
                print!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--short" => plan.full = false,
            "--checked" => {
                plan.wrap = args
                    .next()
                    .map(|words| words.split(' ').map(str::to_owned).collect())
                    .unwrap_or_default();
                (plan.full, plan.pace) = (false, Pace::Checked);
            }
            name => names.push(name.to_owned()),
        }
    }
    let wanted = |script: &Script| {
        names.is_empty()
            || names
                .iter()
                .any(|name| script.name.contains(name) || script.row.contains(name))
    };
    let scripts: Vec<Script> = all().into_iter().filter(wanted).collect();
    println!("{}", head());
    let mut reports: Vec<Report> = Vec::new();
    let failed = run(&scripts, &plan, |report| {
        println!("{}", row(report));
        reports.push(report.clone());
    });
    println!("{}", summary(&reports));
    if failed == 0 && !scripts.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A program that was built together with this one.
fn beside(name: &str) -> PathBuf {
    std::env::current_exe()
        .unwrap_or_default()
        .with_file_name(name)
}
