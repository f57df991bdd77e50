//! Prefect's triggers. What a trigger returns says whether every upstream task has a result when it lets the task run:
//! [`Successful`] where it does, [`Verdict`] where it may not.
use super::typed::{IntoTrigger, Successful, Typed, Verdict};
use super::{Refusal, Upstreams};
use crate::{Signal, State};

fn verdict(runs: bool, message: &'static str) -> Verdict {
    if runs { Verdict::new(Ok(())) } else { refuse(Signal::trigger_fail(message)) }
}

fn refuse(signal: Signal) -> Verdict {
    Verdict::new(Err(Refusal::State(signal.into_state())))
}

/// Runs when every upstream task succeeded; the default. Skipped ones count as successful.
pub fn all_successful(upstreams: &Upstreams<'_>) -> Successful {
    let all = upstreams.states().iter().all(|state| state.kind().is_successful());
    verdict(all, "Trigger was \"all_successful\" but some of the upstream tasks failed.").into()
}

/// Runs when every upstream task failed.
pub fn all_failed(upstreams: &Upstreams<'_>) -> Verdict {
    verdict(
        upstreams.failed() == upstreams.len(),
        "Trigger was \"all_failed\" but some of the upstream tasks succeeded.",
    )
}

/// Runs when every upstream task has ended, one way or the other.
pub fn all_finished(upstreams: &Upstreams<'_>) -> Verdict {
    let all = upstreams.states().iter().all(|state| state.kind().is_finished());
    verdict(all, "Trigger was \"all_finished\" but some of the upstream tasks were not finished.")
}

/// Runs when an upstream task succeeded, or nothing is upstream.
pub fn any_successful(upstreams: &Upstreams<'_>) -> Verdict {
    verdict(
        upstreams.is_empty() || upstreams.successful() > 0,
        "Trigger was \"any_successful\" but none of the upstream tasks succeeded.",
    )
}

/// Runs when an upstream task failed, or nothing is upstream.
pub fn any_failed(upstreams: &Upstreams<'_>) -> Verdict {
    verdict(
        upstreams.is_empty() || upstreams.failed() > 0,
        "Trigger was \"any_failed\" but none of the upstream tasks failed.",
    )
}

/// Runs when every upstream task succeeded and not all of them were skipped; if all were, the task is skipped.
pub fn not_all_skipped(upstreams: &Upstreams<'_>) -> Successful {
    if upstreams.skipped() == upstreams.len() {
        let skipped = State::skipped("All upstreams were skipped");
        return Verdict::new(Err(Refusal::State(skipped))).into();
    }
    let all = upstreams.successful() == upstreams.len();
    verdict(all, "Trigger was \"not_all_skipped\" but some of the upstream tasks failed.").into()
}

/// Pauses the task until somebody resumes it.
pub fn manual_only(upstreams: &Upstreams<'_>) -> Verdict {
    if upstreams.resumed { Verdict::new(Ok(())) } else { refuse(Signal::pause("Trigger function is \"manual_only\"")) }
}

/// A number of upstream tasks: `2` tasks, or the share `0.5` of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound(f64);

impl Bound {
    #[allow(clippy::cast_precision_loss, reason = "flows have fewer than 2^52 tasks")]
    fn count_of(self, all: usize) -> f64 {
        if self.0 < 1.0 { self.0 * all as f64 } else { self.0 }
    }
}

/// What is taken where a number of upstream tasks is asked for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number of tasks",
    label = "expected a count such as `2`, or a share such as `0.5`"
)]
pub trait IntoBound {
    /// The bound.
    fn into_bound(self) -> Bound;
}

#[diagnostic::do_not_recommend]
impl IntoBound for usize {
    #[allow(clippy::cast_precision_loss, reason = "flows have fewer than 2^52 tasks")]
    fn into_bound(self) -> Bound {
        Bound(self as f64)
    }
}

#[diagnostic::do_not_recommend]
impl IntoBound for f64 {
    fn into_bound(self) -> Bound {
        Bound(self)
    }
}

/// A trigger that counts upstream tasks: see [`some_failed()`] and [`some_successful()`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a trigger does nothing until it is given to a task"]
pub struct Thresholds {
    counted: Counted,
    at_least: Option<Bound>,
    at_most: Option<Bound>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Counted {
    Failed,
    Successful,
}

impl Thresholds {
    const fn of(counted: Counted) -> Self {
        Self { counted, at_least: None, at_most: None }
    }

    /// Runs when so many tasks are counted, or more: a number of tasks, or, below 1, a share of all.
    pub fn at_least(mut self, bound: impl IntoBound) -> Self {
        self.at_least = Some(bound.into_bound());
        self
    }

    /// Runs when so many tasks are counted, or fewer: a number of tasks, or, below 1, a share of all.
    pub fn at_most(mut self, bound: impl IntoBound) -> Self {
        self.at_most = Some(bound.into_bound());
        self
    }

    /// The end of the keyword form.
    #[doc(hidden)]
    pub fn __call(self) -> Self {
        self
    }

    #[allow(clippy::cast_precision_loss, reason = "flows have fewer than 2^52 tasks")]
    fn judge(&self, upstreams: &Upstreams<'_>) -> Verdict {
        let (count, message) = match self.counted {
            Counted::Failed => (upstreams.failed(), "Trigger was \"some_failed\" but thresholds were not met."),
            Counted::Successful => {
                (upstreams.successful(), "Trigger was \"some_successful\" but thresholds were not met.")
            }
        };
        let (all, count) = (upstreams.len(), count as f64);
        let within = self.at_least.is_none_or(|bound| count >= bound.count_of(all))
            && self.at_most.is_none_or(|bound| count <= bound.count_of(all));
        verdict(all == 0 || within, message)
    }
}

#[diagnostic::do_not_recommend]
impl IntoTrigger<Verdict> for Thresholds {
    fn into_trigger(self) -> Typed<Verdict> {
        Typed::new(move |upstreams| self.judge(upstreams).judge())
    }
}

macro_rules! thresholds {
    ($(#[doc = $doc:literal])* $name:ident, $counted:expr) => {
        $(#[doc = $doc])*
        pub const fn $name() -> Thresholds {
            Thresholds::of($counted)
        }

        #[doc = concat!("The keyword form of [`", stringify!($name), "()`].")]
        #[allow(non_camel_case_types, reason = "the type behind the function of the same name")]
        #[doc(hidden)]
        #[derive(Debug)]
        pub enum $name {}

        #[doc(hidden)]
        impl $name {
            pub const fn __kw() -> Thresholds {
                Thresholds::of($counted)
            }
        }
    };
}

thresholds! {
    /// Runs when the number of failed upstream tasks is within bounds, or nothing is upstream.
    ///
    /// In `#[task(..)]`: `trigger = some_failed(at_least = 2, at_most = 0.5)`; elsewhere
    /// `some_failed().at_least(2).at_most(0.5)`. A bound below 1 is a share of all upstream tasks, from 1 it is a count.
    some_failed, Counted::Failed
}

thresholds! {
    /// Runs when the number of successful upstream tasks is within bounds, or nothing is upstream.
    ///
    /// In `#[task(..)]`: `trigger = some_successful(at_least = 2, at_most = 0.5)`; elsewhere
    /// `some_successful().at_least(2).at_most(0.5)`. A bound below 1 is a share of all upstream tasks, from 1 it is a
    /// count.
    some_successful, Counted::Successful
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateKind::{self, Failed, Paused, Skipped, Success, TriggerFailed};
    use crate::{Signal, StateResult, TaskError, Trigger};

    fn table() -> Vec<(&'static str, Trigger, &'static str)> {
        vec![
            ("all_successful", Trigger::new(all_successful), "some of the upstream tasks failed."),
            ("default", Trigger::default(), "some of the upstream tasks failed."),
            ("all_failed", Trigger::new(all_failed), "some of the upstream tasks succeeded."),
            ("all_finished", Trigger::new(all_finished), "some of the upstream tasks were not finished."),
            ("any_successful", Trigger::new(any_successful), "none of the upstream tasks succeeded."),
            ("any_failed", Trigger::new(any_failed), "none of the upstream tasks failed."),
            ("some_failed", Trigger::new(some_failed()), ""),
            ("some_failed 0.5", Trigger::new(some_failed().at_least(0.5)), "thresholds were not met."),
            ("some_failed 1", Trigger::new(some_failed().at_least(1)), "thresholds were not met."),
            ("some_failed 1.0", Trigger::new(some_failed().at_least(1.0)), "thresholds were not met."),
            ("some_failed 1..1", Trigger::new(some_failed().at_least(1).at_most(1)), "thresholds were not met."),
            ("some_failed ..0.4", Trigger::new(some_failed().at_most(0.4)), "thresholds were not met."),
            ("some_failed ..0", Trigger::new(some_failed().at_most(0)), "thresholds were not met."),
            ("some_failed 3", Trigger::new(some_failed().at_least(3)), "thresholds were not met."),
            ("some_successful 2", Trigger::new(some_successful().at_least(2)), "thresholds were not met."),
            ("some_successful 0.6", Trigger::new(some_successful().at_least(0.6)), "thresholds were not met."),
            ("not_all_skipped", Trigger::new(not_all_skipped), "some of the upstream tasks failed."),
        ]
    }

    /// What each trigger of the table says to these states, in the order of the table: `+` for yes.
    #[track_caller]
    fn check(states: &[StateKind], expected: &str) {
        let states: Vec<_> = states.iter().map(|kind| State::new(*kind)).collect();
        let upstreams = Upstreams { states: &states, resumed: false, seen: None };
        let mut said = String::new();
        for (name, trigger, message) in table() {
            match trigger.check(&upstreams) {
                Ok(()) => said.push('+'),
                Err(Refusal::State(state)) if state.kind() == Skipped => {
                    assert_eq!(state.message(), Some("All upstreams were skipped"));
                    assert!(matches!(state.result(), StateResult::None), "{name}: Prefect's has no result either");
                    said.push('s');
                }
                Err(Refusal::State(state)) => {
                    assert_eq!(state.kind(), TriggerFailed, "{name}");
                    let text = state.message().unwrap();
                    assert!(text.starts_with("Trigger was \"") && text.ends_with(message), "{name}: {text}");
                    assert!(matches!(state.result(), StateResult::Signal(..)), "{name}");
                    said.push('-');
                }
                Err(Refusal::Error(error)) => panic!("{name}: {error}"),
            }
        }
        assert_eq!(said, expected);
    }

    #[test]
    fn nothing_upstream() {
        check(&[], "++++++++++++++++s");
    }

    #[test]
    fn both_successful() {
        check(&[Success, Success], "++-++-+----++-+++");
    }

    #[test]
    fn one_failed() {
        check(&[Success, Failed], "---++++++++------");
    }

    #[test]
    fn both_failed() {
        check(&[Failed, Failed], "--++-+++++-------");
    }

    #[test]
    fn one_skipped() {
        check(&[Success, Skipped], "++-++-+----++-+++");
    }

    #[test]
    fn all_skipped() {
        check(&[Skipped, Skipped], "++-++-+----++-++s");
    }

    #[test]
    fn manual_only_waits_for_somebody() {
        let trigger = Trigger::new(manual_only);
        let Err(Refusal::State(state)) = trigger.check(&Upstreams { states: &[], resumed: false, seen: None }) else {
            panic!("it did not pause");
        };
        assert_eq!((state.kind(), state.message()), (Paused, Some("Trigger function is \"manual_only\"")));
        assert!(trigger.check(&Upstreams { states: &[], resumed: true, seen: None }).is_ok());
    }

    #[test]
    fn custom_triggers() {
        let none = Upstreams { states: &[], resumed: false, seen: None };
        let refused = Trigger::new(|_: &Upstreams<'_>| false).check(&none);
        let Err(Refusal::State(state)) = refused else { panic!("{refused:?}") };
        assert_eq!((state.kind(), state.message()), (TriggerFailed, Some("Trigger failed")));

        let broke = Trigger::new(|_: &Upstreams<'_>| -> Result<bool, String> { Err("broke".into()) }).check(&none);
        let Err(Refusal::Error(error)) = broke else { panic!("{broke:?}") };
        assert_eq!(error.to_string(), "broke");

        let skip = |_: &Upstreams<'_>| -> Result<bool, TaskError> { Err(Signal::skip("not today").into()) };
        let skipped = Trigger::new(skip).check(&none);
        let Err(Refusal::State(state)) = skipped else { panic!("{skipped:?}") };
        assert_eq!((state.kind(), state.message()), (Skipped, Some("not today")));

        assert!(Trigger::new(|_: &Upstreams<'_>| Ok::<_, TaskError>(true)).check(&none).is_ok());
        assert!(any_failed(&none).runs() && all_successful(&none).runs());
    }
}
