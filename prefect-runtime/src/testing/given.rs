//! What the tasks of a test run are given: results, states, bodies.
use std::any::{TypeId, type_name};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Gives, TestRun, Which};
use crate::flow::declared::without_modules;
use crate::flow::graph::{Code, DynamicCode, Graph, TaskId};
use crate::flow::{BodyKind, BodyOutcome, FlowOutput, Inputs};
use crate::quiet::Quiet;
use crate::{State, StateKind, StateResult, TaskError, Value};

impl<O: FlowOutput> TestRun<O> {
    fn graph(&self) -> &Arc<Graph> {
        &self.flow.graph
    }

    /// Gives a task its result: it succeeds without being run, and no handler hears of it.
    ///
    /// What was given is checked to be of the type that the task gives.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn download() -> String {
    ///     unimplemented!("asks a server")
    /// }
    /// #[task]
    /// fn size(text: &str) -> usize {
    ///     text.len()
    /// }
    ///
    /// let flow = flow!("etl", { size(download()) });
    /// let run = TestRun::of(&flow).given("download", "four".to_owned()).run();
    /// assert_eq!(run.output().unwrap(), 4);
    /// ```
    ///
    /// # Panics
    /// If the flow has no such task, if it gives another type, or if it is mapped: see
    /// [`given_children`](Self::given_children).
    #[track_caller]
    pub fn given<T>(self, task: impl Gives<T>, value: T) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let task: Which = task.into();
        let found = task.task(self.graph());
        assert!(
            !self.graph().is_mapped(found),
            "task `{}` is mapped: give its children their states by `given_children`",
            self.graph().name(found)
        );
        self.given_state(task, State::success(value))
    }

    /// Gives a task its state: a finished one is not run, and no handler hears of it. One that has not finished goes on from
    /// there: a `Paused` task waits for somebody, a `Scheduled` one for its start time.
    ///
    /// A result that cannot be stored is given so, too: `State::new(Success).with_value(Value::in_memory(x))`.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn download() -> u32 {
    ///     unimplemented!("asks a server")
    /// }
    /// #[task(trigger = any_failed)]
    /// fn apologise() -> String {
    ///     "sorry".to_owned()
    /// }
    ///
    /// let flow = flow!("etl", { apologise(upstream_tasks = [download()]) });
    /// let run = TestRun::of(&flow).given_state("download", State::failed("503")).run();
    /// assert_eq!(run.output().unwrap(), "sorry");
    /// ```
    ///
    /// # Panics
    /// If the flow has no such task, or if the state carries a value of another type than the task gives.
    #[track_caller]
    pub fn given_state(mut self, task: impl Into<Which>, state: State) -> Self {
        let task = task.into().task(self.graph());
        self.check_type_of(task, &state);
        let slug = self.graph().slug(task).to_string();
        self.states.set(slug, state);
        self.given.insert(task, None);
        self
    }

    /// Gives the children of a mapped task their states, in their order. The task itself is mapped as ever, so the lists have
    /// to be there: give them too, if their tasks are not to be run.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task]
    /// fn download(page: u32) -> u32 {
    ///     unimplemented!("asks a server for page {page}")
    /// }
    /// #[task(trigger = all_finished)]
    /// fn total(rows: Vec<Outcome<u32>>) -> u32 {
    ///     rows.into_iter().filter_map(Outcome::success).sum()
    /// }
    ///
    /// let flow = flow!("pages", { total(download::map([1, 2, 3])) });
    /// let pages = [State::success(5_u32), State::failed("503"), State::success(7_u32)];
    /// let run = TestRun::of(&flow).given_children("download", pages).run();
    /// assert_eq!(run.output().unwrap(), 12);
    /// assert_eq!(run.state_of("download[1]").message(), Some("503"));
    /// ```
    ///
    /// # Panics
    /// If the flow has no such task, if it is not mapped, or if a state carries a value of another type than the task gives.
    /// At the end of the run, if the task was mapped to another number of children.
    #[track_caller]
    pub fn given_children(mut self, task: impl Into<Which>, states: impl IntoIterator<Item = State>) -> Self {
        let task = task.into().task(self.graph());
        let name = self.graph().name(task);
        assert!(self.graph().is_mapped(task), "task `{name}` is not mapped: give it its own state by `given_state`");
        let mut children = Vec::new();
        // A loop, because a closure would not hand on whose call it is.
        for state in states {
            self.check_type_of(task, &state);
            children.push(state);
        }
        let slug = self.graph().slug(task).to_string();
        self.given.insert(task, Some(children.len()));
        self.states.set_mapped(slug, State::new(StateKind::Mapped), children);
        self
    }

    #[track_caller]
    fn check_type_of(&self, task: TaskId, state: &State) {
        if let StateResult::Value(value) = state.result() {
            self.check_type(task, value.type_id_of_value(), value.type_name());
        }
    }

    /// A task that was made at run time may say nothing of its type.
    #[track_caller]
    fn check_type(&self, task: TaskId, id: TypeId, name: &str) {
        let Some(gives) = self.graph().kind(task).code.output() else { return };
        assert!(
            (gives.type_id)() == id,
            "task `{}` gives a `{}`, and was given a `{}`",
            self.graph().name(task),
            without_modules((gives.type_name)()),
            without_modules(name),
        );
    }

    /// Runs this in the place of a task's body. All else is as ever: inputs, retries, timeouts, handlers. It is called once
    /// for each attempt, and `context()` tells it which one it is.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task(max_retries = 3, retry_delay = "10m")]
    /// fn download(page: u32) -> String {
    ///     unimplemented!("asks a server for page {page}")
    /// }
    ///
    /// let flow = flow!("etl", { download(7) });
    /// let run = TestRun::of(&flow)
    ///     .with_body("download", |inputs| match context().task_run_count() {
    ///         1 => Err("503".into()),
    ///         _ => Ok(format!("page {}", inputs.take::<u32>(0))),
    ///     })
    ///     .run();
    /// assert_eq!(run.output().unwrap(), "page 7");
    /// assert_eq!(run.attempts("download"), 2);
    /// ```
    ///
    /// # Panics
    /// If the flow has no such task, or if it gives another type.
    #[track_caller]
    pub fn with_body<T, F>(mut self, task: impl Gives<T>, body: F) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn(&mut Inputs<'_>) -> Result<T, TaskError> + Send + Sync + 'static,
    {
        let task = task.into().task(self.graph());
        self.check_type(task, TypeId::of::<T>(), type_name::<T>());
        self.replace(task, move |inputs| body(inputs).map(Value::new));
        self
    }

    /// Lets every attempt of a task fail with this error. Unlike a state that it is [given](Self::given_state), that is tried
    /// again, and handlers hear of it.
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::testing::TestRun;
    ///
    /// #[task(max_retries = 3, retry_delay = "10m")]
    /// fn download() -> String {
    ///     unimplemented!("asks a server")
    /// }
    ///
    /// let run = TestRun::of(&flow!("etl", { download() })).failing("download", "503").run();
    /// assert_eq!(run.attempts("download"), 4);
    /// ```
    ///
    /// # Panics
    /// If the flow has no such task.
    #[track_caller]
    pub fn failing(mut self, task: impl Into<Which>, error: impl Into<TaskError>) -> Self {
        let task = task.into().task(self.graph());
        let error = error.into();
        self.replace(task, move |_| Err(error.clone()));
        self
    }

    fn replace(
        &mut self,
        task: TaskId,
        body: impl Fn(&mut Inputs<'_>) -> Result<Value, TaskError> + Send + Sync + 'static,
    ) {
        let body = Quiet::new(body);
        let code = DynamicCode {
            run: Box::new(move |inputs| BodyOutcome::Done(body(inputs))),
            parameters: self.graph().kind(task).code.parameters().to_vec(),
            kind: BodyKind::Sync,
            output: self.graph().kind(task).code.output(),
        };
        self.bodies.insert(task, Code::Dynamic(Arc::new(code)));
    }
}
