//! The handlers of a case, and the states and signals that user code makes.
use prefect::__private::boxed;
use prefect::{Signal, SignalKind, State, TaskError, Tracked, Value};

use super::super::{Act, By, Handler, NewState, Raise, SignalName};
use super::kind;
use super::witness::Witness;

pub(super) fn watching(by: By, witness: &Witness) -> Box<dyn prefect::StateHandler> {
    let witness = witness.clone();
    boxed(move |of: &Tracked, old: &State, new: State| {
        witness.event(of, by, Some(old), &new);
        new
    })
}

pub(super) fn on_failure(witness: &Witness) -> Box<dyn prefect::StateHandler> {
    let witness = witness.clone();
    let tell = move |of: &Tracked, new: &State| witness.event(of, By::OnFailure, None, new);
    prefect::__private::on_failure(tell)
}

pub(super) fn acting(i: usize, handler: Handler, witness: &Witness) -> Box<dyn prefect::StateHandler> {
    let witness = witness.clone();
    boxed(move |of: &Tracked, old: &State, new: State| -> Result<Option<State>, TaskError> {
        witness.event(of, By::Handler(i), Some(old), &new);
        let wanted = handler.on.is_none_or(|on| on == kind(new.kind()));
        if !wanted || witness.used(of, i) >= handler.times {
            return Ok(Some(new));
        }
        match &handler.act {
            Act::Pass => Ok(Some(new)),
            Act::Nothing => Ok(None),
            Act::Old => Ok(Some(old.clone())),
            Act::Replace(state) => Ok(Some(new_state(state))),
            Act::Error(text) => Err(text.clone().into()),
            Act::Panic(text) => panic!("{text}"),
            Act::Signal(raised) => Err(signal(raised).into()),
        }
    })
}

pub(super) fn signal(raised: &Raise) -> Signal {
    let kind = match raised.signal {
        SignalName::Fail => SignalKind::Fail,
        SignalName::TriggerFail => SignalKind::TriggerFail,
        SignalName::ValidationFail => SignalKind::ValidationFail,
        SignalName::Success => SignalKind::Success,
        SignalName::Skip => SignalKind::Skip,
        SignalName::Retry => SignalKind::Retry,
        SignalName::Pause => SignalKind::Pause,
        SignalName::Loop => SignalKind::Loop,
        SignalName::EndRun(kind) => {
            let state = NewState { kind, message: raised.message.clone(), value: raised.value };
            return Signal::end_run(new_state(&state));
        }
    };
    let mut signal = Signal::of(kind);
    if let Some(message) = raised.message.clone() {
        signal = signal.message(message);
    }
    match raised.value {
        Some(value) => signal.with_value(Value::new(value)),
        None => signal,
    }
}

pub(super) fn new_state(new: &NewState) -> State {
    let mut state = State::new(format!("{:?}", new.kind).parse().unwrap());
    if let Some(message) = new.message.clone() {
        state = state.with_message(message);
    }
    match new.value {
        Some(value) => state.with_value(Value::new(value)),
        None => state,
    }
}
