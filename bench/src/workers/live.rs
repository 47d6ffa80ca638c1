//! Live traffic: a machine of two cores has none to spare for it, so that with two workers server and generator share
//! both. Beside what was reached stands what the cores allow at the CPU that both sides took.

use serde_json::{Value, json};

use crate::contestants::{Contestant, OURS};
use crate::cpus::{Cpus, run_on};
use crate::flags::Flags;
use crate::measure::{Figures, Times};
use crate::results::{cell, head, median, raw, row, shown};
use crate::scenarios::{Cast, casts, echoes, rooms};
use crate::{Outcome, progress};
use testkit::Running;

type Load = (&'static str, fn(&Running, Times) -> Outcome<Figures>);

const LOADS: [Load; 5] = [
    ("echo-1", |server, times| echoes(server, times, 100, 1)),
    ("echo-16", |server, times| echoes(server, times, 100, 16)),
    ("cast-1000, one sender", |server, times| {
        casts(server, times, Cast::to(1000))
    }),
    ("cast-1000, eight senders", |server, times| {
        let senders = 8;
        casts(
            server,
            times,
            Cast {
                senders,
                ..Cast::to(1000)
            },
        )
    }),
    ("room-10", |server, times| rooms(server, times, 1000, 10)),
];

/// Where server and generator run, and with how many workers.
#[derive(Clone, Copy, Debug)]
struct Setting {
    name: &'static str,
    workers: usize,
    /// Both on both cores, or each on its own.
    is_shared: bool,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        name: "1 worker, a core each",
        workers: 1,
        is_shared: false,
    },
    Setting {
        name: "1 worker, both share",
        workers: 1,
        is_shared: true,
    },
    Setting {
        name: "2 workers, both share",
        workers: 2,
        is_shared: true,
    },
];

/// One load in one setting, over the rounds.
#[derive(Debug)]
struct Cell {
    load: Load,
    setting: Setting,
    all: Vec<Figures>,
}

impl Cell {
    fn median(&self, read: impl Fn(&Figures) -> f64) -> Option<f64> {
        median(self.all.iter().map(read))
    }

    /// Operations a second if all cores were busy all the time, at the CPU that an operation took.
    fn bound(&self) -> Option<f64> {
        let (each, own) = (self.median(Figures::each)?, self.median(Figures::own_each)?);
        let alone = 1e6 / each.max(own);
        Some(if self.setting.is_shared {
            let both = 2e6 / (each + own);
            // the generator has one thread, and so has a server with one worker
            let single = if self.setting.workers == 1 {
                each.max(own)
            } else {
                own
            };
            both.min(1e6 / single)
        } else {
            alone
        })
    }
}

/// The raw figures, and what they are in a table.
pub(super) fn run(flags: &Flags, cpus: Cpus, rounds: usize) -> Outcome<(Vec<Value>, String)> {
    let times = flags.times(if flags.quick { 1.0 } else { 3.0 });
    let mut cells: Vec<Cell> = Vec::new();
    for load in LOADS {
        let settings = SETTINGS.into_iter();
        cells.extend(settings.map(|setting| Cell {
            load,
            setting,
            all: Vec::new(),
        }));
    }
    for _ in 0..rounds {
        for cell in &mut cells {
            let (name, load) = cell.load;
            let server = Contestant::own(OURS, "bench_server")?
                .set("TOKIO_WORKER_THREADS", cell.setting.workers);
            let figures = measure(&server, load, cell.setting, cpus, times)
                .map_err(|error| format!("{name}: {error}"))?;
            progress(format!(
                "{name:<26} {:<24} {} a second",
                cell.setting.name,
                shown(figures.rate())
            ));
            cell.all.push(figures);
        }
    }
    let text = format!(
        "Live traffic, windows of {:.1} s:\n\n{}",
        times.window.as_secs_f64(),
        table(&cells)
    );
    Ok((cells.iter().flat_map(Cell::raw).collect(), text))
}

impl Cell {
    fn raw(&self) -> Vec<Value> {
        let one = |figures| {
            json!({
                "load": self.load.0, "setting": self.setting.name, "figures": raw(figures),
            })
        };
        self.all.iter().map(one).collect()
    }
}

fn measure(
    server: &Contestant,
    load: fn(&Running, Times) -> Outcome<Figures>,
    setting: Setting,
    cpus: Cpus,
    times: Times,
) -> Outcome<Figures> {
    let (both, servers, own) = (cpus.both(), [cpus.server], [cpus.generator]);
    let (servers, own) = if setting.is_shared {
        (both.as_slice(), both.as_slice())
    } else {
        (servers.as_slice(), own.as_slice())
    };
    run_on(own)?;
    load(&server.start_on(servers)?, times)
}

fn table(cells: &[Cell]) -> String {
    let mut table = head(&[
        "load",
        "setting",
        "operations a second",
        "x one core",
        "most possible",
        "us of the server",
        "us of the generator",
        "cores of the server",
    ]);
    let mut first = None;
    for cell_of in cells {
        let rate = cell_of.median(Figures::rate);
        if !cell_of.setting.is_shared {
            first = rate;
        }
        let gain = rate.zip(first).map(|(rate, first)| rate / first);
        let busy = |figures: &Figures| figures.cpu.as_secs_f64() / figures.wall.as_secs_f64();
        table += &row([
            cell_of.load.0.to_owned(),
            cell_of.setting.name.to_owned(),
            cell(rate),
            cell(gain),
            cell(cell_of.bound()),
            cell(cell_of.median(Figures::each)),
            cell(cell_of.median(Figures::own_each)),
            cell(cell_of.median(busy)),
        ]);
    }
    table
}
