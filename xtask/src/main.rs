//! The project's own commands; `cargo xtask --help` lists them.
#![expect(clippy::print_stdout, reason = "a command-line tool speaks on stdout")]

mod bench;
mod conformance;
mod demo;
mod faults;
mod frameworks;
mod full;
mod fuzz;
mod hostile;
mod instructions;
mod interleavings;
mod load;
mod miri;
mod mutants;
mod setup;
mod sh;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask COMMAND

  demo                       serve the chat page; PORT chooses the port (3000)
  test [STEP...]             everything that a change must pass, or the steps named:
                             fmt, clippy, test, doc, interleavings, instructions,
                             purity, package
  setup                      install what demo and test need; does nothing when all is there
  fuzz [TARGET] [SECONDS]    cargo-fuzz on nightly, all targets or one, 60 seconds each
  conformance DIR [--runs N] the official protocol suites found in DIR, against our fixtures
      --engine PROGRAM       another Engine.IO echo server instead of the bin `engine_echo`
      --socket PROGRAM       another Socket.IO server instead of the bin `protocol_fixture`
  interleavings [TEST] [N]   concurrent code under a scheduler that explores: N schedules (2000) of each
                             kind for each test, or for those whose name contains TEST
  instructions [--accept]    what the hot paths of the server take, by callgrind, against bench/instructions.txt
  miri                       the crates without I/O under miri, on nightly
  mutants [WHAT] [--shard K/N]
                             changes to parsers and machines that a test has to notice; WHAT is engineio,
                             engineio-net, socketio-proto or a pattern, such as `text.rs`
  hostile [NAME...]          attacks over raw TCP, in full, or those whose name or row contains NAME
      --short                with fewer rounds
      --valgrind             with fewer rounds, the server under valgrind
  faults [NAME...]           connections, upgrades, processes and handlers that break, in full, or those parts or
                             rows of the fault model; FAULTS_SEED chooses another run
      --short                with fewer cases
  load [NAME [SETTING=VALUE...]]  load on a server in a process of its own: the runs of some minutes, or the one named
                             (`soak`, `churn`, `idle` take longer; `load` in load/README.md)
  bench [WHAT]               the server beside others and beside floors, as one table of ratios; or WHAT: growth,
                             workers, client (bench/README.md)
      --quick                fewer rounds, fewer of the others
      --rounds N, --seconds S, --only NAME,NAME
  frameworks [NAME...]       the applications of frameworks/, all or those named, with the official client
  full                       what is too long, or too rarely wrong, for every change:
                             licences and sources of the dependencies, the oldest supported Rust,
                             the attacks, the faults, the load, the applications of frameworks/,
                             interleavings, miri, a share of the mutants
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        [] | ["-h" | "--help" | "help", ..] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [_, rest @ ..] if rest.contains(&"--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        ["demo"] => demo::run(),
        ["test", steps @ ..] => test::run(steps),
        ["setup"] => setup::all(),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["conformance", rest @ ..] => conformance::run(rest),
        ["miri"] => miri::run(),
        ["mutants", rest @ ..] => mutants::run(rest),
        ["interleavings", rest @ ..] => interleavings::run(rest),
        ["instructions", rest @ ..] => instructions::run(rest),
        ["hostile", rest @ ..] => hostile::run(rest),
        ["faults", rest @ ..] => faults::run(rest),
        ["load", rest @ ..] => load::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["frameworks", names @ ..] => frameworks::run(names),
        ["full"] => full::run(),
        ["demo" | "setup" | "miri" | "full", extra, ..] => {
            Err(sh::Failure::usage(format!("unexpected argument `{extra}`")))
        }
        [unknown, ..] => Err(sh::Failure::usage(format!(
            "unknown command `{unknown}`, see `cargo xtask --help`"
        ))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.status())
        }
    }
}
