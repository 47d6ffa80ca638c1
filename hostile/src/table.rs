//! The reports as a table.

use crate::{Failure, Report};

/// The line above the rows.
#[must_use]
pub fn head() -> String {
    let [script, row] = ["script", "row"];
    format!("verdict {script:<58} {row:<32}    time    memory       cpu   worst echo")
}

/// A report as one line, and a second one if it failed.
#[must_use]
pub fn row(report: &Report) -> String {
    let Report {
        name,
        row,
        verdict,
        time,
        memory,
        cpu,
        latency,
    } = report;
    let verdict = if verdict.is_ok() { "passed" } else { "FAILED" };
    let line = format!(
        "{verdict}  {name:<58} {row:<32} {:>6.2} s {:>6} KiB {:>6.0} ms {:>8.1} ms",
        time.as_secs_f64(),
        memory / 1024,
        cpu.as_secs_f64() * 1e3,
        latency.as_secs_f64() * 1e3
    );
    match &report.verdict {
        Ok(()) => line,
        Err(failure) => format!("{line}\n        {}", said(failure)),
    }
}

fn said(failure: &Failure) -> String {
    failure.to_string().replace('\n', "\n        ")
}

/// The worst of each column.
#[must_use]
pub fn summary(reports: &[Report]) -> String {
    let failed = reports
        .iter()
        .filter(|report| report.verdict.is_err())
        .count();
    let mut text = format!("{} scripts, {failed} failed", reports.len());
    let worst = [
        (
            reports.iter().max_by_key(|report| report.memory),
            "most memory",
        ),
        (reports.iter().max_by_key(|report| report.cpu), "most CPU"),
        (
            reports.iter().max_by_key(|report| report.latency),
            "worst echo",
        ),
    ];
    for (report, what) in worst {
        if let Some(report) = report {
            text += &format!(
                "\n{what}: {} ({} KiB, {:.0?}, {:.1?})",
                report.name,
                report.memory / 1024,
                report.cpu,
                report.latency
            );
        }
    }
    text
}
