//! The flow of a cell: the task that panics, what it reads, what reads it, and others that must not notice.
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prefect::__private::{async_closure, boxed, erase_trigger, into_trigger};
use prefect::{
    Clock, Config, Elements, Executor, Flow, FlowBuilder, FlowOptions, FlowRun, Inputs, KeepResults, Observer,
    Parameter, RetryOn, RunSettings, Signal, State, StateKind, TaskBody, TaskDefinition, TaskError, TaskRef, Tracked,
    Upstreams, Value, callback_factory, slack_notifier,
};

use crate::bomb::{Asked, Bomb, Fuse, Holding, Refuses, Unshown, Unwritable};
use crate::cell::{Cell, Held, Place, Shape};

type Ended = Result<Value, TaskError>;

pub(crate) struct Built {
    pub(crate) flow: Flow<()>,
    /// The task that panics.
    pub(crate) task: TaskRef,
    pub(crate) reader: TaskRef,
    /// The others, and what each must give.
    pub(crate) others: Vec<(TaskRef, i64)>,
}

pub(crate) fn settings(executor: Executor) -> RunSettings {
    RunSettings::new()
        .executor(executor)
        .seed(1)
        .config(Config::default())
        .clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
}

pub(crate) fn build(cell: Cell, fuse: &Arc<Fuse>) -> Built {
    let mut flow = FlowBuilder::new(flow_options(cell.place, fuse));
    let lock = Arc::new(Mutex::new(0));
    let others = others(&mut flow, &lock);
    let sources: Vec<_> = (1..=if cell.shape == Shape::Reader { 3 } else { 1 })
        .map(|i: i64| {
            let gives = if cell.shape == Shape::Mapped { Value::new(vec![1_i64, 2, 3]) } else { Value::new(i) };
            let body = TaskBody::new([], move |_| Ok(gives.clone()));
            flow.task(TaskDefinition::new(format!("source {i}")), body)
        })
        .collect();
    let with_constant = matches!(cell.place, Place::RunName | Place::Drop(Held::Constant));
    let names = (0..sources.len()).map(|i| format!("x{i}")).chain(with_constant.then(|| "constant".to_owned()));
    let task = flow.task(definition(cell, fuse), body(cell, fuse, &lock, names.clone().map(Parameter::any)));
    for (source, name) in sources.iter().zip(names) {
        match cell.shape {
            Shape::Mapped => flow.map(*source, task, &name, Elements::of::<i64>()),
            _ => flow.edge(*source, task, &name),
        }
    }
    if with_constant {
        let constant = match cell.place {
            Place::RunName => Value::new(Unwritable(Arc::clone(fuse))),
            _ => Bomb::value(fuse),
        };
        flow.constant(task, "constant", constant);
    }
    let reader = if cell.place == Place::Drop(Held::LastResult) {
        others[0].0
    } else {
        let one = |_: &mut Inputs<'_>| Ok(Value::new(1_i64));
        let reader = flow.task(TaskDefinition::new("reader"), TaskBody::new([Parameter::any("x")], one));
        flow.edge(task, reader, "x");
        reader
    };
    let mut settings = settings(cell.executor);
    match cell.place {
        Place::Observer => settings = settings.observer(Arc::new(Loud(Arc::clone(fuse)))),
        Place::Drop(Held::Observer) => settings = settings.observer(Arc::new(Holds(Bomb(Arc::clone(fuse))))),
        Place::Drop(Held::LastResult) => settings = settings.keep_results(KeepResults::All),
        _ => {}
    }
    let mut flow = flow.build().with(settings);
    if cell.place == Place::Drop(Held::Shared) {
        flow = flow.share(Bomb(Arc::clone(fuse)));
    }
    Built { flow, task, reader, others }
}

struct Loud(Arc<Fuse>);
impl Observer for Loud {
    fn changed(&self, _: &Tracked, _: &State, _: &State) {
        self.0.blow();
    }
}

struct Holds(#[allow(dead_code, reason = "it is there to be dropped")] Bomb);
impl Observer for Holds {
    fn changed(&self, _: &Tracked, _: &State, _: &State) {}
}

/// Of every kind, so that whatever is disturbed shows.
fn others(flow: &mut FlowBuilder, lock: &Arc<Mutex<i64>>) -> Vec<(TaskRef, i64)> {
    let lock = Arc::clone(lock);
    let body = move |_: &mut Inputs<'_>| {
        *lock.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(Value::new(7_i64))
    };
    let plain = flow.task(TaskDefinition::new("plain"), TaskBody::new([], body));
    let waits = |_: &mut Inputs<'_>| async {
        prefect::sleep(Duration::from_secs(1)).await;
        Ok(Value::new(8_i64))
    };
    let definition = TaskDefinition::new("waits").timeout(Duration::from_mins(5));
    let waiting = flow.task(definition, TaskBody::new_async([], waits));
    let sum = |inputs: &mut Inputs<'_>| Ok(Value::new(*inputs.take::<i64>(0) + *inputs.take::<i64>(1)));
    let parameters = [Parameter::of::<i64>("a"), Parameter::of::<i64>("b")];
    let sums = flow.task(TaskDefinition::new("sums"), TaskBody::new(parameters, sum));
    flow.edge(plain, sums, "a");
    flow.edge(waiting, sums, "b");
    let calls = AtomicU32::new(0);
    let again = move |_: &mut Inputs<'_>| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Err("not yet".into()),
        _ => Ok(Value::new(9_i64)),
    };
    let definition = TaskDefinition::new("again")
        .max_retries(1)
        .retry_delay(Duration::from_secs(10))
        .state_handler(boxed(|_: &Tracked, _: &State, new: State| new));
    let retried = flow.task(definition, TaskBody::new([], again));
    vec![(plain, 7), (waiting, 8), (sums, 15), (retried, 9)]
}

fn flow_options(place: Place, fuse: &Arc<Fuse>) -> FlowOptions {
    let options = FlowOptions::new("cell");
    let fuse = Arc::clone(fuse);
    let bomb = || Bomb(Arc::clone(&fuse));
    match place {
        Place::FlowHandlerOn(kind) => options.state_handler(blows_on(kind, &fuse)),
        Place::WebhookSecret => options.state_handler(Asked(fuse)),
        Place::TerminalHandler => options.terminal_state_handler(move |_, _, _| fuse.blow()),
        Place::Drop(Held::FlowHandler) => options.state_handler(holding(bomb())),
        Place::Drop(Held::TerminalHandler) => {
            let held = bomb();
            options.terminal_state_handler(move |_, _, _| held_by(&held, None))
        }
        Place::Drop(Held::FlowState) => options.state_handler(boxed(move |_: &Tracked, _: &State, new: State| {
            if new.kind() == StateKind::Success { new.with_value(Bomb::value(&fuse)) } else { new }
        })),
        _ => options,
    }
}

fn blows_on(kind: StateKind, fuse: &Arc<Fuse>) -> Box<dyn prefect::StateHandler> {
    let fuse = Arc::clone(fuse);
    boxed(move |_: &Tracked, _: &State, new: State| if new.kind() == kind { fuse.blow() } else { new })
}

fn holding(bomb: Bomb) -> Box<dyn prefect::StateHandler> {
    boxed(move |_: &Tracked, _: &State, new: State| held_by(&bomb, new))
}

/// A closure that uses a bomb in any way holds it.
fn held_by<T>(_: &Bomb, value: T) -> T {
    value
}

fn definition(cell: Cell, fuse: &Arc<Fuse>) -> TaskDefinition {
    let mut definition = TaskDefinition::new("task");
    if cell.shape == Shape::Retrying || cell.place == Place::RetryOn {
        definition = definition.max_retries(2).retry_delay(Duration::from_secs(10));
    }
    if matches!(cell.shape, Shape::TimedSync | Shape::TimedAsync) {
        definition = definition.timeout(Duration::from_mins(1));
    }
    let fuse = Arc::clone(fuse);
    let bomb = Bomb(Arc::clone(&fuse));
    let definition = match cell.place {
        Place::Drop(Held::Handler) => return definition.state_handler(holding(bomb)),
        Place::Drop(Held::Check) => {
            let quiet = |_: &Tracked, _: &State| {};
            return definition.state_handler(callback_factory(quiet, move |_: &State| held_by(&bomb, true)));
        }
        Place::Drop(Held::Trigger) => {
            let trigger = move |_: &Upstreams<'_>| held_by(&bomb, true);
            return definition.trigger(erase_trigger(into_trigger(trigger)));
        }
        Place::Drop(Held::RetryOn) => {
            return definition.retry_on(RetryOn::when(move |_| held_by(&bomb, true)));
        }
        _ => {
            std::mem::forget(bomb);
            definition
        }
    };
    match cell.place {
        Place::HandlerOn(kind) => definition.state_handler(blows_on(kind, &fuse)),
        Place::AsyncHandler => {
            definition.state_handler(async_closure(async move |_: &Tracked, _: &State, _: State| -> State {
                std::future::ready(()).await;
                fuse.blow()
            }))
        }
        Place::OnFailure => definition
            .state_handler(prefect::__private::on_failure(move |_: &Tracked, _: &State| -> () { fuse.blow() })),
        Place::Check => {
            definition.state_handler(callback_factory(|_: &Tracked, _: &State| {}, move |_: &State| fuse.blow()))
        }
        Place::Trigger => {
            let trigger = move |_: &Upstreams<'_>| -> bool { fuse.blow() };
            definition.trigger(erase_trigger(into_trigger(trigger)))
        }
        Place::RetryOn => definition.retry_on(RetryOn::when(move |_| fuse.blow())),
        Place::RunName => definition.task_run_name("of {constant}"),
        // No webhook is configured: the notifier renders the error, or would.
        Place::Display | Place::DisplayFails => {
            let shows = |_: &Tracked, _: &State, new: State| {
                let _ = new.error().map(|error| format!("{error} {error:?}"));
            };
            definition.state_handler(boxed(slack_notifier)).state_handler(boxed(shows))
        }
        Place::Drop(Held::RunningState) => definition.state_handler(replaces(StateKind::Running, move || {
            State::new(StateKind::Running).with_value(Bomb::value(&fuse))
        })),
        Place::Drop(Held::ReplacedState) => {
            let first = move || State::new(StateKind::Success).with_value(Bomb::value(&fuse));
            let second = || State::success(5_i64);
            definition
                .state_handler(replaces(StateKind::Success, first))
                .state_handler(replaces(StateKind::Success, second))
        }
        _ => definition,
    }
}

fn replaces(kind: StateKind, by: impl Fn() -> State + Send + Sync + 'static) -> Box<dyn prefect::StateHandler> {
    boxed(move |_: &Tracked, _: &State, new: State| if new.kind() == kind { by() } else { new })
}

/// What the body does, once it has its inputs.
struct Act {
    cell: Cell,
    fuse: Arc<Fuse>,
    lock: Arc<Mutex<i64>>,
    call: u32,
    sum: i64,
}

impl Act {
    fn end(self) -> Ended {
        match self.cell.place {
            Place::Body => self.fuse.blow(),
            Place::BodyUnderALock => {
                let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
                self.fuse.blow()
            }
            Place::HandlerOn(StateKind::Skipped) => Err(Signal::skip("it skips").into()),
            Place::Display => Err(Unshown(self.fuse, Refuses::Panics).into()),
            Place::DisplayFails => Err(Unshown(self.fuse, Refuses::Fails).into()),
            Place::Drop(Held::Error) => Err(Bomb(self.fuse).into()),
            Place::Drop(Held::RetryState) if self.call == 0 => {
                Err(Signal::retry("again").with_value(Bomb::value(&self.fuse)).into())
            }
            place if place.needs_failure() => Err("it fails".into()),
            _ if self.cell.shape == Shape::Retrying && self.call == 0 => Err("at first".into()),
            Place::Drop(Held::Result | Held::LastResult | Held::LateResult) => Ok(Bomb::value(&self.fuse)),
            _ => Ok(Value::new(self.sum)),
        }
    }
}

fn body(
    cell: Cell,
    fuse: &Arc<Fuse>,
    lock: &Arc<Mutex<i64>>,
    parameters: impl IntoIterator<Item = Parameter>,
) -> TaskBody {
    let held = (cell.place == Place::Drop(Held::Body)).then(|| Bomb(Arc::clone(fuse)));
    let (calls, fuse, lock) = (AtomicU32::new(0), Arc::clone(fuse), Arc::clone(lock));
    let act = move |inputs: &mut Inputs<'_>| {
        let _ = &held;
        let values = (0..inputs.len()).map(|i| inputs.take_value(i)).collect::<Vec<_>>();
        let sum = values.iter().filter_map(|value| value.downcast_ref::<i64>()).sum();
        let call = calls.fetch_add(1, Ordering::SeqCst);
        Act { cell, fuse: Arc::clone(&fuse), lock: Arc::clone(&lock), call, sum }
    };
    if !cell.shape.is_async() {
        return TaskBody::new(parameters, move |inputs| {
            let act = act(inputs);
            if cell.place.needs_time() {
                prefect::sleep_blocking(Duration::from_mins(2));
            }
            act.end()
        });
    }
    TaskBody::new_async(parameters, move |inputs| -> Holding<Pin<Box<dyn Future<Output = Ended> + Send>>> {
        let act = act(inputs);
        let bomb =
            matches!(cell.place, Place::Drop(Held::Future | Held::LateFuture)).then(|| Bomb(Arc::clone(&act.fuse)));
        let time = Duration::from_secs(if cell.place.needs_time() { 120 } else { 1 });
        let waits = move || prefect::sleep(time);
        let future: Pin<Box<dyn Future<Output = Ended> + Send>> = match (cell.shape, cell.place) {
            (_, Place::Drop(Held::LateFuture)) => Box::pin(std::future::pending()),
            (Shape::AsyncBefore, _) => Box::pin(async move {
                let end = act.end();
                waits().await;
                end
            }),
            _ => Box::pin(async move {
                waits().await;
                act.end()
            }),
        };
        Holding { future: Box::pin(future), bomb }
    })
}

/// A flow that has nothing to do with any bomb, in the same process.
pub(crate) fn next_flow(executor: Executor) -> FlowRun {
    let mut flow = FlowBuilder::new(FlowOptions::new("next"));
    others(&mut flow, &Arc::default());
    flow.build().with(settings(executor)).run()
}
