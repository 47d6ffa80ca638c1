//! `bench/RESULTS.md`: a run writes its part, people write what is around it.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::flags::Flags;

/// Prints what a run found, and keeps it as the part of that name unless it is of a part of the run alone.
pub(crate) fn publish(part: &str, found: &str, flags: &Flags) -> Outcome {
    println!("\n{found}");
    if flags.is_whole() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
        let page = replaced(&fs::read_to_string(&file)?, part, found)?;
        fs::write(&file, page)?;
        println!("Written to {}.", file.display());
    } else {
        println!("Not all of it: bench/RESULTS.md is left as it is.");
    }
    Ok(())
}

/// The page with another text between the marks of a part.
fn replaced(page: &str, part: &str, text: &str) -> Outcome<String> {
    let [start, end] = marks(part);
    let missing = || format!("RESULTS.md has no part between {start} and {end}");
    let (before, rest) = page.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!(
        "{before}{start}\n\n{}\n\n{end}{after}",
        text.trim()
    ))
}

fn marks(part: &str) -> [String; 2] {
    [
        format!("<!-- {part}: from here on written by `cargo xtask bench` -->"),
        format!("<!-- {part}: up to here -->"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let [a, b] = [marks("a"), marks("b")];
        let page = |of_a: &str, of_b: &str| {
            let parts = [(&a, of_a), (&b, of_b)]
                .map(|([start, end], text)| format!("{start}\n\n{text}\n\n{end}\n"));
            format!("# Results\n\n{}\nby hand\n\n{}\nmore\n", parts[0], parts[1])
        };
        let old = page("| 1 |", "| 2 |");
        let new = replaced(&old, "b", "\n| 3 |\n| 4 |\n").expect("a part");
        assert_eq!(new, page("| 1 |", "| 3 |\n| 4 |"));
        assert_eq!(replaced(&new, "b", "| 2 |").expect("a part"), old);
    }

    #[test]
    fn a_page_without_the_marks_is_left_alone() {
        let [start, end] = marks("a");
        for page in ["", &start, &format!("{end}\n{start}\n")] {
            assert!(replaced(page, "a", "| 1 |").is_err(), "{page}");
        }
    }

    #[test]
    fn the_page_has_all_parts() {
        let page = include_str!("../RESULTS.md");
        for part in ["peers", "workers", "client"] {
            assert!(replaced(page, part, "").is_ok(), "{part}");
        }
    }
}
