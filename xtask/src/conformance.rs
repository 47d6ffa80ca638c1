//! The official protocol suites, from a folder that a person provides, against our fixtures.
//!
//! The suites are copied under `target/`, because they bring packages of their own; their test files stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop::{Script, Server};

use crate::setup;
use crate::sh::{Failure, Outcome, cargo, command, run as run_command, target};

const IMPORTS: &str = include_str!("suite_imports.mjs");
const FILES: [&str; 3] = ["package.json", "package-lock.json", "test-suite.js"];
/// No suite takes a minute.
const LIMIT: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    EngineV3,
    EngineV4,
    SocketV5,
}

impl Kind {
    /// The protocol that a test file speaks.
    fn of(text: &str) -> Option<Self> {
        if text.contains("/socket.io/?EIO=4") {
            Some(Self::SocketV5)
        } else if text.contains("/engine.io/?EIO=3") {
            Some(Self::EngineV3)
        } else if text.contains("/engine.io/?EIO=4") {
            Some(Self::EngineV4)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::EngineV3 => "engine.io-v3",
            Self::EngineV4 => "engine.io-v4",
            Self::SocketV5 => "socket.io-v5",
        }
    }

    fn bin(self) -> &'static str {
        match self {
            Self::EngineV3 | Self::EngineV4 => "engine_echo",
            Self::SocketV5 => "protocol_fixture",
        }
    }

    /// What the suite takes for granted about the server's settings.
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        const ENGINE_V4: [(&str, &str); 4] = [
            ("PING_INTERVAL_MS", "300"),
            ("PING_TIMEOUT_MS", "200"),
            ("MAX_PAYLOAD", "1000000"),
            ("CORS_ORIGIN", "*"),
        ];
        const ENGINE_V3: [(&str, &str); 5] = [
            ENGINE_V4[0],
            ENGINE_V4[1],
            ENGINE_V4[2],
            ENGINE_V4[3],
            ("ALLOW_EIO3", "1"),
        ];
        const SOCKET_V5: [(&str, &str); 5] = [
            ENGINE_V4[0],
            ENGINE_V4[1],
            ENGINE_V4[2],
            ENGINE_V4[3],
            ("CONNECT_TIMEOUT_MS", "1000"),
        ];
        match self {
            Self::EngineV3 => &ENGINE_V3,
            Self::EngineV4 => &ENGINE_V4,
            Self::SocketV5 => &SOCKET_V5,
        }
    }
}

struct Options<'a> {
    folder: &'a Path,
    runs: u32,
    engine: Option<&'a str>,
    socket: Option<&'a str>,
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let options = parse(args)?;
    let mut suites = Vec::new();
    find(options.folder, &mut suites)?;
    if suites.is_empty() {
        let folder = options.folder.display();
        return Err(Failure::new(format!(
            "no test-suite.js of Engine.IO or Socket.IO under {folder}"
        )));
    }
    suites.sort_by_key(|(kind, _)| kind.name());
    if !setup::has_node() {
        return Err(Failure::new(
            "the suites need Node 18 or newer and npm: run `cargo xtask setup`",
        ));
    }

    let mut lines = Vec::new();
    let mut good = true;
    for (kind, folder) in &suites {
        println!("\n==== {} ({}) ====", kind.name(), folder.display());
        let (passed, line) = suite(*kind, folder, &options)?;
        good &= passed;
        lines.push(line);
    }
    println!("\n==== summary ====");
    for line in &lines {
        println!("  {line}");
    }
    if good {
        Ok(())
    } else {
        Err(Failure::new("a suite did not pass every time"))
    }
}

fn parse<'a>(args: &[&'a str]) -> Outcome<Options<'a>> {
    let mut folder = None;
    let mut options = Options {
        folder: Path::new(""),
        runs: 1,
        engine: None,
        socket: None,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .copied()
                .ok_or_else(|| Failure::usage(format!("{arg} needs a value")))
        };
        match *arg {
            "--runs" => {
                let text = value()?;
                let runs = text.parse().ok().filter(|runs| *runs > 0);
                options.runs = runs
                    .ok_or_else(|| Failure::usage(format!("`{text}` is not a number of runs")))?;
            }
            "--engine" => options.engine = Some(value()?),
            "--socket" => options.socket = Some(value()?),
            option if option.starts_with('-') => {
                return Err(Failure::usage(format!("unknown option `{option}`")));
            }
            path if folder.is_none() => folder = Some(Path::new(path)),
            extra => return Err(Failure::usage(format!("unexpected argument `{extra}`"))),
        }
    }
    options.folder = folder
        .ok_or_else(|| Failure::usage("conformance needs the folder that holds the suites"))?;
    if !options.folder.is_dir() {
        return Err(Failure::usage(format!(
            "{} is not a folder",
            options.folder.display()
        )));
    }
    Ok(options)
}

/// Collects the suites under a folder.
fn find(folder: &Path, suites: &mut Vec<(Kind, PathBuf)>) -> Outcome {
    if let Ok(text) = fs::read_to_string(folder.join("test-suite.js")) {
        suites.extend(Kind::of(&text).map(|kind| (kind, folder.to_path_buf())));
    }
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let skipped =
            name == "node_modules" || name == "packages" || name.to_string_lossy().starts_with('.');
        if !skipped && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), suites)?;
        }
    }
    Ok(())
}

/// Whether a suite passed in every run, and a line that says how often.
fn suite(kind: Kind, from: &Path, options: &Options<'_>) -> Outcome<(bool, String)> {
    let folder = install(kind, from)?;
    let program = match (kind, options.engine, options.socket) {
        (Kind::EngineV3 | Kind::EngineV4, Some(program), _)
        | (Kind::SocketV5, _, Some(program)) => program.to_owned(),
        _ => build(kind)?,
    };
    let mut script = if program.ends_with("js") {
        Script::program("node").arg(&program)
    } else {
        Script::program(&program)
    };
    for (name, value) in kind.settings() {
        script = script.env(name, value);
    }
    let server = Server::start(script, 0).map_err(|failure| Failure::new(failure.to_string()))?;

    let mut passed = 0;
    let mut seen: Vec<String> = Vec::new();
    for run in 1..=options.runs {
        let mut mocha =
            Script::program("node").arg(folder.join("node_modules/.bin/mocha").to_string_lossy());
        for word in ["--exit", "--reporter", "spec", "--no-color"] {
            mocha = mocha.arg(word);
        }
        mocha = mocha
            .arg(folder.join("test-suite.js").to_string_lossy())
            .env("SUITE_SERVER", server.url().replace("http://", ""));
        if kind == Kind::EngineV3 {
            mocha = mocha.env("SUITE_LATE_MESSAGES", "1");
        }
        let (good, text) = match mocha.run(LIMIT) {
            Ok(text) => (true, text),
            Err(failure) => (false, failure.to_string()),
        };
        let counts = counts(&text);
        println!("run {run}: {counts}");
        if good {
            passed += 1;
        } else {
            println!("{text}");
        }
        if !seen.contains(&counts) {
            seen.push(counts);
        }
    }
    server.stop();
    let line = format!(
        "{}: {passed} of {} runs passed ({})",
        kind.name(),
        options.runs,
        seen.join("; ")
    );
    Ok((passed == options.runs, line))
}

/// Copies a suite to a place of ours, with our imports, and installs its packages there.
fn install(kind: Kind, from: &Path) -> Outcome<PathBuf> {
    let folder = target().join("conformance").join(kind.name());
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            folder.display()
        ))
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    for file in FILES {
        fs::copy(from.join(file), folder.join(file)).map_err(failed)?;
    }
    fs::write(folder.join("node-imports.js"), IMPORTS).map_err(failed)?;
    setup::once(
        &folder.join("package-lock.json"),
        &folder.join("node_modules/.installed-lock"),
        || {
            run_command(
                command("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .current_dir(&folder),
            )
        },
    )?;
    Ok(folder)
}

fn build(kind: Kind) -> Outcome<String> {
    run_command(&mut cargo([
        "build",
        "--release",
        "--package",
        "examples",
        "--bin",
        kind.bin(),
    ]))?;
    Ok(target()
        .join("release")
        .join(kind.bin())
        .to_string_lossy()
        .into_owned())
}

/// The lines with which mocha ends: how many tests passed, failed and were left out.
fn counts(text: &str) -> String {
    let words = |line: &str| {
        let line = line.trim_start_matches(['|', ' ']);
        let (number, rest) = line.split_once(' ')?;
        number.parse::<u32>().ok()?;
        let what = rest.split(' ').next()?;
        ["passing", "failing", "pending"]
            .contains(&what)
            .then(|| format!("{number} {what}"))
    };
    let found: Vec<String> = text.lines().filter_map(words).collect();
    if found.is_empty() {
        "no result".to_owned()
    } else {
        found.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, counts};

    #[test]
    fn mochas_last_lines_are_counted() {
        assert_eq!(
            counts("  ok\n\n  22 passing (4s)\n  1 pending\n  2 failing\n\n  1) it\n"),
            "22 passing, 1 pending, 2 failing"
        );
        assert_eq!(counts("nothing"), "no result");
    }

    #[test]
    fn a_suite_is_known_by_what_it_asks_for() {
        assert!(
            Kind::of("fetch(`${URL}/engine.io/?EIO=3&transport=polling`)") == Some(Kind::EngineV3)
        );
        assert!(
            Kind::of("fetch(`${URL}/engine.io/?EIO=4&transport=polling`)") == Some(Kind::EngineV4)
        );
        assert!(
            Kind::of("fetch(`${URL}/socket.io/?EIO=4&transport=polling`)") == Some(Kind::SocketV5)
        );
        assert!(Kind::of("").is_none());
    }
}
