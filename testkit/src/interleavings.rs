//! [`explore`]: a body in many interleavings of its threads.

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Schedules of each kind, unless the environment variable `SCHEDULES` says otherwise.
const SCHEDULES: usize = 1000;
/// Changes of priority in one schedule: enough for three events in an order that is rare.
const DEPTH: usize = 3;
/// Bytes of stack of one thread: handlers and parsers run on them.
const STACK: usize = 512 * 1024;

/// Runs `body` under many schedules: as many that are random at every step, and as many that
/// change the priorities of threads a few times. Threads and tasks of the body are shuttle's;
/// those that wait for something that nobody will do are a failure, and so is a panic. The
/// schedule of a failure is printed, for `shuttle::replay`.
///
/// # Panics
/// When `body` does under some schedule, or when its threads wait for each other.
pub fn explore(body: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("SCHEDULES");
    let schedules = schedules.map_or(Ok(SCHEDULES), |count| count.parse());
    let schedules = schedules.expect("SCHEDULES is a number");
    let body = Arc::new(body);
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let (mut config, body) = (Config::new(), Arc::clone(&body));
        config.stack_size = STACK;
        Runner::new(scheduler, config).run(move || body());
    };
    run(Box::new(RandomScheduler::new(schedules)));
    run(Box::new(PctScheduler::new(DEPTH, schedules)));
}
