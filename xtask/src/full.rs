//! What is too long, or too rarely wrong, for every change.

use std::fs;

use crate::faults;
use crate::frameworks;
use crate::hostile;
use crate::load;
use crate::sh::{Failure, Outcome, cargo, cargo_of, root, run as run_command, works};
use crate::test::cargo_tool;
use crate::{interleavings, miri, mutants};

/// All of them take hours.
const MUTANTS: &str = "0/12";

pub(crate) fn run() -> Outcome {
    println!("==== deny: licences, bans, sources ====");
    cargo_tool("cargo-deny")?;
    // advisories need a database that no package registry serves
    run_command(&mut cargo([
        "deny",
        "--all-features",
        "--locked",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))?;

    println!("\n==== attacks ====");
    hostile::run(&[])?;

    println!("\n==== faults ====");
    faults::run(&[])?;

    println!("\n==== load ====");
    load::run(&[])?;

    println!("\n==== frameworks ====");
    frameworks::run(&[])?;

    println!("\n==== interleavings ====");
    interleavings::run(&[])?;

    println!("\n==== miri ====");
    miri::run()?;

    println!("\n==== mutants ====");
    mutants::run(&["--shard", MUTANTS])?;

    println!("\n==== oldest supported Rust ====");
    let oldest = rust_version()?;
    if works(&mut cargo_of(&oldest, ["--version"])) {
        run_command(&mut cargo_of(
            &oldest,
            ["check", "--workspace", "--all-features", "--locked"],
        ))
    } else {
        println!(
            "NOT CHECKED: the toolchain {oldest} is not installed (rustup toolchain install {oldest})"
        );
        Ok(())
    }
}

fn rust_version() -> Outcome<String> {
    let manifest = root().join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|error| Failure::new(format!("{}: {error}", manifest.display())))?;
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    version
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("Cargo.toml names no rust-version"))
}
