//! The reports as a table.

use crate::{Failure, Report};

/// The line above the rows.
#[must_use]
pub fn head() -> String {
    let [script, row] = ["script", "row"];
    format!(
        "verdict {script:<58} {row:<32}    time    memory          sent  for each byte       cpu   worst echo"
    )
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
        sent,
        cpu,
        latency,
        ..
    } = report;
    let per_byte = match report.apart {
        None => format!("{:.2}", report.memory_per_byte()),
        Some(_) => "apart".to_owned(),
    };
    let verdict = if verdict.is_ok() { "passed" } else { "FAILED" };
    let line = format!(
        "{verdict}  {name:<58} {row:<32} {:>6.2} s {:>6} KiB {:>7} KiB {:>14} {:>6.0} ms {:>8.1} ms",
        time.as_secs_f64(),
        memory / 1024,
        sent / 1024,
        per_byte,
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
    text + &per_byte(reports)
}

/// The most memory for a byte, and what stands apart.
fn per_byte(reports: &[Report]) -> String {
    let compared = reports.iter().filter(|report| report.apart.is_none());
    let worst = compared.max_by(|a, b| a.memory_per_byte().total_cmp(&b.memory_per_byte()));
    let mut text = worst.map_or_else(String::new, |report| {
        format!(
            "\nmost memory for a byte: {} ({:.2}: {} KiB, of which 1 MiB is not counted, for {} KiB)",
            report.name,
            report.memory_per_byte(),
            report.memory / 1024,
            report.sent / 1024
        )
    });
    for report in reports {
        if let Some(why) = report.apart {
            let (grown, sent) = (report.memory / 1024, report.sent);
            text += &format!(
                "\n  apart: {}, {grown} KiB for {sent} bytes: {why}",
                report.name
            );
        }
    }
    text
}
