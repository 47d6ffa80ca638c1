//! The plot: cost of an operation over what grows, both logarithmic, as an SVG of our own.

use std::fmt::Write as _;

use super::Curve;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
/// Around the plot: left, top, right (for the names), bottom.
const MARGIN: [f64; 4] = [70.0, 50.0, 190.0, 60.0];
/// Told apart also by those who see few colours.
const COLOURS: [&str; 9] = [
    "#0072b2", "#999999", "#009e73", "#56b4e9", "#d55e00", "#cc79a7", "#e69f00", "#000000",
    "#8c564b",
];

/// From a value to where it is drawn.
#[derive(Debug)]
struct Axis {
    /// The decades that are shown.
    from: i32,
    to: i32,
    start: f64,
    end: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone, start: f64, end: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::MIN_POSITIVE, f64::max);
        let from = least.log10().floor() as i32;
        Self {
            from,
            to: (most.log10().ceil() as i32).max(from + 1),
            start,
            end,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.from)) / f64::from(self.to - self.from);
        self.start + share * (self.end - self.start)
    }
}

pub(super) fn svg(curves: &[Curve]) -> String {
    let [left, top, right, bottom] = MARGIN;
    let points = curves.iter().flat_map(|curve| curve.points.iter());
    let x = Axis::of(points.clone().map(|(size, _)| *size), left, WIDTH - right);
    let y = Axis::of(points.map(|(_, each)| *each), HEIGHT - bottom, top);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"28\" font-size=\"16\">Microseconds of the server's CPU for one operation; a level line \
         is linear growth</text>\n"
    );
    grid(&mut svg, &x, &y);
    let mut names: Vec<(f64, String)> = Vec::new();
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let dash = if curve.series.is_ours { "none" } else { "6 4" };
        let mut line = String::new();
        for (size, each) in &curve.points {
            let (x, y) = (x.place(*size), y.place(*each));
            write!(line, "{x:.1},{y:.1} ").ok();
            writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
            )
            .ok();
        }
        let line = line.trim_end();
        writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>"
        )
        .ok();
        if let Some((_, each)) = curve.points.last() {
            let name = format!("{} ({:.2})", curve.series.name, curve.exponent());
            names.push((y.place(*each), format!("fill=\"{colour}\">{name}")));
        }
    }
    legend(&mut svg, names);
    svg += "</svg>\n";
    svg
}

/// Lines for the decades, with their numbers.
fn grid(svg: &mut String, x: &Axis, y: &Axis) {
    let (near, far) = (x.start, x.end);
    for decade in y.from..=y.to {
        let at = y.place(10_f64.powi(decade));
        let number = 10_f64.powi(decade);
        writeln!(svg, "<path d=\"M{near} {at:.1}H{far}\" stroke=\"#ddd\"/>").ok();
        let (text, below) = (near - 8.0, at + 4.0);
        writeln!(
            svg,
            "<text x=\"{text}\" y=\"{below:.1}\" text-anchor=\"end\">{number}</text>"
        )
        .ok();
    }
    let (low, high) = (y.start, y.end);
    for decade in x.from..=x.to {
        let at = x.place(10_f64.powi(decade));
        let number = 10_f64.powi(decade);
        writeln!(svg, "<path d=\"M{at:.1} {low}V{high}\" stroke=\"#ddd\"/>").ok();
        let below = low + 20.0;
        writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{number}</text>"
        )
        .ok();
    }
    let (middle, below) = (f64::midpoint(near, far), low + 44.0);
    writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">receivers, rooms, namespaces, members or connections</text>"
    )
    .ok();
}

/// The names at the ends of their lines, moved apart where they would meet.
fn legend(svg: &mut String, mut names: Vec<(f64, String)>) {
    let [_, _, right, _] = MARGIN;
    names.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut free = f64::MIN;
    for (wanted, name) in names {
        let at = wanted.max(free);
        free = at + 17.0;
        let (left, at) = (WIDTH - right + 10.0, at + 4.0);
        writeln!(svg, "<text x=\"{left}\" y=\"{at:.1}\" {name}</text>").ok();
    }
}
