//! Schedules and their ticks.
use std::sync::Arc;

use super::Store;
use crate::schedules::NoRun;
use crate::{
    DecidedTick, Micros, NewRun, OwnedRun, PauseChange, RunId, ScheduleRow, ScheduleSeen, StoreError, Tick, TickAnswer,
};

impl Store {
    /// Decides a tick of a schedule, and records its run, which belongs to this process: in one transaction. Of several that
    /// ask for one tick, one gets it.
    ///
    /// ```
    /// use prefect_store::{IfBusy, Micros, NewRun, Options, RecordedGraph, StateCode, Store, StoreUrl, Tick, TickAnswer};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let run = NewRun {
    ///     flow: "etl".into(),
    ///     name: "brave-otter".into(),
    ///     parameters: "{}".into(),
    ///     graph: RecordedGraph { hash: vec![1], text: "extract".into(), slugs: vec!["extract-1".into()] },
    ///     state: StateCode::SCHEDULED,
    ///     at: Micros(1),
    /// };
    /// let tick = Tick { schedule: "etl".into(), at: Micros(1), next: None, if_busy: IfBusy::Skip };
    /// let begun = store.begin_tick(run.clone(), tick.clone()).unwrap();
    /// assert!(matches!(begun, TickAnswer::Begun(_)));
    /// assert!(matches!(store.begin_tick(run.clone(), tick.clone()), Ok(TickAnswer::Taken)));
    /// // The run of the first tick has not ended.
    /// let second = Tick { at: Micros(2), ..tick };
    /// assert!(matches!(store.begin_tick(run, second), Ok(TickAnswer::Skipped(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is decided then, unless only the answer was lost: see
    /// [`begin`](Self::begin).
    pub fn begin_tick(&self, run: NewRun, tick: Tick) -> Result<TickAnswer, StoreError> {
        let id = RunId::new();
        Ok(match self.0.call(move |writer| writer.begin_tick(id, &run, &tick))? {
            Ok(recording) => TickAnswer::Begun(OwnedRun::new(recording, Arc::clone(&self.0))),
            Err(NoRun::Taken) => TickAnswer::Taken,
            Err(NoRun::Skipped(runs)) => TickAnswer::Skipped(runs),
            Err(NoRun::Busy(runs)) => TickAnswer::Busy(runs),
            Err(NoRun::Paused) => TickAnswer::Paused,
            Err(NoRun::Store(error)) => return Err(error),
        })
    }

    /// Leaves a tick out, unless it is decided. Those before it that are not decided are not looked for any more.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn skip_tick(&self, schedule: &str, at: Micros) -> Result<(), StoreError> {
        let schedule = schedule.to_owned();
        self.0.call(move |writer| writer.database.skip_tick(&schedule, at))?
    }

    /// Makes a schedule known, and what it is now. Whether it is paused stays.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn see_schedule(&self, seen: ScheduleSeen) -> Result<(), StoreError> {
        self.0.call(move |writer| writer.database.see_schedule(&seen))?
    }

    /// Pauses a schedule: none of its ticks has a run until it is resumed. `by` says who asks, for people.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn pause_schedule(&self, schedule: &str, at: Micros, by: &str) -> Result<PauseChange, StoreError> {
        let (schedule, by) = (schedule.to_owned(), by.to_owned());
        self.0.call(move |writer| writer.database.pause_schedule(&schedule, at, &by))?
    }

    /// Lets a paused schedule go on.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn resume_schedule(&self, schedule: &str, at: Micros) -> Result<PauseChange, StoreError> {
        let schedule = schedule.to_owned();
        self.0.call(move |writer| writer.database.resume_schedule(&schedule, at))?
    }

    /// The schedule of this name, with the last of its ticks up to `until`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn schedule(&self, name: &str, until: Micros) -> Result<Option<ScheduleRow>, StoreError> {
        Ok(self.0.readers.schedules(Some(name), until)?.into_iter().next())
    }

    /// All schedules that were ever served, by their names, each with its last tick.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>, StoreError> {
        self.0.readers.schedules(None, Micros(i64::MAX))
    }

    /// The ticks of a schedule that were decided, the newest first, at most so many.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn ticks(&self, schedule: &str, limit: u32) -> Result<Vec<DecidedTick>, StoreError> {
        self.0.readers.ticks(schedule, limit)
    }
}
