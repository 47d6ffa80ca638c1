//! [`Case`]: where an upgrade is interrupted, and how.

/// How far the client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Half of its request for a WebSocket is sent.
    HalfRequest,
    /// The request is sent, its answer not read.
    Request,
    /// The server has agreed.
    Agreed,
    /// `2probe` is sent, and nothing waited for.
    Probe,
    /// `3probe` is there, and not read.
    Pong,
    /// `3probe` is read; long-polling goes on.
    Ponged,
    /// Long-polling has come to rest; `5` is not sent.
    Paused,
    /// Half of `5` is sent.
    HalfFive,
    /// `5` is sent.
    Five,
}

pub(super) const STEPS: [Step; 9] = [
    Step::HalfRequest,
    Step::Request,
    Step::Agreed,
    Step::Probe,
    Step::Pong,
    Step::Ponged,
    Step::Paused,
    Step::HalfFive,
    Step::Five,
];

/// What happens to it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Reset,
    Finish,
    Silence,
    Garbage,
    /// Somebody else asks for a WebSocket of the session.
    Second,
}

pub(super) const FAULTS: [Fault; 5] = [
    Fault::Reset,
    Fault::Finish,
    Fault::Silence,
    Fault::Garbage,
    Fault::Second,
];

/// Who has more to say meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heavy {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) step: Step,
    pub(super) fault: Fault,
    pub(super) heavy: Heavy,
    pub(super) seed: u64,
}

impl Case {
    /// Messages of the client, and of the server.
    pub(super) const fn messages(&self) -> (u64, u64) {
        match self.heavy {
            Heavy::Client => (80, 16),
            Heavy::Server => (16, 80),
        }
    }

    /// Whether the fault comes after the upgrade, and so ends the connection.
    pub(super) fn ends_the_connection(&self) -> bool {
        self.step == Step::Five && self.fault != Fault::Second
    }
}

/// Ninety of them for each seed.
pub(super) fn cases(seeds: impl Iterator<Item = u64>) -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in seeds {
        for step in STEPS {
            for fault in FAULTS {
                for heavy in [Heavy::Client, Heavy::Server] {
                    cases.push(Case {
                        step,
                        fault,
                        heavy,
                        seed,
                    });
                }
            }
        }
    }
    cases
}
