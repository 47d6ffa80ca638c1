//! The benchmark from end to end: our server and client beside others and beside floors. `cargo xtask bench` builds and
//! installs all that it needs and starts it; README.md says what is measured and how.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod circumstances;
mod clients;
mod contestants;
mod cpus;
mod flags;
mod generator;
mod growth;
mod measure;
mod page;
mod peers;
mod results;
mod scenarios;
mod workers;

use std::error::Error;
use std::process::ExitCode;

use flags::Flags;

/// A value, or what went wrong in words.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const HELP: &str = "\
usage: bench [WHAT] [--quick] [--rounds N] [--seconds S] [--only NAME,NAME]

  peers      the server beside others and beside floors: one table of ratios (without WHAT, this)
  growth     how the cost grows with receivers, rooms, namespaces, members and idle connections
  workers    what the server does on one core and on two
  client     the client beside others
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is as it must be.
fn run(args: &[String]) -> Outcome<bool> {
    let (what, flags) = match args.split_first() {
        Some((what, flags)) if !what.starts_with('-') => (what.as_str(), flags),
        _ => ("peers", args),
    };
    if args.iter().any(|arg| arg == "--help") {
        print!("{HELP}");
        return Ok(true);
    }
    let flags = Flags::parse(flags)?;
    match what {
        "peers" => peers::run(&flags),
        "growth" => growth::run(&flags),
        "workers" => workers::run(&flags),
        "client" => clients::run(&flags),
        unknown => Err(format!("nothing is called {unknown:?}; --help lists what there is").into()),
    }
}

/// A line of progress, beside the tables on stdout.
fn progress(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
