//! The options of one call.
use std::borrow::Cow;

use crate::flow::{IntoDuration, IntoRetryDelay, RetryDelay, RetryOn, TaskDefinition, Template};

/// Options of one call of a task: `add(1, task_args = options().name("n"))` in `flow!`, `add(1).with(options()..)`
/// anywhere. They replace what `#[task(..)]` says; tags are added.
///
/// `trigger` and `skip_on_upstream_skip` are not among them: whether a parameter may be without a value is checked for
/// the task, once.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until they are given to a call"]
pub struct TaskOptions {
    name: Option<Cow<'static, str>>,
    max_retries: Option<u32>,
    retry_delay: Option<RetryDelay>,
    retry_on: Option<RetryOn>,
    timeout: Option<std::time::Duration>,
    tags: Vec<Cow<'static, str>>,
    task_run_name: Option<Template>,
}

/// No options yet.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64) -> i64 {
///     x + 1
/// }
///
/// flow!("options", {
///     let one = add(0);
///     add(4, upstream_tasks = [one], task_args = options().name("five").max_retries(2).retry_delay("1s").tags(["y"]))
/// });
/// ```
pub fn options() -> TaskOptions {
    TaskOptions::default()
}

impl TaskOptions {
    /// Another name.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How often a failed run is tried again.
    pub fn max_retries(mut self, n: u32) -> Self {
        self.max_retries = Some(n);
        self
    }

    /// How long to wait before each retry: `"10s"`, a `Duration`, or `exponential("1s", "5m")`.
    ///
    /// # Panics
    /// If a text is no duration.
    #[track_caller]
    pub fn retry_delay(mut self, delay: impl IntoRetryDelay) -> Self {
        self.retry_delay = Some(delay.into_retry_delay());
        self
    }

    /// Which errors are tried again.
    pub fn retry_on(mut self, retry_on: RetryOn) -> Self {
        self.retry_on = Some(retry_on);
        self
    }

    /// How long one attempt may take: `"10s"`, or a `Duration`.
    ///
    /// # Panics
    /// If a text is no duration.
    #[track_caller]
    pub fn timeout(mut self, timeout: impl IntoDuration) -> Self {
        self.timeout = Some(timeout.into_duration());
        self
    }

    /// More tags.
    pub fn tags<T: Into<Cow<'static, str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The name of each run of the task: a template such as `"row {x}"`.
    pub fn task_run_name(mut self, template: impl Into<Template>) -> Self {
        self.task_run_name = Some(template.into());
        self
    }

    pub(crate) fn apply(self, mut definition: TaskDefinition) -> TaskDefinition {
        let Self { name, max_retries, retry_delay, retry_on, timeout, tags, task_run_name } = self;
        if let Some(name) = name {
            definition = definition.named(name);
        }
        if let Some(n) = max_retries {
            definition = definition.max_retries(n);
        }
        if let Some(delay) = retry_delay {
            definition = definition.retry_delay(delay);
        }
        if let Some(retry_on) = retry_on {
            definition = definition.retry_on(retry_on);
        }
        if let Some(timeout) = timeout {
            definition = definition.timeout(timeout);
        }
        if let Some(name) = task_run_name {
            definition = definition.task_run_name(name);
        }
        definition.tags(tags)
    }
}
