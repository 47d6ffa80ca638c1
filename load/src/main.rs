//! Load on a server in a process of its own, looked at from outside. `load` without arguments lists the runs.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod life;
mod peer;
mod raw;
mod report;
mod scenarios;
mod settings;
mod target;

use std::error::Error;
use std::process::ExitCode;

use report::Report;
use settings::Settings;

/// A value, or what went wrong in words.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        print!("{}", scenarios::help());
        return ExitCode::SUCCESS;
    };
    match run(name, rest) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {name}: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every figure is as it must be.
fn run(name: &str, settings: &[String]) -> Outcome<bool> {
    let scenario = scenarios::find(name).ok_or("no such run; without arguments they are listed")?;
    let settings = Settings::parse(settings)?;
    let mut report = Report::new(name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(scenario(settings, &mut report))?;
    report.print();
    Ok(report.passed())
}
