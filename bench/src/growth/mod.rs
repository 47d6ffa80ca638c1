//! How the cost of an operation grows with something else: it should not.
//!
//! What grows is judged by the exponent of the total: cost of one operation times the size, over the size, in logarithms.
//! One is linear; a cost for each operation that stays where it is.

mod plot;
mod series;

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::circumstances::{circumstances, machine};
use crate::cpus::{Cpus, run_on};
use crate::flags::Flags;
use crate::results::{head, keep, median, raw, row, shown};
use crate::{Outcome, progress};
use series::Series;

/// The whole series may grow like this power of the size: caches are smaller than large crowds, and wires no shorter.
const TOLERANCE: f64 = 1.15;
/// From the last size but one to the last.
const STEP: f64 = 1.35;

/// One series, measured.
#[derive(Debug)]
struct Curve {
    series: Series,
    /// Size, and microseconds for an operation.
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn exponent(&self) -> f64 {
        slope(&self.points)
    }

    fn last_step(&self) -> f64 {
        slope(
            self.points
                .get(self.points.len().saturating_sub(2)..)
                .unwrap_or_default(),
        )
    }

    fn is_superlinear(&self) -> bool {
        self.series.is_ours && (self.exponent() > TOLERANCE || self.last_step() > STEP)
    }
}

/// Of the totals over the sizes, both as logarithms, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs = points
        .iter()
        .map(|(size, each)| (size.ln(), (size * each).ln()));
    let count = points.len() as f64;
    let (x, y) = logs
        .clone()
        .fold((0.0, 0.0), |(x, y), (size, total)| (x + size, y + total));
    let (x, y) = (x / count, y / count);
    let (above, below) = logs.fold((0.0, 0.0), |(above, below), (size, total)| {
        (above + (size - x) * (total - y), below + (size - x).powi(2))
    });
    above / below
}

pub(crate) fn run(flags: &Flags) -> Outcome<bool> {
    let cpus = Cpus::choose()?;
    run_on(&[cpus.generator])?;
    let rounds = flags.rounds.unwrap_or(if flags.quick { 1 } else { 3 });
    let times = flags.times(if flags.quick { 1.0 } else { 2.0 });
    let (mut curves, mut shots) = (Vec::new(), Vec::new());
    for series in series::all() {
        if !flags.wants(series.name) {
            continue;
        }
        let mut costs = vec![Vec::new(); series.sizes.len()];
        for round in 0..rounds {
            for (size, costs) in series.sizes.iter().zip(&mut costs) {
                let server = series.contestant()?.start(cpus)?;
                let figures = (series.run)(&server, series.times(times), *size)
                    .map_err(|error| format!("{}, {size}: {error}", series.name))?;
                progress(format!(
                    "{:<12} {size:>6}: {} us",
                    series.name,
                    shown(figures.each())
                ));
                costs.push(figures.each());
                shots.push(json!({
                    "series": series.name, "size": size, "round": round, "figures": raw(&figures),
                }));
            }
        }
        let points = series.sizes.iter().zip(costs);
        let points = points.filter_map(|(size, costs)| Some((*size as f64, median(costs)?)));
        let points = points.collect();
        curves.push(Curve { series, points });
    }
    let file = keep("growth", &json!({ "machine": machine(), "shots": shots }))?;
    let seconds = times.window.as_secs_f64();
    let how = format!("{rounds} rounds, windows of {seconds:.1} s, medians");
    let text = page(&curves, &circumstances(&how));
    print!("{text}");
    println!("Raw results: {}", file.display());
    if flags.is_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::write(folder.join("growth.md"), text)?;
        fs::write(folder.join("growth.svg"), plot::svg(&curves))?;
    } else {
        println!("Not all of it: bench/growth.md and bench/growth.svg are left as they are.");
    }
    Ok(curves.iter().all(|curve| !curve.is_superlinear()))
}

fn page(curves: &[Curve], circumstances: &str) -> String {
    let mut text = format!(
        "# How the cost grows\n\n\
         {circumstances}\n\n\
         Microseconds of the server's CPU for one operation. The exponent is that of the total cost over the size: 1 is \
         linear, and a cost\nof an operation that stays as it is. More than {TOLERANCE} over all sizes, or {STEP} in \
         the last step, is called superlinear.\n\n\
         ![The same as a plot](growth.svg)\n\n"
    );
    text += &head(&[
        "series",
        "an operation",
        "sizes",
        "us for an operation",
        "exponent",
        "last step",
        "verdict",
    ]);
    for curve in curves {
        let list = |values: Vec<String>| values.join(" · ");
        let verdict = match (curve.series.is_ours, curve.is_superlinear()) {
            (false, _) => "for comparison",
            (true, false) => "linear or less",
            (true, true) => "**SUPERLINEAR**",
        };
        text += &row([
            curve.series.name.to_owned(),
            curve.series.operation.to_owned(),
            list(
                curve
                    .points
                    .iter()
                    .map(|(size, _)| format!("{size}"))
                    .collect(),
            ) + " "
                + curve.series.of,
            list(curve.points.iter().map(|(_, each)| shown(*each)).collect()),
            format!("{:.2}", curve.exponent()),
            format!("{:.2}", curve.last_step()),
            verdict.to_owned(),
        ]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_that_of_the_total() {
        let close = |points: &[(f64, f64)], wanted: f64| (slope(points) - wanted).abs() < 1e-9;
        assert!(close(&[(1.0, 5.0), (10.0, 5.0), (100.0, 5.0)], 1.0));
        assert!(close(&[(1.0, 5.0), (10.0, 50.0), (100.0, 500.0)], 2.0));
        assert!(close(&[(1.0, 100.0), (10.0, 10.0)], 0.0));
    }
}
