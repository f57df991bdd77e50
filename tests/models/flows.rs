//! Small flows, and what holds of every run of them.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prefect_runtime::{
    Canceller, Clock, Config, Executor, FlowBuilder, FlowOptions, FlowRun, Inputs, Limits, Observer, Parameter,
    RunSettings, State, StateKind, TaskBody, TaskDefinition, TaskError, TaskRef, Tracked, TrackedKind, Value,
};

/// Time that moves when nothing is busy.
pub(crate) fn jumping() -> Clock {
    Clock::virtual_from("2026-01-01T00:00:00Z".parse().expect("a moment"))
}

/// A flow, and how often its bodies began.
pub(crate) struct Small {
    flow: FlowBuilder,
    settings: RunSettings,
    pub(crate) began: Arc<AtomicU32>,
}

impl Small {
    pub(crate) fn new() -> Self {
        let settings = RunSettings::new().seed(1).config(Config::default());
        Self { flow: FlowBuilder::new(FlowOptions::new("small")), settings, began: Arc::default() }
    }

    pub(crate) fn limits(self, limits: Limits) -> Self {
        Self { settings: self.settings.limits(limits), ..self }
    }

    pub(crate) fn canceller(self, canceller: Canceller) -> Self {
        Self { settings: self.settings.canceller(canceller), ..self }
    }

    /// A task that adds one to the sum of what it reads, after `first`, which may say that it fails.
    pub(crate) fn task(
        &mut self,
        definition: TaskDefinition,
        reads: &[TaskRef],
        first: impl Fn() -> Result<(), TaskError> + Send + Sync + 'static,
    ) -> TaskRef {
        let began = Arc::clone(&self.began);
        let body = TaskBody::new(parameters(reads), move |inputs| {
            began.fetch_add(1, Ordering::Relaxed);
            first()?;
            Ok(Value::new(sum(inputs)))
        });
        self.wire(definition, body, reads)
    }

    /// The same without anything first.
    pub(crate) fn plain(&mut self, reads: &[TaskRef]) -> TaskRef {
        self.task(TaskDefinition::new("plain"), reads, || Ok(()))
    }

    /// A task that waits for `first`.
    pub(crate) fn waits<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        definition: TaskDefinition,
        reads: &[TaskRef],
        first: impl Fn() -> F + Send + Sync + 'static,
    ) -> TaskRef {
        let began = Arc::clone(&self.began);
        let body = TaskBody::new_async(parameters(reads), move |inputs| {
            began.fetch_add(1, Ordering::Relaxed);
            let (sum, first) = (sum(inputs), first());
            async move {
                first.await;
                Ok::<_, TaskError>(Value::new(sum))
            }
        });
        self.wire(definition, body, reads)
    }

    fn wire(&mut self, definition: TaskDefinition, body: TaskBody, reads: &[TaskRef]) -> TaskRef {
        let task = self.flow.task(definition, body);
        for (from, name) in reads.iter().zip(NAMES) {
            self.flow.edge(*from, task, name);
        }
        task
    }

    /// Runs it to the end. Each task has ended, and each attempt has ended once.
    pub(crate) fn run(self, executor: Executor, clock: Clock) -> FlowRun {
        let run = self.run_to_be_cancelled(executor, clock);
        for task in run.task_runs() {
            assert!(task.state.kind().is_finished(), "{}; the run: {}", task.state, run.state());
        }
        run
    }

    /// The same of a run that may be cancelled: some tasks may not have begun.
    pub(crate) fn run_to_be_cancelled(self, executor: Executor, clock: Clock) -> FlowRun {
        let attempts = Arc::new(Attempts::default());
        let settings = self.settings.executor(executor).clock(clock);
        let settings = settings.observer(Arc::clone(&attempts) as Arc<dyn Observer>);
        let run = self.flow.build().with(settings).run();
        let [begun, ended] = attempts.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(begun, ended, "attempts that began, and ends of attempts");
        run
    }

    /// Makes one pass.
    pub(crate) fn run_once(self, executor: Executor, clock: Clock) -> FlowRun {
        self.flow.build().with(self.settings.executor(executor).clock(clock)).run_once()
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn parameters(reads: &[TaskRef]) -> impl Iterator<Item = Parameter> {
    NAMES[..reads.len()].iter().map(|name| Parameter::of::<i64>(name))
}

fn sum(inputs: &mut Inputs<'_>) -> i64 {
    (0..inputs.len()).fold(1, |sum, i| sum + *inputs.take::<i64>(i))
}

/// How many attempts began, and how many ends they had.
#[derive(Default)]
struct Attempts([AtomicU32; 2]);

impl Observer for Attempts {
    fn changed(&self, object: &Tracked, old: &State, new: &State) {
        if object.kind() == TrackedKind::Task {
            for (count, state) in self.0.iter().zip([new, old]) {
                count.fetch_add(u32::from(state.kind() == StateKind::Running), Ordering::Relaxed);
            }
        }
    }
}

#[track_caller]
pub(crate) fn assert_value(run: &FlowRun, task: TaskRef, value: i64) {
    let state = run.state_of(task);
    assert_eq!(state.value::<i64>(), Some(&value), "{state}; the run: {}", run.state());
}

#[track_caller]
pub(crate) fn assert_kind(run: &FlowRun, task: TaskRef, kind: StateKind) {
    let state = run.state_of(task);
    assert_eq!(state.kind(), kind, "{state}; the run: {}", run.state());
}
