//! All scripts, with fewer rounds. `cargo xtask hostile` runs them in full.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and its table is its result"
)]

use std::path::PathBuf;

use hostile::{Pace, Plan, all, head, row, run};

#[test]
fn no_attack_does_harm() {
    let plan = Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_hostile_target")),
        wrap: Vec::new(),
        full: false,
        pace: Pace::of_this_build(),
    };
    println!("{}", head());
    let mut failures = Vec::new();
    run(&all(), &plan, |report| {
        println!("{}", row(report));
        if report.verdict.is_err() {
            failures.push(row(report));
        }
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn scripts_are_many_and_have_names_of_their_own() {
    let scripts = all();
    assert!(scripts.len() >= 60);
    let mut names: Vec<&str> = scripts.iter().map(|script| script.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), scripts.len());
}
