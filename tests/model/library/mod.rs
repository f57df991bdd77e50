//! Runs a case on the library, by its API for flows that are built at run time.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::__private::{boxed, erase_trigger, into_trigger};
use prefect::trigger::{
    all_failed, all_finished, always_run, any_failed, any_successful, manual_only, not_all_skipped, some_failed,
    some_successful,
};
use prefect::{
    Clock, Config, Executor, FlowBuilder, FlowOptions, KeepResults, Parameter, RetryOn, RunSettings, Signal,
    SignalKind, State, StateKind, StateResult, TaskBody, TaskDefinition, TaskError, Tracked, Value, raise,
};

use super::{
    Act, Bound, By, Carries, Case, Custom, Event, Handler, Kind, Mode, NewState, Observed, Outcome, Patience, Raise,
    Reads, Res, RetryOn as Retry, Run, SignalName, Takes, TaskRun, Terminal, Trigger, Workers,
};

/// Typed parameters are named by the macros, which know their names when they are compiled.
const NAMES: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];

type Events = Arc<Mutex<Vec<Event<Option<String>>>>>;

pub fn run(case: &Case, workers: Workers) -> Observed {
    let flow_events = Events::default();
    let mut options = FlowOptions::new("case");
    for (i, handler) in case.flow.handlers.iter().enumerate() {
        options = options.state_handler(acting(i, handler.clone(), &flow_events));
    }
    if case.flow.on_failure {
        options = options.state_handler(on_failure(&flow_events));
    }
    options = options.state_handler(watching(By::Observer, &flow_events));
    if let Some(terminal) = case.flow.terminal.clone() {
        options = options.terminal_state_handler(move |_, state, _| match &terminal {
            Terminal::Nothing => None,
            Terminal::Message(message) => Some(state.clone().with_message(message.clone())),
            Terminal::Replace(new) => Some(new_state(new)),
        });
    }
    let mut flow = FlowBuilder::new(options);
    let mut tasks = Vec::new();
    for task in &case.tasks {
        let (events, calls) = (Events::default(), Arc::new(AtomicU32::new(0)));
        let reference = flow.task(definition(task, &events), body(task, &calls));
        for (i, edge) in task.edges.iter().enumerate() {
            let from: &(_, Events, Arc<AtomicU32>) = &tasks[edge.from];
            match edge.carries {
                Carries::Data => flow.edge(from.0, reference, &format!("x{i}")),
                Carries::Order => flow.order(from.0, reference),
            }
        }
        tasks.push((reference, events, calls));
    }
    if let Some(reference) = &case.flow.reference_tasks {
        flow.reference_tasks(reference.iter().map(|i| tasks[*i].0));
    }
    let executor = match workers {
        Workers::Local => Executor::Local,
        Workers::Threads(n) => Executor::threads(n),
    };
    let settings = RunSettings::new()
        .executor(executor)
        .clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
        .config(Config::default())
        .seed(1)
        .keep_results(if case.keep_all { KeepResults::All } else { KeepResults::Needed });
    let flow = flow.build().with(settings);
    let ran = match case.mode {
        Mode::Run => flow.run(),
        Mode::Once => flow.run_once(),
    };
    let told = |state: &State| state.message().filter(|message| *message != "Task not run.").map(str::to_owned);
    let taken = |events: &Events| events.lock().unwrap().clone();
    Run {
        tasks: tasks
            .iter()
            .enumerate()
            .map(|(i, (reference, events, calls))| {
                let state = ran.state_of(*reference);
                TaskRun {
                    events: taken(events),
                    kind: kind(state.kind()),
                    message: told(&state),
                    result: match result(&state) {
                        Res::Null if !kept(case, i) => Res::Unknown,
                        result => result,
                    },
                    attempts: calls.load(Ordering::SeqCst),
                }
            })
            .collect(),
        flow_events: taken(&flow_events),
        flow_kind: kind(ran.state().kind()),
        flow_message: told(ran.state()),
        seconds: Some(ran.duration().as_secs()),
    }
}

/// Whether a result is still there when the run is over.
fn kept(case: &Case, task: usize) -> bool {
    let read = case.tasks.iter().any(|reader| reader.edges.iter().any(|edge| edge.from == task));
    let reference = case.flow.reference_tasks.as_ref().is_some_and(|tasks| tasks.contains(&task));
    case.keep_all || reference || !read
}

fn definition(task: &super::Task, events: &Events) -> TaskDefinition {
    let mut definition = TaskDefinition::new(task.name.clone())
        .trigger(trigger(&task.trigger))
        .skip_on_upstream_skip(task.skip_on_upstream_skip);
    if task.max_retries > 0 {
        let delay = Duration::from_secs(u64::from(task.retry_delay));
        definition = definition.max_retries(task.max_retries).retry_delay(delay);
    }
    definition = match task.retry_on.clone() {
        Retry::Anything => definition,
        Retry::Containing(text) => {
            definition.retry_on(RetryOn::when(move |error: &TaskError| error.to_string().contains(&text)))
        }
        Retry::Panics(text) => definition.retry_on(RetryOn::when(move |_: &TaskError| panic!("{text}"))),
    };
    if task.outcomes.contains(&Outcome::Timeout) || task.patience == Patience::Timeout {
        definition = definition.timeout(Duration::from_secs(1));
    }
    for (i, handler) in task.handlers.iter().enumerate() {
        definition = definition.state_handler(acting(i, handler.clone(), events));
    }
    if task.on_failure {
        definition = definition.state_handler(on_failure(events));
    }
    if task.watched { definition.state_handler(watching(By::Observer, events)) } else { definition }
}

fn trigger(trigger: &Trigger) -> prefect::Trigger {
    let counting = |thresholds: prefect::trigger::Thresholds, bounds: super::Bounds| {
        let mut thresholds = thresholds;
        if let Some(bound) = bounds.at_least {
            thresholds = match bound {
                Bound::Count(n) => thresholds.at_least(n as usize),
                Bound::Share(share) => thresholds.at_least(share),
            };
        }
        if let Some(bound) = bounds.at_most {
            thresholds = match bound {
                Bound::Count(n) => thresholds.at_most(n as usize),
                Bound::Share(share) => thresholds.at_most(share),
            };
        }
        erase_trigger(into_trigger(thresholds))
    };
    match trigger.clone() {
        // Not written out: the engine has a short way for tasks that say nothing.
        Trigger::AllSuccessful => prefect::Trigger::default(),
        Trigger::AllFailed => erase_trigger(into_trigger(all_failed)),
        Trigger::AllFinished => erase_trigger(into_trigger(all_finished)),
        Trigger::AlwaysRun => erase_trigger(into_trigger(always_run)),
        Trigger::AnySuccessful => erase_trigger(into_trigger(any_successful)),
        Trigger::AnyFailed => erase_trigger(into_trigger(any_failed)),
        Trigger::NotAllSkipped => erase_trigger(into_trigger(not_all_skipped)),
        Trigger::ManualOnly => erase_trigger(into_trigger(manual_only)),
        Trigger::SomeFailed(bounds) => counting(some_failed(), bounds),
        Trigger::SomeSuccessful(bounds) => counting(some_successful(), bounds),
        Trigger::Custom(custom) => {
            erase_trigger(into_trigger(move |_: &prefect::Upstreams<'_>| -> Result<bool, TaskError> {
                match &custom {
                    Custom::True => Ok(true),
                    Custom::False => Ok(false),
                    Custom::Error(text) => Err(text.clone().into()),
                    Custom::Panic(text) => panic!("{text}"),
                    Custom::Signal(raised) => Err(signal(raised).into()),
                }
            }))
        }
    }
}

fn body(task: &super::Task, calls: &Arc<AtomicU32>) -> TaskBody {
    let parameters: Vec<_> = task
        .edges
        .iter()
        .enumerate()
        .filter(|(_, edge)| edge.carries == Carries::Data)
        .map(|(i, _)| match task.reads {
            Reads::Values if task.takes == Takes::Number => Parameter::of::<i64>(NAMES[i]),
            Reads::Values => Parameter::any(format!("x{i}")),
            Reads::Outcomes => Parameter::state(format!("x{i}")),
        })
        .collect();
    let (outcomes, calls) = (task.outcomes.clone(), Arc::clone(calls));
    let sync = task.edges.len().is_multiple_of(2);
    let call = move |inputs: &mut prefect::Inputs<'_>| {
        let call = calls.fetch_add(1, Ordering::SeqCst) as usize;
        let sum = (0..inputs.len())
            .filter_map(|i| {
                let input = inputs.take_value(i);
                match input.downcast_ref::<State>() {
                    Some(state) if state.kind() == StateKind::Success => state.value::<i64>().copied(),
                    Some(_) => None,
                    None => input.downcast_ref::<i64>().copied(),
                }
            })
            .fold(0_i64, i64::wrapping_add);
        (outcomes[call.min(outcomes.len() - 1)].clone(), sum)
    };
    if sync {
        return TaskBody::new(parameters, move |inputs| {
            let (outcome, sum) = call(inputs);
            if outcome == Outcome::Timeout {
                // Nobody may hear of what it returns in the end.
                prefect::sleep_blocking(Duration::from_hours(1));
                return Ok(Value::new(sum));
            }
            end(outcome, sum)
        });
    }
    TaskBody::new_async(parameters, move |inputs| {
        let (outcome, sum) = call(inputs);
        async move {
            if outcome == Outcome::Timeout {
                std::future::pending::<()>().await;
            }
            end(outcome, sum)
        }
    })
}

fn end(outcome: Outcome, sum: i64) -> Result<Value, TaskError> {
    match outcome {
        Outcome::Linear { times, plus } => Ok(Value::new(times.wrapping_mul(sum).wrapping_add(plus))),
        Outcome::Err(text) => Err(text.into()),
        Outcome::Panic(text) => panic!("{text}"),
        Outcome::Timeout => unreachable!("it takes too long to get here"),
        Outcome::Signal(raised) if raised.message.is_some() => Err(signal(&raised).into()),
        Outcome::Signal(raised) => raise(signal(&raised)),
    }
}

fn signal(raised: &Raise) -> Signal {
    let kind = match raised.signal {
        SignalName::Fail => SignalKind::Fail,
        SignalName::TriggerFail => SignalKind::TriggerFail,
        SignalName::ValidationFail => SignalKind::ValidationFail,
        SignalName::Success => SignalKind::Success,
        SignalName::Skip => SignalKind::Skip,
        SignalName::Retry => SignalKind::Retry,
        SignalName::Pause => SignalKind::Pause,
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

fn new_state(new: &NewState) -> State {
    let mut state = State::new(format!("{:?}", new.kind).parse().unwrap());
    if let Some(message) = new.message.clone() {
        state = state.with_message(message);
    }
    match new.value {
        Some(value) => state.with_value(Value::new(value)),
        None => state,
    }
}

fn record(events: &Events, by: By, old: Option<&State>, new: &State) {
    let event = Event {
        by,
        old: old.map(|old| kind(old.kind())),
        new: kind(new.kind()),
        message: new.message().map(str::to_owned),
    };
    events.lock().unwrap().push(event);
}

fn watching(by: By, events: &Events) -> Box<dyn prefect::StateHandler> {
    let events = Arc::clone(events);
    boxed(move |_: &Tracked, old: &State, new: State| {
        record(&events, by, Some(old), &new);
        new
    })
}

fn on_failure(events: &Events) -> Box<dyn prefect::StateHandler> {
    let events = Arc::clone(events);
    let tell = move |_: &Tracked, new: &State| record(&events, By::OnFailure, None, new);
    prefect::__private::on_failure(tell)
}

fn acting(i: usize, handler: Handler, events: &Events) -> Box<dyn prefect::StateHandler> {
    let (events, done) = (Arc::clone(events), AtomicU32::new(0));
    boxed(move |_: &Tracked, old: &State, new: State| -> Result<Option<State>, TaskError> {
        record(&events, By::Handler(i), Some(old), &new);
        let wanted = handler.on.is_none_or(|on| on == kind(new.kind()));
        if !wanted || done.fetch_add(1, Ordering::SeqCst) >= handler.times {
            return Ok(Some(new));
        }
        match &handler.act {
            Act::Pass => Ok(Some(new)),
            Act::Nothing => Ok(None),
            Act::Replace(state) => Ok(Some(new_state(state))),
            Act::Error(text) => Err(text.clone().into()),
            Act::Panic(text) => panic!("{text}"),
            Act::Signal(raised) => Err(signal(raised).into()),
        }
    })
}

fn kind(kind: StateKind) -> Kind {
    Kind::named(kind.name()).unwrap_or_else(|| panic!("{kind} occurs in no case"))
}

fn result(state: &State) -> Res {
    match state.result() {
        StateResult::Value(value) => value.downcast_ref::<i64>().map_or(Res::Unknown, |value| Res::Value(*value)),
        StateResult::Error(error) => Res::Error(error.to_string()),
        StateResult::Signal(SignalKind::Timeout, _) => Res::Timeout,
        StateResult::Signal(kind, message) => {
            Res::Signal(kind.name().to_owned(), message.as_deref().map(str::to_owned))
        }
        _ => Res::Null,
    }
}
