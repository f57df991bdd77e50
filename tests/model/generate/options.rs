//! What a task does and what options it has.
use super::super::{Act, Bound, Bounds, Custom, Handler, Kind, NewState, Outcome, SignalName, Trigger, Val};
use super::random::Random;

/// What the calls of a body do, where `ok` is the way that ends well.
pub(super) fn outcomes(ok: Outcome, random: &mut Random) -> Vec<Outcome> {
    if random.percent(60) {
        return vec![ok];
    }
    if ok != Outcome::Returns(Val::Unit) && random.percent(12) {
        let then = match random.below(4) {
            0 => Outcome::Err(random.text()),
            1 => Outcome::Panic(random.text()),
            2 => Outcome::Signal(random.raise(SignalName::Skip)),
            _ => Outcome::Signal(random.raise(SignalName::Success)),
        };
        return vec![Outcome::If { sum: i64::from(random.count(6)), then: Box::new(then) }];
    }
    let mut outcomes = Vec::new();
    for _ in 0..=random.below(3) {
        let raise = |random: &mut Random, signal| Outcome::Signal(random.raise(signal));
        outcomes.push(match random.below(100) {
            0..28 => Outcome::Err(random.text()),
            28..38 => Outcome::Panic(random.text()),
            38..51 => raise(random, SignalName::Loop),
            51..58 => Outcome::Timeout,
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
    let again = |outcome: &Outcome| matches!(outcome, Outcome::Signal(raise) if matches!(raise.signal, SignalName::Retry | SignalName::Loop));
    if random.percent(50) || outcomes.last().is_some_and(again) {
        outcomes.push(ok);
    }
    outcomes
}

pub(super) fn end_kind(random: &mut Random) -> Kind {
    random.pick(&[Kind::Success, Kind::Success, Kind::Failed, Kind::Failed, Kind::Skipped, Kind::Cancelled])
}

pub(super) fn trigger(random: &mut Random) -> Trigger {
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

pub(super) fn handler(random: &mut Random) -> Handler {
    let kinds = [
        Kind::Running,
        Kind::Success,
        Kind::Failed,
        Kind::Retrying,
        Kind::TriggerFailed,
        Kind::Skipped,
        Kind::Looped,
        Kind::Mapped,
    ];
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
