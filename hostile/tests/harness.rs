//! The harness sees what it is there to see: a server that misbehaves on demand fails, for the right reason.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;
use std::time::Duration;

use hostile::{Attack, Failure, Outcome, Pace, Plan, Report, Script, head, row, run, summary};

fn report(script: Script) -> Vec<Report> {
    let plan = Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_hostile_fake")),
        wrap: Vec::new(),
        full: false,
        pace: Pace::Release,
    };
    let mut reports = Vec::new();
    let failed = run(&[script], &plan, |report| reports.push(report.clone()));
    assert_eq!(
        failed,
        reports
            .iter()
            .filter(|report| report.verdict.is_err())
            .count()
    );
    reports
}

/// The verdict about a script of which one thing is expected: this text in the failure.
#[track_caller]
fn fails(script: Script, expected: &str) {
    let reports = report(script);
    let [report] = &reports[..] else {
        panic!("{reports:?}");
    };
    let failure = report.verdict.clone().unwrap_err().to_string();
    assert!(failure.contains(expected), "{failure}");
    assert!(row(report).starts_with("FAILED") && row(report).contains(expected));
}

/// Tells the fake server what to do.
fn does(fault: &str) -> impl Fn(&Attack<'_>) -> Outcome {
    move |attack| attack.tell(fault)
}

#[test]
fn a_server_that_behaves_passes() {
    let reports = report(Script::new("nothing", "-", |attack| {
        does("nothing")(attack)
    }));
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].verdict, Ok(()));
    assert!(reports[0].latency > Duration::ZERO);
    assert!(row(&reports[0]).starts_with("passed"));
    assert_eq!(
        head().find("time").is_some(),
        row(&reports[0]).contains(" s ")
    );
    assert!(summary(&reports).starts_with("1 scripts, 0 failed"));
}

#[test]
fn memory_is_compared_with_the_bytes_that_were_sent() {
    let tells = Script::new("tells", "-", |attack| does("nothing")(attack));
    let [mut small] = report(tells).try_into().unwrap();
    assert!((100..10_000).contains(&small.sent), "{}", small.sent);
    // a server may take a megabyte for nothing
    (small.name, small.memory) = ("small", 1 << 20);
    assert_eq!(small.memory_per_byte(), 0.0);
    let mut large = small.clone();
    (large.name, large.sent, large.memory) = ("large", 2 << 20, 6 << 20);
    assert_eq!(large.memory_per_byte(), 2.5);
    let mut asked = large.clone();
    (asked.name, asked.sent, asked.apart) = ("asked", 1, Some("the handler wants it"));
    let summary = summary(&[small, large, asked]);
    assert!(
        summary.contains("most memory for a byte: large (2.50:"),
        "{summary}"
    );
    assert!(
        summary.contains("apart: asked, 6144 KiB for 1 bytes: the handler wants it"),
        "{summary}"
    );
}

#[test]
fn a_crash() {
    fails(
        Script::new("crash", "-", |attack| does("crash")(attack)),
        "the server ended (exit status: 3)",
    );
}

#[test]
fn a_server_that_does_not_answer_in_time() {
    fails(
        Script::new("slow", "-", |attack| does("slow")(attack)),
        "the honest client",
    );
}

#[test]
fn a_descriptor_that_is_left() {
    fails(
        Script::new("leak", "-", |attack| does("leak descriptors")(attack)),
        "left behind",
    );
}

#[test]
fn a_session_that_is_left() {
    fails(
        Script::new("leak", "-", |attack| does("leak sessions")(attack)),
        "left behind",
    );
}

#[test]
fn memory_that_grows() {
    fails(
        Script::new("grow", "-", |attack| does("grow")(attack)),
        "memory grew by",
    );
}

#[test]
fn cpu_time_that_is_burnt() {
    let script = Script::new("spin", "-", |attack| does("spin")(attack));
    fails(
        script.cpu(Duration::from_millis(100)),
        "of CPU, more than 100ms",
    );
}

#[test]
fn a_log_that_is_flooded() {
    fails(
        Script::new("babble", "-", |attack| does("babble")(attack)),
        "10000 bytes of log",
    );
}

#[test]
fn a_panic() {
    fails(
        Script::new("panic", "-", |attack| does("panic")(attack)),
        "the server panicked",
    );
}

#[test]
fn an_outcome_that_was_not_expected() {
    fails(
        Script::new("wrong", "-", |_| Err(Failure::new("expected 400, got 200"))),
        "expected 400, got 200",
    );
}

#[test]
fn a_server_that_does_not_start() {
    let mut reports = Vec::new();
    let plan = Plan {
        program: "/bin/false".into(),
        wrap: Vec::new(),
        full: false,
        pace: Pace::Release,
    };
    let failed = run(&[Script::new("none", "-", |_| Ok(()))], &plan, |report| {
        reports.push(report.clone())
    });
    assert_eq!(failed, 1);
    assert!(
        reports[0]
            .verdict
            .clone()
            .unwrap_err()
            .to_string()
            .contains("is not ready")
    );
}
