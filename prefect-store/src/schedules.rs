//! Schedules and their ticks: which moment has a run, which schedules are paused.
use crate::{Micros, OwnedRun, RunId, StateCode};

/// A schedule, as the program that serves it knows it. Its texts are for people: the store does not look into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSeen {
    /// What tells it from others: the name of its flow.
    pub schedule: String,
    /// When it ticks. A schedule whose text has changed is a new one: it has missed nothing before it was seen.
    pub description: String,
    /// What becomes of ticks that nobody served.
    pub catch_up: String,
    /// What becomes of ticks that come while a run has not ended.
    pub overlap: String,
    /// The next tick.
    pub next: Option<Micros>,
    /// When it was seen.
    pub at: Micros,
}

/// A schedule that has been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// What tells it from others: the name of its flow.
    pub schedule: String,
    /// When it ticks.
    pub description: String,
    /// What becomes of ticks that nobody served.
    pub catch_up: String,
    /// What becomes of ticks that come while a run has not ended.
    pub overlap: String,
    /// When it was seen first, as it is now.
    pub since: Micros,
    /// When a process served it last.
    pub seen_at: Micros,
    /// The next tick, as that process told it.
    pub next_at: Option<Micros>,
    /// Who has paused it, and when.
    pub paused: Option<(Micros, String)>,
    /// When it was resumed last.
    pub resumed_at: Option<Micros>,
    /// The last tick that was decided.
    pub last: Option<DecidedTick>,
    /// All ticks up to this one are decided: [`Store::prune`](crate::Store::prune) has removed those that had no run.
    pub ticks_gone: Option<Micros>,
}

/// A tick that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedTick {
    /// Its moment.
    pub at: Micros,
    /// Its run, with its name and its state; `None` if it was left out, or the run is not there any more.
    pub run: Option<(RunId, String, StateCode)>,
}

/// A moment of a schedule, for which a run is to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The schedule.
    pub schedule: String,
    /// The moment. Each is decided once, whoever asks: it has a run, or it is left out.
    pub at: Micros,
    /// The tick after it.
    pub next: Option<Micros>,
    /// What is to happen while a process has a run of this schedule.
    pub if_busy: IfBusy,
}

/// What becomes of a tick while a process has a run of the same schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfBusy {
    /// It has its run all the same.
    Begin,
    /// It is left out, for good.
    Skip,
    /// Nothing is decided yet.
    Wait,
}

/// What became of a tick.
#[derive(Debug)]
pub enum TickAnswer {
    /// It has a run, which belongs to this process.
    Begun(OwnedRun),
    /// It was decided before.
    Taken,
    /// It is left out: these runs have not ended.
    Skipped(Vec<RunId>),
    /// Nothing is decided: these runs have not ended.
    Busy(Vec<RunId>),
    /// Nothing is decided: the schedule is paused.
    Paused,
}

/// Why a tick has no run of this process.
#[derive(Debug)]
pub(crate) enum NoRun {
    Taken,
    Skipped(Vec<RunId>),
    Busy(Vec<RunId>),
    Paused,
    Store(crate::StoreError),
}

impl From<crate::StoreError> for NoRun {
    fn from(error: crate::StoreError) -> Self {
        Self::Store(error)
    }
}

/// What became of a schedule that was to be paused or resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PauseChange {
    /// It is as it was asked for.
    Done,
    /// It was so before; of a paused one: since when, and by whom.
    Already(Option<(Micros, String)>),
    /// No such schedule was ever seen.
    Unknown,
}
