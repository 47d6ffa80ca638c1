//! Which module may use which: arrows never turn back (DESIGN, section 2).
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may import of the crate. What the root re-exports is named by the
/// module that it comes from.
const ALLOWED: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("sid", &[]),
    ("config", &[]),
    ("error", &[]),
    ("timer", &[]),
    ("spare", &[]),
    ("frame", &["text"]),
    ("event", &["error", "frame"]),
    ("dialect", &["frame"]),
    (
        "packet",
        &["text", "sid", "config", "error", "frame", "dialect", "json"],
    ),
    ("payload", &["text", "error", "frame", "dialect", "packet"]),
    ("form", &[]),
    ("json", &[]),
    ("jsonp", &["error", "form"]),
    (
        "query",
        &["sid", "config", "error", "dialect", "form", "jsonp"],
    ),
    ("server", PURE),
    ("client", PURE),
    (
        "net",
        &[
            "text", "sid", "config", "error", "spare", "frame", "dialect", "packet", "jsonp",
            "query", "server", "client",
        ],
    ),
    (
        "fuzzing",
        &[
            "text", "sid", "config", "error", "frame", "dialect", "packet", "payload", "jsonp",
            "query", "server", "client", "net",
        ],
    ),
];
/// What the session machines build on; neither knows the other.
const PURE: &[&str] = &[
    "text", "sid", "config", "error", "timer", "spare", "frame", "event", "dialect", "json",
    "packet", "payload",
];

/// What only `net` may know.
const NETWORK: &[&str] = &[
    "tokio",
    "hyper",
    "hyper_util",
    "tungstenite",
    "http",
    "http_body",
    "tower_service",
    "tower_layer",
    "getrandom",
    "ipnet",
    "tokio_rustls",
    "httpdate",
    "rustls_native_certs",
    "webpki_roots",
];

#[test]
fn modules_import_only_from_below() {
    let exports = exports();
    let mut imports = 0;
    for (module, place, code) in sources() {
        if module == "lib" {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{module} is not in the table"));
        for (_, rest) in code
            .match_indices("crate::")
            .map(|(at, head)| code.split_at(at + head.len()))
        {
            for name in heads(rest) {
                let origin = exports.iter().find(|(export, _)| *export == name);
                let origin = origin.map_or(name.as_str(), |(_, origin)| origin);
                assert!(
                    origin == module || allowed.contains(&origin),
                    "{place}: {module} imports {name} of {origin}"
                );
                imports += 1;
            }
        }
    }
    assert!(imports > 80, "found {imports}");
}

#[test]
fn only_net_knows_the_network() {
    for (module, place, code) in sources() {
        for name in NETWORK.iter().filter(|_| module != "net") {
            let used = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = code.get(..at).unwrap();
                !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(!used, "{place} uses {name}");
        }
    }
}

#[test]
fn net_is_there_only_with_its_feature() {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    assert!(lib.contains("#[cfg(any(feature = \"server\", feature = \"client\"))]\npub mod net;"));
    let manifest = fs::read_to_string(src().join("../Cargo.toml")).unwrap();
    let (manifest, _) = manifest.split_once("[dev-dependencies]").unwrap();
    for name in NETWORK {
        let entry = format!("\n{}.workspace = true", name.replace('_', "-"));
        let entry_with = format!("\n{} = {{", name.replace('_', "-"));
        let line = manifest
            .find(&entry_with)
            .map(|at| manifest.get(at + 1..).unwrap());
        let optional =
            line.is_some_and(|line| line.lines().next().unwrap().contains("optional = true"));
        assert!(
            optional && !manifest.contains(&entry),
            "{name} is not optional"
        );
    }
}

/// What the root re-exports, and from where.
fn exports() -> Vec<(String, String)> {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let mut found = Vec::new();
    for statement in lib.split("pub use ").skip(1) {
        let statement = statement.split(';').next().unwrap();
        let (module, names) = statement.split_once("::").unwrap();
        for name in heads(names) {
            found.push((name, module.to_owned()));
        }
    }
    assert!(found.len() > 10);
    found
}

/// The first names of what stands behind `crate::`, also in braces.
fn heads(path: &str) -> Vec<String> {
    let list = match path.trim_start().strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap(),
        None => path
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap(),
    };
    let name = |item: &str| item.trim().split(':').next().unwrap().trim().to_owned();
    list.split(',')
        .map(name)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Every file's module, place and code without comments and without its tests.
fn sources() -> Vec<(String, String, String)> {
    let src = src();
    let read = |file: PathBuf| {
        let place = file.strip_prefix(&src).unwrap().to_owned();
        let first = place
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code: String = code.flat_map(|line| [line, "\n"]).collect();
        (module, place.display().to_string(), code)
    };
    files(&src).into_iter().map(read).collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    paths.flat_map(inside).collect()
}
