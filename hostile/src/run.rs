//! Runs scripts one after another, with the checks behind each.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use testkit::Launch;

use crate::effort::Effort;
use crate::honest::{Honest, newcomer};
use crate::outcome::{check, short};
use crate::peer::PAUSE;
use crate::target::{Gauges, Target};
use crate::{Attack, Failure, Outcome, Pace, Script};

/// What a byte of an attack may take in memory.
const MEMORY_PER_BYTE: f64 = 3.0;
/// How long an honest client may wait for an echo, and a new one to be served.
const SERVED: Duration = Duration::from_secs(1);
/// What looking at a busy machine may add to the time in which everything must be gone.
const LOOKING: Duration = Duration::from_millis(500);
/// What the server may write to stderr about one attack.
const LOG: usize = 4096;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub program: PathBuf,
    /// Words in front of it.
    pub wrap: Vec<String>,
    /// All rounds, or fewer.
    pub full: bool,
    /// How fast the server is expected to be.
    pub pace: Pace,
}

impl Plan {
    fn launch(&self, script: &Script) -> Launch {
        let stretch = if self.pace == Pace::Checked { 5 } else { 1 };
        let (interval, timeout) = (script.heartbeat.0 * stretch, script.heartbeat.1 * stretch);
        let mut settings = vec![
            ("PING_INTERVAL_MS", interval.to_string()),
            ("PING_TIMEOUT_MS", timeout.to_string()),
            // by default it is shorter than the heartbeat, too
            ("CLOSE_TIMEOUT_MS", interval.to_string()),
        ];
        let short = if self.full { &[] } else { script.short };
        let others = script.settings.iter().chain(short);
        settings.extend(others.map(|(name, value)| (*name, (*value).to_owned())));
        let mut launch = Launch::new(&self.program);
        (launch.wrap, launch.settings, launch.descriptors) =
            (self.wrap.clone(), settings, script.descriptors);
        launch
    }
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// The row it answers.
    pub row: &'static str,
    /// What is wrong, if something is.
    pub verdict: Outcome,
    /// How long it took, with the checks behind it.
    pub time: Duration,
    /// The most by which the server's resident memory grew.
    pub memory: u64,
    /// Bytes that the script wrote.
    pub sent: u64,
    /// Why memory is not compared with them, if it is not.
    pub apart: Option<&'static str>,
    /// The server's CPU time.
    pub cpu: Duration,
    /// The longest that the honest client waited for an echo.
    pub latency: Duration,
}

impl Report {
    /// Growth of memory for each byte that was sent, as far as it exceeds what a server's allocator and the threads' own
    /// buffers may take for whatever they do first.
    #[must_use]
    pub fn memory_per_byte(&self) -> f64 {
        const FLOOR: u64 = 1024 * 1024;
        let beyond = self.memory.saturating_sub(FLOOR);
        if beyond == 0 {
            return 0.0;
        }
        beyond as f64 / self.sent.max(1) as f64
    }
}

/// Runs scripts in order; `each` gets every report as soon as it is there. Gives the number of failures.
pub fn run(scripts: &[Script], plan: &Plan, mut each: impl FnMut(&Report)) -> usize {
    let mut failed = 0;
    let mut ground: Option<Ground> = None;
    for script in scripts {
        let launch = plan.launch(script);
        // another server when it has to be another one, and after a failure
        if ground.as_ref().is_none_or(|ground| ground.launch != launch) {
            failed += end(ground.take(), &mut each);
        }
        let report = prepare(&mut ground, launch, plan).map(|ground| ground.attack(script, plan));
        let report = report.unwrap_or_else(|failure| blank(script.name, script.row, failure));
        if report.verdict.is_err() {
            failed += 1;
            ground = None;
        }
        each(&report);
    }
    failed + end(ground, &mut each)
}

fn prepare<'a>(
    ground: &'a mut Option<Ground>,
    launch: Launch,
    plan: &Plan,
) -> Outcome<&'a mut Ground> {
    match ground {
        Some(ready) => Ok(ready),
        none => Ok(none.insert(Ground::start(launch, plan)?)),
    }
}

fn blank(name: &'static str, row: &'static str, failure: Failure) -> Report {
    let (time, cpu, latency) = Default::default();
    Report {
        name,
        row,
        verdict: Err(failure),
        time,
        memory: 0,
        sent: 0,
        apart: None,
        cpu,
        latency,
    }
}

/// Stops a server, which must end well.
fn end(ground: Option<Ground>, each: &mut impl FnMut(&Report)) -> usize {
    let stopped = ground.map_or(
        Ok(()),
        |Ground {
             mut target, honest, ..
         }| {
            drop(honest);
            target.stop()
        },
    );
    stopped.map_or_else(
        |failure| {
            each(&blank("stopping the server", "-", failure.into()));
            1
        },
        |()| 0,
    )
}

/// A server with an honest client.
struct Ground {
    launch: Launch,
    target: Target,
    honest: Honest,
    gauges: Gauges,
    descriptors: usize,
}

impl Ground {
    fn start(launch: Launch, plan: &Plan) -> Outcome<Self> {
        let target = Target::start(&launch)?;
        let limit = plan.pace.stretch(SERVED);
        // what a server allocates once is no growth
        newcomer(target.address, plan.pace.stretch(SERVED * 5))?;
        let honest = Honest::start(target.address, limit)?;
        let mut ground = Self {
            launch,
            target,
            honest,
            gauges: Gauges::default(),
            descriptors: 0,
        };
        (ground.gauges, ground.descriptors) = ground.calm(limit)?;
        Ok(ground)
    }

    /// What is open when only the honest client is there. The connection that asks for the gauges is open a moment
    /// longer: the fewest descriptors of a while count.
    fn calm(&self, limit: Duration) -> Outcome<(Gauges, usize)> {
        let deadline = Instant::now() + limit * 5;
        loop {
            let gauges = self.target.gauges()?;
            let mut fewest = usize::MAX;
            for _ in 0..20 {
                fewest = fewest.min(self.target.process.descriptors()?);
                thread::sleep(PAUSE);
            }
            let alone = (gauges.sessions, gauges.connections, gauges.queued_bytes) == (1, 1, 0);
            if alone && self.target.gauges()? == gauges {
                return Ok((gauges, fewest));
            }
            check!(
                Instant::now() < deadline,
                "the server does not become calm: {gauges:?}"
            );
        }
    }

    fn attack(&mut self, script: &Script, plan: &Plan) -> Report {
        let mut report = blank(script.name, script.row, Failure::new("not measured"));
        let start = Instant::now();
        report.verdict = self.measured(script, plan, &mut report);
        report.time = start.elapsed();
        report
    }

    fn measured(&mut self, script: &Script, plan: &Plan, report: &mut Report) -> Outcome {
        let outcome = self.attacked(script, plan, report);
        if outcome.is_err()
            && self.honest.is_well().is_err()
            && let Some(status) = self.target.ends_within(Duration::from_secs(1))
        {
            return Err(Failure::new(format!(
                "the server ended ({status}): {}",
                short(&self.target.log())
            )));
        }
        outcome
    }

    fn attacked(&self, script: &Script, plan: &Plan, report: &mut Report) -> Outcome {
        let process = &self.target.process;
        process.forget_peak()?;
        let (memory, cpu, logged) = (process.memory()?, process.cpu()?, self.target.log().len());
        self.honest.take_worst();
        let attack = Attack {
            target: &self.target,
            launch: &self.launch,
            pace: plan.pace,
            full: plan.full,
            before: self.target.gauges()?,
            effort: Effort::default(),
        };
        let attacked = (script.run)(&attack);
        report.memory = process.peak().unwrap_or(memory).saturating_sub(memory);
        report.cpu = process.cpu().unwrap_or(cpu).saturating_sub(cpu);
        (report.sent, report.apart) = (attack.effort.sent(), script.apart);
        let alive = self.alive(script, plan);
        report.latency = self.honest.take_worst();
        // what the script saw is nearer to the cause
        attacked.and(alive)?;
        self.bounds(script, plan, report, logged)
    }

    /// The three checks: an honest client goes on, another can come, and nothing is left of the attackers.
    fn alive(&self, script: &Script, plan: &Plan) -> Outcome {
        let limit = plan.pace.stretch(SERVED);
        let left = Instant::now();
        self.honest.echoes(limit)?;
        newcomer(self.target.address, limit)?;
        let deadline = plan.pace.stretch(script.deadline() + LOOKING);
        loop {
            let descriptors = self.target.process.descriptors()?;
            let gauges = self.target.gauges()?;
            let calm = Gauges {
                handled: gauges.handled,
                connects: gauges.connects,
                ..self.gauges
            };
            if gauges == calm && descriptors <= self.descriptors {
                return Ok(());
            }
            check!(
                left.elapsed() < deadline,
                "left behind after {deadline:?}: {descriptors} file descriptors instead of {}, {gauges:?} instead of \
                 {calm:?}",
                self.descriptors
            );
            self.honest.is_well()?;
            thread::sleep(PAUSE * 5);
        }
    }

    fn bounds(&self, script: &Script, plan: &Plan, report: &Report, logged: usize) -> Outcome {
        let pace = plan.pace;
        self.honest.is_well()?;
        let log = self.target.log();
        check!(
            !log.contains("panicked at"),
            "the server panicked: {}",
            short(&log)
        );
        if pace == Pace::Checked {
            return Ok(());
        }
        // fewer rounds send too little for what a server has in any case
        check!(
            !plan.full || report.apart.is_some() || report.memory_per_byte() <= MEMORY_PER_BYTE,
            "{:.2} bytes of memory for each that was sent",
            report.memory_per_byte()
        );
        check!(
            log.len() - logged <= LOG,
            "{} bytes of log: {}",
            log.len() - logged,
            short(&log)
        );
        let (memory, limit) = (report.memory / 1024, script.memory / 1024);
        check!(
            memory <= limit,
            "memory grew by {memory} KiB, more than {limit} KiB"
        );
        check!(
            pace.cpu(report.cpu, script.cpu),
            "{:?} of CPU, more than {:?}",
            report.cpu,
            script.cpu
        );
        check!(
            report.latency <= SERVED,
            "an echo took {:?}",
            report.latency
        );
        Ok(())
    }
}
