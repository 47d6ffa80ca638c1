//! `docs/regressions.md` and the README of this folder name tests that are there.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_lists_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lists = ["docs/regressions.md", "faults/README.md"];
    let lists = lists.map(|list| fs::read_to_string(root.join(list)).unwrap());
    let (mut known, mut missing) = (0, Vec::new());
    // what stands between backticks is every second piece
    let pieces = |list| str::split(list, '`').skip(1).step_by(2);
    for named in lists.iter().flat_map(|list| pieces(list.as_str())) {
        let Some((path, name)) = named.split_once(".rs::") else {
            continue;
        };
        let path = format!("{path}.rs");
        let text = fs::read_to_string(root.join(path)).unwrap_or_default();
        let is_test = text
            .split_once(&format!("fn {name}("))
            .is_some_and(|(before, _)| {
                // proptest's and tokio's attributes have more words
                before
                    .lines()
                    .rev()
                    .take(5)
                    .any(|line| line.trim().starts_with("#["))
            });
        known += 1;
        if !is_test {
            missing.push(named);
        }
    }
    assert!(known > 80, "{known}");
    assert_eq!(missing, [""; 0], "these are not there");
}

#[test]
fn every_row_has_a_test_or_says_what_it_waits_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = fs::read_to_string(root.join("docs/regressions.md")).unwrap();
    let is_row = |line: &&str| {
        line.starts_with("| ") && !line.starts_with("| what") && !line.starts_with("| ---")
    };
    for row in list.lines().filter(is_row) {
        assert!(row.contains("::") || row.contains("waiting"), "{row}");
    }
}
