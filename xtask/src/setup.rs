//! Installing what the tests and the demo need, from the package registries and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sh::{Failure, Outcome, command, output, root, run, works};

/// Everything that `cargo xtask test` needs.
pub(crate) fn all() -> Outcome {
    let mut missing = Vec::new();
    if !has_node() {
        missing.extend(["nodejs", "npm"]);
    }
    if !has_chromium() {
        // a browser without any font shows nothing
        missing.extend(["chromium", "fonts-dejavu-core"]);
    }
    if !has_venv() {
        missing.extend(["python3", "python3-venv"]);
    }
    if !works(&mut command("valgrind", ["--version"])) {
        missing.push("valgrind");
    }
    debian(&missing)?;
    npm("examples")?;
    npm("interop")?;
    for (requirements, venv) in VENVS {
        python(requirements, venv)?;
    }
    Ok(())
}

/// Peers in Python: what is pinned, and where it is installed. Two versions of one package need
/// an environment each.
const VENVS: [(&str, &str); 2] = [
    ("requirements.txt", ".venv"),
    ("requirements-4.txt", ".venv-4"),
];

/// What `cargo xtask demo` needs: the official browser client.
pub(crate) fn demo() -> Outcome {
    if !has_node() {
        debian(&["nodejs", "npm"])?;
    }
    npm("examples")
}

/// What `cargo xtask frameworks` needs: the official client.
pub(crate) fn clients() -> Outcome {
    if !has_node() {
        debian(&["nodejs", "npm"])?;
    }
    npm("interop")
}

/// Node 18 or newer, and npm.
pub(crate) fn has_node() -> bool {
    let major = output(&mut command("node", ["--version"]))
        .ok()
        .and_then(|version| {
            version
                .trim()
                .trim_start_matches('v')
                .split('.')
                .next()
                .and_then(|major| major.parse::<u32>().ok())
        });
    major.is_some_and(|major| major >= 18) && works(&mut command("npm", ["--version"]))
}

fn has_chromium() -> bool {
    std::env::var_os("CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from)
        .exists()
}

fn has_venv() -> bool {
    let there = |venv: &str| {
        root()
            .join("interop")
            .join(venv)
            .join("bin/python")
            .exists()
    };
    VENVS.iter().all(|(_, venv)| there(venv))
        || works(&mut command("python3", ["-c", "import ensurepip, venv"]))
}

/// Installs Debian packages.
fn debian(packages: &[&str]) -> Outcome {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(", ");
    if !works(&mut command("apt-get", ["--version"])) {
        return Err(Failure::new(format!(
            "please install {names} (Node 18 or newer; CHROMIUM names another browser)"
        )));
    }
    let is_root = output(&mut command("id", ["-u"])).is_ok_and(|id| id.trim() == "0");
    if !is_root && !works(&mut command("sudo", ["-n", "true"])) {
        return Err(Failure::new(format!(
            "please install {names}: neither root nor sudo without a password"
        )));
    }
    let apt = |args: &[&str]| {
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
            .iter()
            .chain(args);
        if is_root {
            command("env", words.skip(1))
        } else {
            command("sudo", std::iter::once(&"-n").chain(words))
        }
    };
    run(&mut apt(&["update"]))?;
    run(apt(&["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Installs the npm packages of a folder as its lock file says.
fn npm(folder: &str) -> Outcome {
    npm_at(&root().join(folder))
}

/// The same for a folder anywhere.
pub(crate) fn npm_at(folder: &Path) -> Outcome {
    let (lock, done) = (
        folder.join("package-lock.json"),
        folder.join("node_modules/.installed-lock"),
    );
    once(&lock, &done, || {
        run(command("npm", ["ci"]).current_dir(folder))
    })
}

/// Installs PyPI packages into a virtual environment of `interop`.
fn python(requirements: &str, venv: &str) -> Outcome {
    let interop = root().join("interop");
    venv_at(&interop.join(requirements), &interop.join(venv))
}

/// The same for an environment anywhere.
pub(crate) fn venv_at(wanted: &Path, venv: &Path) -> Outcome {
    let done = venv.join("installed-requirements.txt");
    once(wanted, &done, || {
        let python = venv.join("bin/python");
        if !python.exists() {
            run(command("python3", ["-m", "venv"]).arg(venv))?;
        }
        run(Command::new(&python)
            .current_dir(root())
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(wanted))
    })
}

/// Installs unless `done` is a copy of `wanted`, and then makes it one.
pub(crate) fn once(wanted: &Path, done: &Path, install: impl FnOnce() -> Outcome) -> Outcome {
    let unreadable = |error| Failure::new(format!("{}: {error}", wanted.display()));
    let text = fs::read(wanted).map_err(unreadable)?;
    if fs::read(done).is_ok_and(|installed| installed == text) {
        return Ok(());
    }
    install()?;
    fs::write(done, text).map_err(|error| Failure::new(format!("{}: {error}", done.display())))
}
