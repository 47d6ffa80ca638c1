//! What a long run looks like over time.

use std::time::Instant;

use testkit::Random;

/// Figures by the second at which they were read.
#[derive(Debug)]
pub(super) struct Samples {
    start: Instant,
    points: Vec<(f64, f64)>,
}

impl Samples {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            points: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, figure: u64) {
        let at = self.start.elapsed().as_secs_f64();
        self.points.push((at, figure as f64));
    }

    /// The points of the second half.
    fn late(&self) -> &[(f64, f64)] {
        self.points.get(self.points.len() / 2..).unwrap_or_default()
    }

    /// How much more it becomes in an hour, by the line that fits the second half best.
    pub(super) fn slope_per_hour(&self) -> f64 {
        let points = self.late();
        let count = points.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let covariance: f64 = points.iter().map(|(at, is)| (at - x) * (is - y)).sum();
        let variance: f64 = points.iter().map(|(at, _)| (at - x).powi(2)).sum();
        if variance > 0.0 {
            covariance / variance * 3600.0
        } else {
            0.0
        }
    }

    /// How far the second half is spread, as a part of its mean.
    pub(super) fn spread(&self) -> f64 {
        let figures = self.late().iter().map(|(_, is)| *is);
        let (mut least, mut most, mut sum) = (f64::MAX, f64::MIN, 0.0);
        for is in figures {
            (least, most, sum) = (least.min(is), most.max(is), sum + is);
        }
        (most - least) / (sum / self.late().len() as f64)
    }
}

/// From 0 to 1.
pub(super) fn part(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}
