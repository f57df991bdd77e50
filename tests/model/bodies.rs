//! What state comes out of a body.
use super::rules::Hits;
use super::states::{At, Looping, State};
use super::{Body, Kind, Message, Occasion, Outcome, Raise, Res, SignalName, Task, Val};

/// What a body is called with.
pub(super) struct Call<'a> {
    pub(super) child: Option<usize>,
    /// How often it was called before.
    pub(super) before: usize,
    /// The inputs: the values of those that have one.
    pub(super) inputs: &'a [Option<Val>],
    pub(super) looping: Option<&'a Looping>,
    pub(super) at: At,
    pub(super) occasion: &'a Occasion,
}

/// How a body came to its end.
pub(super) enum Came {
    Returned(Val),
    To(State),
    /// By the signal ENDRUN: nothing comes after it.
    EndRun(State),
}

pub(super) fn call(task: &Task, call: &Call<'_>, hits: &mut Hits) -> Came {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    let first = || call.inputs.first().cloned().flatten();
    let skip = |text: String| Raise { signal: SignalName::Skip, message: Some(text), value: None };
    let compare = |wanted: &Val| match compared(first().as_ref(), wanted) {
        Ok(value) => Came::Returned(value),
        Err(text) => Came::To(State::raised(&skip(text), call.at)),
    };
    match &task.body {
        Body::Own(script) => own(script.call(call.child, call.before), call, hits),
        Body::Compare(wanted) => {
            let (given, wanted) = (first(), Val::Number(*wanted));
            hit(if given.as_ref() == Some(&wanted) { "case_matches" } else { "case_differs" });
            compare(&wanted)
        }
        Body::CompareTruth(wanted) => {
            hit("ifelse");
            compare(&Val::Truth(*wanted))
        }
        Body::AsBool => Came::Returned(Val::Truth(first().is_some_and(|given| given.sum() % 2 != 0))),
        Body::Parameter(default) => {
            hit("parameter");
            Came::Returned(Val::Number(*call.occasion.given.get(&task.name).unwrap_or(default)))
        }
        Body::Filter(least) => {
            hit("filter");
            let Some(Val::List(all)) = first() else { unreachable!("made so of what is upstream") };
            Came::Returned(Val::List(all.into_iter().filter(|n| n > least).collect()))
        }
        Body::Merge => {
            hit("merge");
            match call.inputs.iter().flatten().next() {
                Some(value) => Came::Returned(value.clone()),
                None => {
                    hit("merge_of_nothing");
                    Came::To(failed("none of the tasks to merge has a result"))
                }
            }
        }
    }
}

fn compared(given: Option<&Val>, wanted: &Val) -> Result<Val, String> {
    let shown = |value: &Val| match value {
        Val::Number(n) => n.to_string(),
        Val::Truth(is) => is.to_string(),
        other => format!("{other:?}"),
    };
    match given {
        Some(given) if given == wanted => Ok(Val::Unit),
        Some(given) => Err(format!("Provided value \"{}\" did not match \"{}\"", shown(given), shown(wanted))),
        None => unreachable!("a missing input fails the task before"),
    }
}

pub(super) fn success(value: Val) -> State {
    State::new(Kind::Success, Message::Is("Task run succeeded.".to_owned()), Res::Value(value))
}

fn failed(text: &str) -> State {
    State::error(Kind::Failed, "Error during execution of task: ", text)
}

fn own(outcome: &Outcome, call: &Call<'_>, hits: &mut Hits) -> Came {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    let sum = sum(call);
    let counted = |from: i64, len: usize| (0..).map(move |i| from.wrapping_add(i)).take(len);
    let number = |n| Came::Returned(Val::Number(n));
    match outcome {
        Outcome::If { sum: wanted, then } if *wanted == sum => own(then, call, hits),
        Outcome::If { .. } => (hit("body_ok"), number(sum)).1,
        Outcome::Linear { times, plus } => (hit("body_ok"), number(times.wrapping_mul(sum).wrapping_add(*plus))).1,
        Outcome::Index => {
            hit("child_index");
            number(sum.wrapping_add(i64::try_from(call.child.unwrap_or_default()).expect("few children")))
        }
        Outcome::Returns(value) => Came::Returned(value.clone()),
        Outcome::List(len) => Came::Returned(Val::List(counted(sum, *len).collect())),
        Outcome::Lists(lens) => {
            let mut from = sum;
            let list = |len: &usize| {
                let list: Vec<i64> = counted(from, *len).collect();
                from = list.last().map_or(from, |last| last.wrapping_add(1));
                list
            };
            Came::Returned(Val::Lists(lens.iter().map(list).collect()))
        }
        Outcome::Err(text) => (hit("body_error"), Came::To(failed(text))).1,
        Outcome::Panic(text) => (hit("body_panic"), Came::To(failed(text))).1,
        Outcome::Timeout => {
            hit("body_timeout");
            let late = Message::Is("Task timed out during execution.".to_owned());
            Came::To(State::new(Kind::TimedOut, late, Res::Timeout))
        }
        Outcome::Signal(raise) => {
            let state = State::raised(raise, call.at);
            match raise.signal {
                SignalName::EndRun(_) => {
                    hit("body_endrun");
                    return Came::EndRun(state);
                }
                SignalName::Loop => {
                    hit("body_loop");
                    return Came::To(looped(state, raise, call));
                }
                SignalName::Retry => hit("body_retry"),
                SignalName::Pause => hit("body_pause"),
                _ => hit("body_signal"),
            }
            Came::To(state)
        }
    }
}

/// See [`Outcome`].
fn sum(call: &Call<'_>) -> i64 {
    let looping = call
        .looping
        .map_or(0, |looping| looping.result.unwrap_or_default().wrapping_add(i64::from(looping.iteration) - 1));
    let inputs = call.inputs.iter().flatten().fold(0_i64, |sum, value| sum.wrapping_add(value.sum()));
    inputs.wrapping_add(looping).wrapping_add(call.occasion.world)
}

/// The state after an iteration; it knows which one has ended, and what it gave.
fn looped(mut state: State, raise: &Raise, call: &Call<'_>) -> State {
    let iteration = call.looping.map_or(1, |looping| looping.iteration);
    if raise.message.is_none() {
        state.message = Message::Is(format!("Task is looping ({iteration})"));
    }
    state.looping = Some(Box::new(Looping { iteration, result: raise.value }));
    state
}
