//! Runs that are recorded, and go on.
use prefect_store::{Parked, Store};

use super::graph::Graph;
use super::{Flow, FlowOutput, assert_may_wait};
use crate::record::{Approval, IfChanged, Plan, ResumeError, Retry};
use crate::run::{AsyncRuntime, FlowRun, Prepared, RecordedIn, Until};

/// With the feature `store`.
impl<O: FlowOutput> Flow<O> {
    /// Goes on with a run of this flow that is recorded in a store, to its end. `run` is its id, the last digits of that, or
    /// its name.
    ///
    /// * If its process died, tasks are run that had not finished.
    /// * If it waits for somebody, the first of the paused tasks is let go on: see [`resume_with`](Self::resume_with).
    /// * If it has failed, the failed tasks run again, and everything downstream of them: see [`retry`](Self::retry).
    ///
    /// What is recorded as done is not run again. A result that lives in memory only is computed again where a task that is
    /// to run reads it.
    ///
    /// # Errors
    /// If there is no such run, it has ended well or was cancelled, somebody else has it, or the flow has changed since it
    /// was recorded. Nothing has changed then.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::RunSettings;
    /// use prefect::store::{Options, Store, StoreUrl};
    ///
    /// #[task]
    /// fn build() -> u32 {
    ///     7
    /// }
    ///
    /// #[task(trigger = manual_only)]
    /// fn deploy(version: Option<u32>) -> String {
    ///     format!("version {} is out", version.unwrap())
    /// }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("runs.db");
    /// let store = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap();
    /// let flow = flow!("release", { deploy(build()) });
    /// let run = flow.with(RunSettings::new().store(store.clone())).run();
    /// assert_eq!(run.state().kind(), Running); // it waits for somebody
    ///
    /// // Later, perhaps in another process:
    /// let flow = flow!("release", { deploy(build()) });
    /// let run = flow.resume(&store, run.id()).unwrap();
    /// assert_eq!(run.output().unwrap(), "version 7 is out");
    /// ```
    #[track_caller]
    pub fn resume(&self, store: &Store, run: &str) -> Result<FlowRun<O>, ResumeError> {
        self.resume_with(store, run, &Approval::default())
    }

    /// As [`resume`](Self::resume), with an answer to one of the tasks that wait for somebody.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), and if the task does not wait, or the whole run does not.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn resume_with(&self, store: &Store, run: &str, approval: &Approval) -> Result<FlowRun<O>, ResumeError> {
        assert_may_wait();
        let flow = self.unread().resumed(store, run, approval, IfChanged::Refuse)?;
        Ok(flow.go_on().with_output(self.output.clone()))
    }

    /// As [`resume_with`](Self::resume_with), also if the flow has changed since the run was recorded: tasks that are the same
    /// keep their results, those that are new, renamed or wired in another way start anew, and everything downstream of them.
    /// What is recorded of tasks that the flow has no more stays as it is.
    ///
    /// # Errors
    /// As [`resume_with`](Self::resume_with), but not because the flow has changed.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use prefect::prelude::*;
    /// use prefect::store::{Options, Store, StoreUrl};
    /// use prefect::{Approval, RunSettings};
    ///
    /// #[task]
    /// fn load() -> Vec<u32> {
    ///     vec![3, 4]
    /// }
    /// #[task]
    /// fn total(rows: Vec<u32>) -> Result<u32, String> {
    ///     Err("the total is wrong".to_owned())
    /// }
    /// #[task]
    /// fn sum(rows: Vec<u32>) -> u32 {
    ///     rows.iter().sum()
    /// }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("runs.db");
    /// let store = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap();
    /// let run = flow!("etl", { total(load()) }).with(RunSettings::new().store(store.clone())).run();
    ///
    /// let changed = flow!("etl", { sum(load()) });
    /// assert!(changed.resume(&store, run.id()).unwrap_err().to_string().contains("+ task `sum-1` is new"));
    /// let run = changed.resume_forced(&store, run.id(), &Approval::default()).unwrap();
    /// assert_eq!(run.output().unwrap(), 7);
    /// ```
    #[track_caller]
    pub fn resume_forced(&self, store: &Store, run: &str, approval: &Approval) -> Result<FlowRun<O>, ResumeError> {
        assert_may_wait();
        let flow = self.unread().resumed(store, run, approval, IfChanged::StartAnew)?;
        Ok(flow.go_on().with_output(self.output.clone()))
    }

    /// Runs tasks of a recorded run again, and keeps the results of the others. A run that was put aside because it ended its
    /// process too often starts again.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), and if the flow has no task of this name.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn retry(&self, store: &Store, run: &str, retry: &Retry) -> Result<FlowRun<O>, ResumeError> {
        assert_may_wait();
        Ok(self.unread().retried(store, run, retry, IfChanged::Refuse)?.go_on().with_output(self.output.clone()))
    }

    /// As [`retry`](Self::retry), also if the flow has changed: see [`resume_forced`](Self::resume_forced).
    ///
    /// # Errors
    /// As [`retry`](Self::retry), but not because the flow has changed.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn retry_forced(&self, store: &Store, run: &str, retry: &Retry) -> Result<FlowRun<O>, ResumeError> {
        assert_may_wait();
        Ok(self.unread().retried(store, run, retry, IfChanged::StartAnew)?.go_on().with_output(self.output.clone()))
    }

    #[track_caller]
    fn go_on(&self) -> FlowRun {
        Prepared::new(self, Until::TheEnd, AsyncRuntime::own(), None).run()
    }

    /// The flow, to be run as [`resume_with`](Self::resume_with) does. This process has the run then.
    #[track_caller]
    pub(crate) fn resumed(
        self,
        store: &Store,
        run: &str,
        approval: &Approval,
        if_changed: IfChanged,
    ) -> Result<Self, ResumeError> {
        self.going_on(store, run, (Parked::Refuse, if_changed), |plan, graph| {
            if plan.has_failed() {
                plan.retry(graph, &Retry::Failed)?;
            }
            plan.answer(graph, approval)
        })
    }

    /// The flow, to be run as [`retry`](Self::retry) does.
    #[track_caller]
    pub(crate) fn retried(
        self,
        store: &Store,
        run: &str,
        retry: &Retry,
        if_changed: IfChanged,
    ) -> Result<Self, ResumeError> {
        self.going_on(store, run, (Parked::StartAgain, if_changed), |plan, graph| plan.retry(graph, retry))
    }

    #[track_caller]
    fn going_on(
        mut self,
        store: &Store,
        run: &str,
        (parked, if_changed): (Parked, IfChanged),
        decide: impl FnOnce(&mut Plan, &Graph) -> Result<(), ResumeError>,
    ) -> Result<Self, ResumeError> {
        crate::panics::install_hook();
        let mut plan = Plan::read(store, store.run(run)?, &self.graph, if_changed)?;
        decide(&mut plan, &self.graph)?;
        plan.give(&self.graph, &mut self.given)?;
        // Before the run is taken: whoever cannot go on leaves it as it was.
        Prepared::check(&self);
        Prepared::configuration(&self, &self.settings).map_err(|error| plan.not_here(&error))?;
        let (recorded, states) = plan.take(store, &self.graph, parked)?;
        self.settings.states = states;
        self.settings.recorded = Some(RecordedIn::Run(recorded));
        Ok(self)
    }
}
