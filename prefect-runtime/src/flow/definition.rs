//! What is known of a task before it is called: its options, its code, its parameters.
use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::inputs::{BodyOutcome, Computed, Inputs, Passed, Slot};
use super::retry::{RetryDelay, RetryOn};
use super::template::Template;
use super::trigger::Trigger;
use crate::cache::{CacheValidator, IntoCacheValidator};
use crate::quiet::Quiet;
use crate::results::{IntoTaskResult, Serializer, TaskResult};
use crate::{IntoStateHandler, StateHandler, TaskError, Value};

/// The options of a task, by Prefect's names: what `#[task(..)]` writes, and what a flow built at run time gives.
///
/// ```
/// use std::time::Duration;
/// use prefect::TaskDefinition;
///
/// let definition = TaskDefinition::new("download").max_retries(3).retry_delay(Duration::from_secs(10)).tags(["web"]);
/// assert_eq!(definition.name(), "download");
/// ```
#[derive(Clone)]
pub struct TaskDefinition {
    pub(crate) name: Cow<'static, str>,
    pub(crate) handlers: Vec<Arc<dyn StateHandler>>,
    pub(crate) trigger: Trigger,
    pub(crate) skip_on_upstream_skip: bool,
    pub(crate) max_retries: Option<u32>,
    pub(crate) retry_delay: Option<RetryDelay>,
    pub(crate) retry_on: Option<RetryOn>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tags: Vec<Cow<'static, str>>,
    pub(crate) task_run_name: Option<Template>,
    pub(crate) cache_for: Option<Duration>,
    pub(crate) cache_validator: Option<CacheValidator>,
    pub(crate) cache_key: Option<Cow<'static, str>>,
    pub(crate) target: Option<Template>,
    pub(crate) result: Option<TaskResult>,
    pub(crate) checkpoint: bool,
    pub(crate) record_start: RecordStart,
    pub(crate) role: Role,
}

/// When the body of a task begins, in a run that is recorded: see [`TaskDefinition::record_start`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordStart {
    /// At once: that it is `Running` is recorded meanwhile.
    #[default]
    Behind,
    /// When the store has it that the task run is `Running`.
    Await,
}

/// What a task is for, as far as the course of a run depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Work,
    /// Makes the manager of a resource.
    ResourceInit,
    /// Sets a resource up.
    ResourceSetup,
    /// Cleans a resource up.
    ResourceCleanup,
}

impl Role {
    /// Whether a task may decide how the run ends without being named for it.
    pub(crate) fn decides(self) -> bool {
        matches!(self, Self::Work | Self::ResourceSetup)
    }
}

impl TaskDefinition {
    /// A task of this name with Prefect's defaults: no handlers, no retries, no timeout, the trigger `all_successful`.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            handlers: Vec::new(),
            trigger: Trigger::default(),
            skip_on_upstream_skip: true,
            max_retries: None,
            retry_delay: None,
            retry_on: None,
            timeout: None,
            tags: Vec::new(),
            task_run_name: None,
            cache_for: None,
            cache_validator: None,
            cache_key: None,
            target: None,
            result: None,
            checkpoint: true,
            record_start: RecordStart::Behind,
            role: Role::Work,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a handler after those that are there: a function, a closure whose parameters have their types, async ones, or
    /// a value such as [`SlackNotifier`](crate::SlackNotifier).
    #[must_use]
    pub fn state_handler<M, H: IntoStateHandler<M>>(mut self, handler: H) -> Self
    where
        H::Handler: 'static,
    {
        self.handlers.push(Arc::new(Quiet::new(handler.into_handler())));
        self
    }

    /// When the task runs, judged by the states of what is upstream of it.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// Whether the task is skipped when something upstream was. Default: true.
    #[must_use]
    pub fn skip_on_upstream_skip(mut self, skip: bool) -> Self {
        self.skip_on_upstream_skip = skip;
        self
    }

    /// How often a failed run is tried again. Default: the configuration's `tasks.defaults.max_retries`, else 0.
    #[must_use]
    pub fn max_retries(mut self, n: u32) -> Self {
        self.max_retries = Some(n);
        self
    }

    /// How long to wait before each retry. Default: the configuration's `tasks.defaults.retry_delay`, else no time.
    #[must_use]
    pub fn retry_delay(mut self, delay: impl Into<RetryDelay>) -> Self {
        self.retry_delay = Some(delay.into());
        self
    }

    /// Which errors are tried again. Default: all.
    #[must_use]
    pub fn retry_on(mut self, retry_on: RetryOn) -> Self {
        self.retry_on = Some(retry_on);
        self
    }

    /// How long one attempt may take. Default: the configuration's `tasks.defaults.timeout`, else as long as it likes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Adds tags.
    #[must_use]
    pub fn tags<T: Into<Cow<'static, str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    pub(crate) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The name of each run of the task.
    #[must_use]
    pub fn task_run_name(mut self, name: impl Into<Template>) -> Self {
        self.task_run_name = Some(name.into());
        self
    }

    /// How long later runs of this process use the result again, once the run has ended. Default: they do not.
    #[must_use]
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.cache_for = Some(time);
        self
    }

    /// Who decides whether a kept result fits. Default: [`duration_only`](crate::cache::duration_only).
    #[must_use]
    pub fn cache_validator<M>(mut self, validator: impl IntoCacheValidator<M>) -> Self {
        self.cache_validator = Some(validator.into_cache_validator());
        self
    }

    /// The shelf that results are kept on. Default: the name of the task.
    #[must_use]
    pub fn cache_key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.cache_key = Some(key.into());
        self
    }

    /// The name under which the result is kept, in braces the names that [`Template`] knows. If something is kept there, the
    /// task does not run: it is `Cached` with that. Results are kept in [`result`](Self::result), the flow's
    /// [`result`](crate::FlowOptions::result), or else a [`LocalResult::new()`](crate::LocalResult::new).
    #[must_use]
    pub fn target(mut self, target: impl Into<Template>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Where the result is kept. Default: where the flow says; without that it is not.
    #[must_use]
    pub fn result(mut self, result: impl IntoTaskResult) -> Self {
        self.result = Some(result.into_task_result());
        self
    }

    /// When the body begins, in a run that is recorded. Default: [`Behind`](RecordStart::Behind), which costs nothing. If the
    /// process is killed in the moment before the store has it that the body has begun, nobody can tell that it has, and it
    /// begins again.
    ///
    /// With [`Await`](RecordStart::Await) the store knows of each body that may have begun: who looks at the run after a crash
    /// sees it among those that were `Running`. It costs a commit before the body, in which its thread waits. In a run that is
    /// not recorded it makes no difference.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task(record_start = Await)]
    /// fn pay(cents: u64) -> u64 {
    ///     cents
    /// }
    ///
    /// assert_eq!(flow!("pay", { pay(100) }).run().output().unwrap(), 100);
    /// ```
    #[must_use]
    pub fn record_start(mut self, record_start: RecordStart) -> Self {
        self.record_start = record_start;
        self
    }

    /// Whether the result is written where [`result`](Self::result) or [`target`](Self::target) say. Default: true.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: bool) -> Self {
        self.checkpoint = checkpoint;
        self
    }
}

impl fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskDefinition")
            .field("name", &self.name)
            .field("max_retries", &self.max_retries)
            .field("timeout", &self.timeout)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// A parameter of a task: what its input must be.
#[derive(Clone)]
pub struct Parameter {
    pub(crate) name: Cow<'static, str>,
    pub(crate) expects: Expects,
    /// What makes the input of what an edge brings, if it does not bring the input itself.
    pub(crate) made_by: Option<MadeBy>,
}

/// Makes an input of what a task gave; an error is the place of the child that has no value.
pub(crate) type MadeBy = fn(&[Passed]) -> Result<Value, usize>;

/// What a parameter takes.
#[derive(Clone, Copy)]
pub(crate) enum Expects {
    /// A value of one type.
    Type { id: fn() -> TypeId, name: fn() -> &'static str },
    /// A value of any type.
    Any,
    /// The state of the upstream task, whatever it is.
    State,
}

impl Parameter {
    /// Takes a value of type `T`.
    #[must_use]
    pub const fn of<T: 'static>(name: &'static str) -> Self {
        let expects = Expects::Type { id: TypeId::of::<T>, name: std::any::type_name::<T> };
        Self { name: Cow::Borrowed(name), expects, made_by: None }
    }

    /// Takes a value of any type. An upstream task that has none fails the reader.
    #[must_use]
    pub fn any(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), expects: Expects::Any, made_by: None }
    }

    /// Takes the [`State`](crate::State) of the upstream task, whatever became of it. A constant comes as a `Success`.
    #[must_use]
    pub fn state(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), expects: Expects::State, made_by: None }
    }

    pub(crate) fn named(self, name: String) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The input is made of what the upstream task gave.
    pub(crate) fn made_by(self, made_by: MadeBy) -> Self {
        Self { made_by: Some(made_by), ..self }
    }

    /// Where the input comes from, if a task gives it.
    pub(super) fn given_by(&self, task: u32) -> Slot {
        match self.made_by {
            Some(make) => Slot::Computed(Computed { upstream: vec![task], make: Arc::new(make) }),
            None => Slot::Upstream(task),
        }
    }

    /// The name, by which callers give it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expects {
            Expects::Type { name, .. } => write!(f, "{}: {}", self.name, name()),
            Expects::Any => write!(f, "{}", self.name),
            Expects::State => write!(f, "{}: State", self.name),
        }
    }
}

/// The code of a task: made once for each instance of a task function, and shared by its calls.
#[derive(Debug)]
pub struct TaskCode {
    /// Takes the inputs and runs, or starts, the body.
    pub run: fn(&mut Inputs<'_>) -> BodyOutcome,
    /// In the order of the inputs.
    pub parameters: &'static [Parameter],
    /// What it takes from [`Flow::share`](crate::Flow::share).
    pub shared: &'static [Parameter],
    /// Whether the body may have to wait on a runtime.
    pub kind: BodyKind,
    /// What it gives.
    pub output: AnyOutput,
}

/// What a task gives, as far as it is known before it has run.
#[derive(Clone, Copy)]
pub struct AnyOutput {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
    /// Reads a result that was written; `None` if results live in memory only.
    pub(crate) load: Option<Load>,
}

/// Reads a result that was written.
pub(crate) type Load = fn(Serializer, &[u8]) -> Result<Value, TaskError>;

impl AnyOutput {
    pub(crate) const fn new<T: 'static>(load: Option<Load>) -> Self {
        Self { type_id: TypeId::of::<T>, type_name: std::any::type_name::<T>, load }
    }
}

impl fmt::Debug for AnyOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.type_name)())
    }
}

/// Whether a body is a plain function or an async one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Runs to its end on a worker's thread.
    Sync,
    /// Polled on a worker's thread, then on the runtime while it waits.
    Async,
}

/// What a task function keeps between its calls: its definition, made at the first.
pub struct TaskCell {
    make: fn() -> TaskDefinition,
    made: OnceLock<Arc<TaskDefinition>>,
}

impl TaskCell {
    /// Makes the definition when it is asked for.
    #[must_use]
    pub const fn new(make: fn() -> TaskDefinition) -> Self {
        Self { make, made: OnceLock::new() }
    }

    pub(crate) fn definition(&self) -> &Arc<TaskDefinition> {
        self.made.get_or_init(|| Arc::new((self.make)()))
    }
}

impl fmt::Debug for TaskCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.made.get().fmt(f)
    }
}
