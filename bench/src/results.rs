//! Medians, numbers as tables show them, and the files that results are kept in.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Outcome;
use crate::contestants::bins;
use crate::measure::Figures;

/// The one in the middle; none of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Three digits that count.
pub(crate) fn shown(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        100.0..10_000.0 => format!("{value:.0}"),
        10_000.0..100_000.0 => format!("{:.1}k", value / 1e3),
        _ => format!("{:.0}k", value / 1e3),
    }
}

/// The same, or a dash.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), shown)
}

/// A row of a Markdown table.
pub(crate) fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The first two rows of one.
pub(crate) fn head(cells: &[&str]) -> String {
    let names = row(cells.iter().map(|cell| (*cell).to_owned()));
    format!("{names}{}\n", "|---".repeat(cells.len()) + "|")
}

/// What has to be said behind a table.
pub(crate) fn list(lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    if lines.is_empty() {
        lines
    } else {
        format!("\n{lines}")
    }
}

/// All that a run found.
pub(crate) fn raw(figures: &Figures) -> Value {
    json!({
        "operations": figures.operations,
        "wall_s": figures.wall.as_secs_f64(),
        "cpu_us": figures.each(),
        "user_us": figures.user_each(),
        "generator_us": figures.own_each(),
        "p50_us": figures.p50(),
        "p99_us": figures.p99(),
        "disorder": figures.disorder,
        "bytes": figures.bytes,
    })
}

/// Keeps raw results below the target folder; where.
pub(crate) fn keep(name: &str, results: &Value) -> Outcome<PathBuf> {
    let bins = bins()?;
    let folder = bins.parent().unwrap_or(&bins).join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, serde_json::to_string_pretty(results)?)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_two_is_between_them() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0]), Some(2.0));
        assert_eq!(median([3.0, 1.0, 1.5]), Some(1.5));
    }

    #[test]
    fn numbers_show_three_digits() {
        let all = [1.234, 12.34, 123.4, 1234.0, 12_340.0, 123_400.0].map(shown);
        assert_eq!(all, ["1.23", "12.3", "123", "1234", "12.3k", "123k"]);
    }
}
