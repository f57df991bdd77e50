//! What is read of runs.
use super::Store;
use crate::{
    LogFilter, RecordedLine, RunFilter, RunId, RunInput, RunRow, StateCode, StoreError, StoredResult, TaskKey, TaskRow,
    Transition,
};

impl Store {
    /// The run that a person means: by its whole id, by at least four digits of the beginning or the end of it, or by its name.
    ///
    /// # Errors
    ///
    /// If no run fits, or several do.
    pub fn run(&self, reference: &str) -> Result<RunRow, StoreError> {
        self.0.readers.run(reference)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.0.readers.runs(filter)
    }

    /// The last run of each flow, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn last_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.0.readers.last_runs()
    }

    /// The parameters and the graph of a run.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn input(&self, run: RunId) -> Result<RunInput, StoreError> {
        self.0.readers.input(run)
    }

    /// The task runs of a run that have a state other than the Pending they begin in, without the children of mapped tasks.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn task_runs(&self, run: RunId) -> Result<Vec<TaskRow>, StoreError> {
        self.0.readers.task_runs(run)
    }

    /// Children of a mapped task in their order, from `from` on, at most `limit`; those that were never started have no row.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn children(&self, run: RunId, task: u32, from: u32, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.0.readers.children(run, task, from, limit)
    }

    /// How many children of a mapped task are in which state.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn count_children(&self, run: RunId, task: u32) -> Result<Vec<(StateCode, u64)>, StoreError> {
        self.0.readers.count_children(run, task)
    }

    /// All task runs with their results, children too, page by page: what who goes on with a run needs. `after` is the last of
    /// the page before.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn recorded(
        &self,
        run: RunId,
        after: Option<TaskKey>,
        limit: u32,
    ) -> Result<Vec<(TaskRow, Option<StoredResult>)>, StoreError> {
        self.0.readers.recorded(run, after, limit)
    }

    /// The result of a task run, if it has one.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn result(&self, run: RunId, task: u32, index: Option<u32>) -> Result<Option<StoredResult>, StoreError> {
        self.0.readers.result(run, task, index)
    }

    /// The changes of state of a run in their order, behind the one with this number (0: from the first), at most `limit`.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn transitions(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Transition>, StoreError> {
        self.0.readers.transitions(run, after, limit)
    }

    /// Log lines of a run, in the order in which they came.
    ///
    /// ```
    /// use prefect_store::{LogFilter, LogLevel, LogLine, LogPage, Micros, NewRun, Options, RecordedGraph, StateCode};
    /// # use prefect_store::{FlowChange, Store, StoreUrl};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// # let graph = RecordedGraph { hash: vec![1], text: "a".into(), slugs: vec!["a-1".into()] };
    /// # let new = NewRun { flow: "etl".into(), name: "one".into(), parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// # let run = store.begin(new).unwrap();
    /// let line = |level, message: &str| LogLine {
    ///     task: None,
    ///     attempt: 0,
    ///     at: Micros(5),
    ///     level,
    ///     target: "etl".into(),
    ///     message: message.to_owned(),
    /// };
    /// run.log(line(LogLevel::Info, "begins"));
    /// run.log(line(LogLevel::Error, "no rows"));
    /// # let end = FlowChange { state: StateCode::FAILED, version: 2, at: Micros(6), message: None, notifications: Vec::new() };
    /// # run.wait(run.record_run(end)).unwrap();
    /// let filter = LogFilter { level: LogLevel::Warn, page: LogPage::Last(10), ..LogFilter::default() };
    /// let lines = store.logs(run.id(), &filter).unwrap();
    /// assert_eq!(lines.len(), 1);
    /// assert_eq!((lines[0].number, lines[0].line.message.as_str()), (2, "no rows"));
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such run, or the store cannot be read.
    pub fn logs(&self, run: RunId, filter: &LogFilter) -> Result<Vec<RecordedLine>, StoreError> {
        self.0.readers.logs(run, filter)
    }
}
