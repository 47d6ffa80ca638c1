//! Which module may use which: arrows never turn back.
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may import with `use crate::…`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("id", &[]),
    ("error", &[]),
    ("limits", &[]),
    ("acks", &["id", "error"]),
    ("args", &["id", "error", "limits"]),
    ("answer", &["error", "args"]),
    ("event", &["args"]),
    ("packet", &["id", "error", "limits", "args"]),
    ("parser", &["id", "error", "limits", "args", "packet"]),
    ("server", MACHINE),
    ("client", MACHINE),
    (
        "fuzzing",
        &[
            "id", "error", "limits", "args", "packet", "parser", "server", "client",
        ],
    ),
];

/// What the machines build on; neither knows the other.
const MACHINE: &[&str] = &["id", "error", "limits", "acks", "args", "packet", "parser"];

#[test]
fn modules_import_only_from_below() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = 0;
    for file in files(&src) {
        let module = module(&src, &file);
        if module == "lib" {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{module} is not in the table"));
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((before, path)) = line.split_once("crate::") else {
                continue;
            };
            if before.ends_with('$') || line.trim_start().starts_with("//") {
                continue;
            }
            let head = path
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap();
            let place = file.strip_prefix(&src).unwrap().display();
            assert!(
                !head.is_empty(),
                "{place}: one `use` for each module: {line}"
            );
            assert!(head == module || allowed.contains(&head), "{place}: {line}");
            imports += 1;
        }
    }
    assert!(imports > 20, "found {imports}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The first part of the path below `src`, without `.rs`.
fn module(src: &Path, file: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap();
    name.trim_end_matches(".rs").to_owned()
}
