//! What a run measured, and what of it must hold.

use std::fmt::Display;
use std::time::Instant;

use hdrhistogram::Histogram;

/// Figures, one a line.
#[derive(Debug)]
pub(crate) struct Report {
    name: String,
    start: Instant,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    figure: String,
    /// What must hold, and whether it does.
    demand: Option<(String, bool)>,
}

impl Report {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            start: Instant::now(),
            rows: Vec::new(),
        }
    }

    /// A figure that is only told.
    pub(crate) fn tell(&mut self, what: &str, figure: impl Display) {
        self.push(what, figure, None);
    }

    /// A figure that may not exceed a bound.
    pub(crate) fn at_most<T: Display + PartialOrd>(&mut self, what: &str, figure: T, bound: T) {
        let holds = figure <= bound;
        self.push(what, &figure, Some((format!("at most {bound}"), holds)));
    }

    /// A figure that must be met.
    pub(crate) fn at_least<T: Display + PartialOrd>(&mut self, what: &str, figure: T, bound: T) {
        let holds = figure >= bound;
        self.push(what, &figure, Some((format!("at least {bound}"), holds)));
    }

    /// A figure that must be just so.
    pub(crate) fn exactly<T: Display + PartialEq>(&mut self, what: &str, figure: T, wanted: T) {
        let holds = figure == wanted;
        self.push(what, &figure, Some((format!("exactly {wanted}"), holds)));
    }

    /// Times in microseconds, told as milliseconds.
    pub(crate) fn times(&mut self, what: &str, times: &Histogram<u64>) {
        let ms = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
        let (p50, p99, max) = (ms(0.5), ms(0.99), times.max() as f64 / 1000.0);
        let figure = format!(
            "p50 {p50:.2} ms, p99 {p99:.2} ms, most {max:.2} ms of {}",
            times.len()
        );
        self.push(what, figure, None);
    }

    /// As [`Report::times`], with a bound for p99 in milliseconds.
    pub(crate) fn p99(&mut self, what: &str, times: &Histogram<u64>, bound: f64) {
        self.times(what, times);
        let p99 = times.value_at_quantile(0.99) as f64 / 1000.0;
        self.at_most(&format!("{what}, p99 ms"), p99, bound);
    }

    fn push(&mut self, what: &str, figure: impl Display, demand: Option<(String, bool)>) {
        self.rows.push(Row {
            what: what.to_owned(),
            figure: figure.to_string(),
            demand,
        });
    }

    pub(crate) fn passed(&self) -> bool {
        self.rows
            .iter()
            .all(|row| row.demand.as_ref().is_none_or(|(_, holds)| *holds))
    }

    pub(crate) fn print(&self) {
        let verdict = if self.passed() { "passed" } else { "FAILED" };
        let seconds = self.start.elapsed().as_secs();
        println!("\n{}: {verdict} after {seconds} s", self.name);
        for row in &self.rows {
            let demand = match &row.demand {
                None => String::new(),
                Some((demand, true)) => format!("  ({demand})"),
                Some((demand, false)) => format!("  FAILED: {demand}"),
            };
            println!("  {:<44} {}{demand}", row.what, row.figure);
        }
    }
}

/// A line of progress.
pub(crate) fn progress(text: impl Display) {
    println!("{text}");
}

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    // up to an hour, three digits
    Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap_or_else(|_| unreachable!("in bounds"))
}
