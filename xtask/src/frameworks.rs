//! The applications of `frameworks/`: built, checked and driven by the official client.

use std::fs;

use crate::setup;
use crate::sh::{Failure, Outcome, cargo, root, run as run_command};

const MANIFEST: &str = "frameworks/Cargo.toml";

pub(crate) fn run(wanted: &[&str]) -> Outcome {
    let all = applications()?;
    if let Some(unknown) = wanted
        .iter()
        .find(|name| all.iter().all(|own| own != *name))
    {
        return Err(Failure::usage(format!(
            "unknown framework `{unknown}`; there are {}",
            all.join(", ")
        )));
    }
    setup::clients()?;
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for name in all
        .iter()
        .filter(|name| wanted.is_empty() || wanted.contains(&name.as_str()))
    {
        println!("\n==== {name} ====");
        let outcome = check(name);
        lines.push(match &outcome {
            Ok(()) => format!("  passed  {name}"),
            Err(failure) => format!("  FAILED  {name}: {failure}"),
        });
        if outcome.is_err() {
            failed.push(name.as_str());
        }
    }
    println!("\n==== summary ====\n{}", lines.join("\n"));
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("frameworks: {}", failed.join(", "))))
    }
}

fn check(name: &str) -> Outcome {
    let package = format!("with-{name}");
    // not --all, which takes the crates of the main workspace as well
    let fmt = ["fmt", "--check", "--manifest-path", MANIFEST];
    let packages = ["-p", "shop", "-p", "check", "-p", &package];
    run_command(cargo(fmt).args(packages))?;
    let of = ["--locked", "--manifest-path", MANIFEST, "--package"];
    let mut clippy = cargo(["clippy", "--all-targets"]);
    clippy.args(of).args([&package, "--", "-D", "warnings"]);
    run_command(&mut clippy)?;
    run_command(cargo(["test"]).args(of).arg(&package))
}

/// The folders that hold an application, by name.
fn applications() -> Outcome<Vec<String>> {
    let folder = root().join("frameworks");
    let unreadable = |error| Failure::new(format!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().join("src/main.rs").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
