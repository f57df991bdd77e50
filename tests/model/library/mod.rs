//! Runs a case on the library, by its API for flows that are built at run time.
mod body;
mod handlers;
mod keeping;
mod trigger;
mod typed;
mod witness;

use std::time::Duration;

use prefect::{
    Config, Elements, Executor, Flow, FlowBuilder, FlowOptions, FlowRun, KeepResults, RetryOn, RunSettings, State,
    StateKind, StateResult, TaskDefinition, TaskError, TaskRef, Value,
};

use super::typed::may_take_long;
use super::{
    By, Carries, Case, Kind, Mode, Observed, Occasion, Res, RetryOn as Retry, Role, Run, Start, Task as Model, TaskRun,
    Terminal, Trigger, Way, Workers,
};
use handlers::{acting, new_state, on_failure, watching};
use keeping::Outside;
use witness::Witness;

pub use typed::run as run_typed;

/// Each run by a flow that is built anew.
pub fn run(case: &Case, way: Way) -> Observed {
    let mut outside = Outside::default();
    case.runs.iter().map(|occasion| one_run(case, way, occasion, &mut outside)).collect()
}

fn one_run(case: &Case, way: Way, occasion: &Occasion, outside: &mut Outside) -> Run<Option<String>> {
    outside.now += u64::from(occasion.after);
    let flow_witness = Witness::default();
    let mut flow = FlowBuilder::new(options("case".to_owned(), case, &flow_witness));
    let mut tasks: Vec<(TaskRef, Witness)> = Vec::new();
    for task in &case.tasks {
        let witness = Witness::in_world(occasion.world);
        let (definition, code) = keeping::keeping(task, body::made(task, &witness), &outside.shelf);
        let this = flow.task(optioned(definition, task, &witness), code);
        for (i, edge) in task.edges.iter().enumerate() {
            let (from, key) = (tasks[edge.from].0, || body::key(task, i));
            match edge.carries {
                Carries::Data => flow.edge(from, this, &key()),
                Carries::Order => flow.order(from, this),
                Carries::Each => flow.map(from, this, &key(), Elements::of::<i64>()),
                Carries::EachList => flow.map(from, this, &key(), Elements::of::<Vec<i64>>()),
                Carries::EachFlat => flow.map(from, this, &key(), Elements::of::<i64>().flatten()),
                Carries::Flat => flow.flatten(from, this, &key(), Elements::of::<i64>()),
            }
        }
        for (i, list) in task.over.iter().enumerate() {
            let key = body::key(task, task.edges.len() + i);
            flow.map_constant(this, &key, Value::new(list.clone()), Elements::of::<i64>());
        }
        tasks.push((this, witness));
    }
    if let Some(reference) = &case.flow.reference_tasks {
        flow.reference_tasks(reference.iter().map(|i| tasks[*i].0));
    }
    let settings = settings(case, way.workers).clock(outside.clock()).cache(outside.cache.clone());
    let given = occasion.given.iter();
    let flow = given.fold(flow.build().with(settings), |flow, (name, value)| flow.with_parameter(name, *value));
    let ran = start(&flow, case.mode, way.start);
    let states = |task: &TaskRef| (ran.state_of(*task), ran.map_states(*task).collect());
    let mut shown = shown(case, &ran, &flow_witness, &tasks, states);
    outside.look(&ran, &mut shown);
    shown
}

fn options(name: String, case: &Case, witness: &Witness) -> FlowOptions {
    let mut options = FlowOptions::new(name);
    for (i, handler) in case.flow.handlers.iter().enumerate() {
        options = options.state_handler(acting(i, handler.clone(), witness));
    }
    if case.flow.on_failure {
        options = options.state_handler(on_failure(witness));
    }
    options = options.state_handler(watching(By::Observer, witness));
    if let Some(terminal) = case.flow.terminal.clone() {
        options = options.terminal_state_handler(move |_, state, _| match &terminal {
            Terminal::Nothing => None,
            Terminal::Message(message) => Some(state.clone().with_message(message.clone())),
            Terminal::Replace(new) => Some(new_state(new)),
        });
    }
    options
}

fn settings(case: &Case, workers: Workers) -> RunSettings {
    let executor = match workers {
        Workers::Local => Executor::Local,
        Workers::Threads(n) => Executor::threads(n),
    };
    RunSettings::new()
        .executor(executor)
        .clock(keeping::clock(0))
        .config(Config::default())
        .seed(1)
        .keep_results(if case.keep_all { KeepResults::All } else { KeepResults::Needed })
}

/// A single pass has one way to be started.
fn start(flow: &Flow<()>, mode: Mode, start: Start) -> FlowRun<()> {
    match (mode, start) {
        (Mode::Once, _) => flow.run_once(),
        (Mode::Run, Start::Run) => flow.run(),
        (Mode::Run, Start::RunAsync) => RUNTIME.block_on(flow.run_async()),
    }
}

static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> = std::sync::LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// What was seen; `states` looks a task up, and its children.
fn shown<T>(
    case: &Case,
    ran: &FlowRun<()>,
    flow: &Witness,
    tasks: &[(T, Witness)],
    states: impl Fn(&T) -> (State, Vec<State>),
) -> Run<Option<String>> {
    let told = |state: &State| state.message().filter(|message| *message != "Task not run.").map(str::to_owned);
    let one = |task: usize, child: Option<usize>, state: &State, children: Vec<TaskRun<Option<String>>>| {
        let seen = tasks[task].1.of(child);
        TaskRun {
            events: seen.events,
            kind: kind(state.kind()),
            message: told(state),
            result: match result(state) {
                Res::Null if !kept(case, task) => Res::Unknown,
                result => result,
            },
            attempts: seen.calls,
            expires: state.cached_result_expiration().map(keeping::seconds),
            location: state.result_location().map(str::to_owned),
            children,
        }
    };
    let tasks = tasks.iter().enumerate().map(|(i, (task, _))| {
        let (state, children) = states(task);
        let children = children.iter().enumerate();
        one(i, None, &state, children.map(|(child, state)| one(i, Some(child), state, Vec::new())).collect())
    });
    Run {
        tasks: tasks.collect(),
        flow_events: flow.of(None).events,
        flow_kind: kind(ran.state().kind()),
        flow_message: told(ran.state()),
        seconds: Some(ran.duration().as_secs()),
        store: None,
    }
}

/// Whether a result is still there when the run is over.
fn kept(case: &Case, task: usize) -> bool {
    let read = case.tasks.iter().any(|reader| reader.edges.iter().any(|edge| edge.from == task));
    let reference = case.flow.reference_tasks.as_ref().is_some_and(|tasks| tasks.contains(&task));
    case.keep_all || reference || !read
}

/// The definition with the options of the task. The library's own tasks have their triggers already.
fn optioned(mut definition: TaskDefinition, task: &Model, witness: &Witness) -> TaskDefinition {
    if matches!(task.body, super::Body::Own(_)) && task.role != Role::ResourceCleanup {
        definition = definition.skip_on_upstream_skip(task.skip_on_upstream_skip);
        // Not written out: the engine has a short way for tasks that say nothing.
        if task.trigger != Trigger::AllSuccessful {
            definition = definition.trigger(trigger::trigger(&task.trigger));
        }
    }
    if task.max_retries > 0 {
        let delay = Duration::from_secs(u64::from(task.retry_delay));
        definition = definition.max_retries(task.max_retries).retry_delay(delay);
    }
    if let Some(retry_on) = retry_on(&task.retry_on) {
        definition = definition.retry_on(retry_on);
    }
    if may_take_long(task) {
        definition = definition.timeout(Duration::from_secs(1));
    }
    for (i, handler) in task.handlers.iter().enumerate() {
        definition = definition.state_handler(acting(i, handler.clone(), witness));
    }
    if task.on_failure {
        definition = definition.state_handler(on_failure(witness));
    }
    if task.watched { definition.state_handler(watching(By::Observer, witness)) } else { definition }
}

fn retry_on(retry_on: &Retry) -> Option<RetryOn> {
    Some(match retry_on.clone() {
        Retry::Anything => return None,
        Retry::Containing(text) => RetryOn::when(move |error: &TaskError| error.to_string().contains(&text)),
        Retry::Panics(text) => RetryOn::when(move |_: &TaskError| panic!("{text}")),
    })
}

fn kind(kind: StateKind) -> Kind {
    Kind::named(kind.name()).unwrap_or_else(|| panic!("{kind} occurs in no case"))
}

fn result(state: &State) -> Res {
    match state.result() {
        StateResult::Value(value) => body::value(value).map_or(Res::Unknown, Res::Value),
        StateResult::Error(error) => Res::Error(error.to_string()),
        StateResult::Signal(prefect::SignalKind::Timeout, _) => Res::Timeout,
        StateResult::Signal(kind, message) => {
            Res::Signal(kind.name().to_owned(), message.as_deref().map(str::to_owned))
        }
        _ => Res::Null,
    }
}
