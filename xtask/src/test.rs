//! Everything that a change must pass.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::instructions;
use crate::interleavings;
use crate::setup;
use crate::sh::{Failure, Outcome, cargo, output, run as run_command, target, works};

type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 8] = [
    ("fmt", fmt),
    ("clippy", clippy),
    ("test", test),
    ("doc", doc),
    ("interleavings", interleavings::short),
    ("instructions", instructions::check),
    ("purity", purity),
    ("package", package),
];

/// What the crates without I/O must not depend on, not even through another crate.
const IMPURE: [&str; 5] = ["tokio", "hyper", "tungstenite", "rand", "getrandom"];
const PURE_CRATES: [&str; 2] = ["engineio", "socketio-proto"];

pub(crate) fn run(wanted: &[&str]) -> Outcome {
    if let Some(unknown) = wanted
        .iter()
        .find(|name| STEPS.iter().all(|(step, _)| step != *name))
    {
        let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::usage(format!(
            "unknown step `{unknown}`; there are {}",
            names.join(", ")
        )));
    }
    let mut summary = Summary::default();
    // only these need other people's programs
    if wanted.is_empty() || wanted.contains(&"test") || wanted.contains(&"instructions") {
        summary.step("setup", setup::all)?;
    }
    for (name, step) in STEPS {
        if wanted.is_empty() || wanted.contains(&name) {
            summary.step(name, step)?;
        }
    }
    summary.print();
    Ok(())
}

#[derive(Default)]
struct Summary {
    done: Vec<(&'static str, Duration)>,
}

impl Summary {
    fn step(&mut self, name: &'static str, body: impl FnOnce() -> Outcome) -> Outcome {
        println!("\n==== {name} ====");
        let start = Instant::now();
        let outcome = body();
        let took = start.elapsed();
        if let Err(failure) = outcome {
            self.print();
            println!("  FAILED  {name:<13} {:>7.1} s", took.as_secs_f32());
            return Err(Failure::new(format!("step `{name}`: {failure}")));
        }
        self.done.push((name, took));
        Ok(())
    }

    fn print(&self) {
        println!("\n==== summary ====");
        for (name, took) in &self.done {
            println!("  passed  {name:<13} {:>7.1} s", took.as_secs_f32());
        }
    }
}

fn fmt() -> Outcome {
    run_command(&mut cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Outcome {
    run_command(&mut cargo(
        [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]
        .iter(),
    ))
}

fn test() -> Outcome {
    run_command(&mut cargo([
        "test",
        "--workspace",
        "--all-features",
        "--locked",
    ]))
}

fn doc() -> Outcome {
    let mut doc = cargo([
        "doc",
        "--workspace",
        "--no-deps",
        "--all-features",
        "--locked",
    ]);
    run_command(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn purity() -> Outcome {
    for name in PURE_CRATES {
        let tree = [
            "tree",
            "--edges",
            "normal",
            "--no-default-features",
            "--locked",
            "--prefix",
            "none",
            "--package",
            name,
        ];
        for line in output(&mut cargo(tree))?.lines() {
            if is_impure(line) {
                return Err(Failure::new(format!(
                    "{name} without features must stay free of I/O, but depends on `{line}`"
                )));
            }
        }
        println!("{name}: none of {}", IMPURE.join(", "));
    }
    Ok(())
}

/// Whether a line of the dependency tree names one of [`IMPURE`], or a crate of its family.
fn is_impure(line: &str) -> bool {
    let dependency = line.split(' ').next().unwrap_or_default();
    IMPURE.iter().any(|impure| {
        dependency
            .strip_prefix(*impure)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    })
}

/// Packs what is to be published and builds each package from what was packed.
fn package() -> Outcome {
    // cargo unpacks a package once for each folder and version, and takes it for unchanged from then on: without a
    // folder of its own, a run would build against the packages of an earlier one
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let folder = target().join(format!("packed-{}", now.unwrap_or_default().as_nanos()));
    let mut package: Command = cargo(["package", "--locked", "--allow-dirty", "--target-dir"]);
    package.arg(&folder);
    for (name, manifest) in members()? {
        let text = fs::read_to_string(&manifest)
            .map_err(|error| Failure::new(format!("{manifest}: {error}")))?;
        let private = text
            .lines()
            .any(|line| line.replace(' ', "") == "publish=false");
        if !private {
            package.args(["--package", &name]);
        }
    }
    let outcome = run_command(&mut package);
    fs::remove_dir_all(&folder).ok();
    outcome
}

/// Name and manifest of each crate of the workspace.
fn members() -> Outcome<Vec<(String, String)>> {
    let tree = output(&mut cargo([
        "tree",
        "--workspace",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--locked",
    ]))?;
    let member = |line: &str| {
        let name = line.split(' ').next()?;
        let folder = line.rsplit_once('(')?.1.strip_suffix(')')?;
        Some((name.to_owned(), format!("{folder}/Cargo.toml")))
    };
    Ok(tree.lines().filter_map(member).collect())
}

/// Installs a cargo tool from crates.io when it is missing.
pub(crate) fn cargo_tool(name: &str) -> Outcome {
    let present = name
        .strip_prefix("cargo-")
        .is_some_and(|command| works(&mut cargo([command, "--version"])));
    if present {
        Ok(())
    } else {
        run_command(&mut cargo(["install", name, "--locked"]))
    }
}

#[cfg(test)]
mod tests {
    use super::is_impure;

    #[test]
    fn a_runtime_is_found_in_the_tree() {
        for line in [
            "tokio v1.54.0",
            "rand_core v0.9.3",
            "hyper-util v0.1.21",
            "getrandom v0.4.0 (*)",
        ] {
            assert!(is_impure(line), "{line}");
        }
        for line in [
            "bytes v1.12.1",
            "fastrand v2.0.0",
            "randomize v5.0.1",
            "engineio v0.1.0 (/somewhere/engineio)",
        ] {
            assert!(!is_impure(line), "{line}");
        }
    }
}
