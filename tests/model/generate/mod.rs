//! Cases from a seed: small numbers, so that rules meet each other often.
use super::{Act, Bound, Bounds, Carries, Case, Custom, Edge, Flow, Handler, Kind, Mode, NewState, Outcome, Patience};
use super::{Raise, Reads, RetryOn, SignalName, Takes, Task, Terminal, Trigger};

/// Xorshift: enough for choices, and the same on every machine.
struct Random {
    state: u64,
    /// Whether tasks may pause: what lies behind a paused task never runs, so most cases have none.
    pauses: bool,
}

impl Random {
    fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring streams, and zero must not be a state.
        let mut random = Self { state: seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, pauses: false };
        random.pauses = random.percent(12);
        random
    }

    fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from((self.state >> 33) % n as u64).expect("below a usize")
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn count(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(most as usize + 1)).expect("small")
    }

    fn value(&mut self) -> Option<i64> {
        self.percent(60).then(|| i64::try_from(self.below(100)).expect("small"))
    }

    fn message(&mut self) -> Option<String> {
        self.percent(80).then(|| format!("note {}", self.below(10)))
    }

    fn raise(&mut self, signal: SignalName) -> Raise {
        let signal = if signal == SignalName::Pause && !self.pauses { SignalName::Skip } else { signal };
        Raise { signal, message: self.message(), value: self.value() }
    }

    /// Text of an error or a panic.
    fn text(&mut self) -> String {
        self.pick(&["red", "green", "blue"]).to_owned()
    }
}

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    // Half of the cases are small: they are the ones that people read.
    let most = if random.percent(50) { 6 } else { 30 };
    let size = random.below(most + 1);
    let tasks: Vec<Task> = (0..size).map(|i| task(i, &mut random)).collect();
    let flow = flow(size, &mut random);
    // Nobody resumes what pauses, so a run to the end would have none.
    let pauses = tasks.iter().any(can_pause);
    let mode = if pauses || random.percent(15) { Mode::Once } else { Mode::Run };
    Case { mode, tasks, flow, keep_all: random.percent(60) }
}

/// Whether a task may end up Paused.
pub fn can_pause(task: &Task) -> bool {
    let pauses = |raise: &Raise| matches!(raise.signal, SignalName::Pause | SignalName::EndRun(Kind::Paused));
    task.trigger == Trigger::ManualOnly
        || matches!(&task.trigger, Trigger::Custom(Custom::Signal(raise)) if pauses(raise))
        || task.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Signal(raise) if pauses(raise)))
        || task.handlers.iter().any(|handler| match &handler.act {
            Act::Signal(raise) => pauses(raise),
            Act::Replace(new) => new.kind == Kind::Paused,
            _ => false,
        })
}

fn task(i: usize, random: &mut Random) -> Task {
    let mut edges = Vec::new();
    if i > 0 && random.percent(85) {
        for _ in 0..=random.below(3) {
            // Near ones mostly, so that chains grow long.
            let from = if random.percent(60) { i - 1 - random.below(i.min(4)) } else { random.below(i) };
            let carries = if random.percent(70) { Carries::Data } else { Carries::Order };
            edges.push(Edge { from, carries });
        }
    }
    let (trigger, skip_on_upstream_skip, reads) = if random.percent(50) {
        let trigger = if random.percent(80) { Trigger::AllSuccessful } else { Trigger::NotAllSkipped };
        (trigger, true, Reads::Values)
    } else {
        (trigger(random), random.percent(50), Reads::Outcomes)
    };
    let max_retries = if random.percent(40) { 1 + random.count(2) } else { 0 };
    let retry_on = match random.below(100) {
        _ if max_retries == 0 => RetryOn::Anything,
        0..65 => RetryOn::Anything,
        65..92 => RetryOn::Containing(random.text()),
        _ => RetryOn::Panics(random.text()),
    };
    let count = if random.percent(30) { 1 + random.below(3) } else { 0 };
    Task {
        name: format!("t{i}"),
        edges,
        outcomes: outcomes(random),
        reads,
        trigger,
        skip_on_upstream_skip,
        max_retries,
        retry_delay: if max_retries > 0 { random.count(3) } else { 0 },
        retry_on,
        handlers: (0..count).map(|_| handler(random)).collect(),
        on_failure: random.percent(15),
        watched: random.percent(50),
        takes: random.pick(&[Takes::Any, Takes::Number]),
        patience: random.pick(&[Patience::Endless, Patience::Endless, Patience::Endless, Patience::Timeout]),
    }
}

fn outcomes(random: &mut Random) -> Vec<Outcome> {
    let ok = Outcome::Linear { times: 1, plus: 1 };
    if random.percent(65) {
        return vec![ok];
    }
    let mut outcomes = Vec::new();
    for _ in 0..=random.below(3) {
        let raise = |random: &mut Random, signal| Outcome::Signal(random.raise(signal));
        outcomes.push(match random.below(100) {
            0..35 => Outcome::Err(random.text()),
            35..50 => Outcome::Panic(random.text()),
            50..58 => Outcome::Timeout,
            58..66 => raise(random, SignalName::Skip),
            66..74 => raise(random, SignalName::Fail),
            74..84 => raise(random, SignalName::Success),
            84..92 => raise(random, SignalName::Retry),
            92..94 => raise(random, SignalName::Pause),
            94..96 => raise(random, SignalName::ValidationFail),
            96..97 => raise(random, SignalName::TriggerFail),
            _ => {
                let kind = end_kind(random);
                raise(random, SignalName::EndRun(kind))
            }
        });
    }
    // The last one stands for all later attempts, and must end the task.
    let again = |outcome: &Outcome| matches!(outcome, Outcome::Signal(raise) if raise.signal == SignalName::Retry);
    if random.percent(50) || outcomes.last().is_some_and(again) {
        outcomes.push(ok);
    }
    outcomes
}

fn end_kind(random: &mut Random) -> Kind {
    random.pick(&[Kind::Success, Kind::Success, Kind::Failed, Kind::Failed, Kind::Skipped, Kind::Cancelled])
}

fn trigger(random: &mut Random) -> Trigger {
    match random.below(24) {
        0 | 1 => Trigger::AllSuccessful,
        2 | 3 => Trigger::AllFailed,
        4..7 => Trigger::AllFinished,
        7 => Trigger::AlwaysRun,
        8 | 9 => Trigger::AnySuccessful,
        10 | 11 => Trigger::AnyFailed,
        12..15 => Trigger::SomeFailed(bounds(random)),
        15..18 => Trigger::SomeSuccessful(bounds(random)),
        18 | 19 => Trigger::NotAllSkipped,
        20 if random.pauses => Trigger::ManualOnly,
        _ => Trigger::Custom(match random.below(10) {
            0..4 => Custom::True,
            4..6 => Custom::False,
            6 => Custom::Error(random.text()),
            7 => Custom::Panic(random.text()),
            _ => {
                let signals =
                    [SignalName::Skip, SignalName::Skip, SignalName::Fail, SignalName::Success, SignalName::Pause];
                let signal = random.pick(&signals);
                Custom::Signal(random.raise(signal))
            }
        }),
    }
}

fn bounds(random: &mut Random) -> Bounds {
    let bound = |random: &mut Random| {
        let shares = [0.0, 0.25, 0.4, 0.5, 0.75];
        random.percent(65).then(|| {
            if random.percent(50) { Bound::Count(1 + random.count(2)) } else { Bound::Share(random.pick(&shares)) }
        })
    };
    Bounds { at_least: bound(random), at_most: bound(random) }
}

fn handler(random: &mut Random) -> Handler {
    let kinds = [Kind::Running, Kind::Success, Kind::Failed, Kind::Retrying, Kind::TriggerFailed, Kind::Skipped];
    let mut on = Some(random.pick(&kinds));
    let act = match random.below(100) {
        0..15 => Act::Pass,
        15..25 => Act::Nothing,
        25..60 => Act::Replace(new_state(random)),
        60..70 => Act::Error(random.text()),
        70..78 => Act::Panic(random.text()),
        _ => {
            let signal = match random.below(14) {
                0..3 => SignalName::Skip,
                3..6 => SignalName::Fail,
                6..9 => SignalName::Success,
                9..11 => SignalName::Retry,
                11 => SignalName::Pause,
                _ => SignalName::EndRun(end_kind(random)),
            };
            Act::Signal(random.raise(signal))
        }
    };
    if matches!(act, Act::Pass | Act::Nothing) && random.percent(50) {
        on = None;
    }
    // A bound on the times, or a handler that asks for another attempt would ask for ever.
    Handler { on, times: 1 + random.count(1), act }
}

fn new_state(random: &mut Random) -> NewState {
    let kind = match random.below(40) {
        0..10 => Kind::Success,
        10..18 => Kind::Failed,
        18..23 => Kind::Skipped,
        23..26 => Kind::Cancelled,
        26 => Kind::TimedOut,
        27 => Kind::TriggerFailed,
        28 => Kind::ValidationFailed,
        29..33 => Kind::Retrying,
        33..37 => Kind::Pending,
        37 | 38 => Kind::Scheduled,
        _ if random.pauses => Kind::Paused,
        _ => Kind::Success,
    };
    NewState { kind, message: random.message(), value: random.value() }
}

fn flow(size: usize, random: &mut Random) -> Flow {
    let ended = |random: &mut Random| NewState { kind: end_kind(random), message: random.message(), value: None };
    let mut handlers = Vec::new();
    if random.percent(25) {
        for _ in 0..=random.below(2) {
            // Seldom on Running: no task runs then.
            let on = random.pick(&[Kind::Success, Kind::Success, Kind::Failed, Kind::Failed, Kind::Failed]);
            let on = if random.percent(8) { Kind::Running } else { on };
            let act = match random.below(10) {
                0..3 => Act::Pass,
                3 => Act::Nothing,
                4..8 => Act::Replace(ended(random)),
                8 => Act::Error(random.text()),
                _ => Act::Panic(random.text()),
            };
            handlers.push(Handler { on: Some(on), times: 1, act });
        }
    }
    let reference = (size > 0 && random.percent(25)).then(|| {
        let some = 1 + random.below(3);
        let mut tasks: Vec<usize> = (0..some).map(|_| random.below(size)).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    });
    let terminal = random.percent(12).then(|| match random.below(3) {
        0 => Terminal::Nothing,
        1 => Terminal::Message("changed".to_owned()),
        _ => Terminal::Replace(ended(random)),
    });
    Flow { handlers, on_failure: random.percent(20), reference_tasks: reference, terminal }
}
