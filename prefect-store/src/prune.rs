//! Removing old runs, and giving their space back.
use crate::Micros;

/// Which runs are removed: see [`Store::prune`](crate::Store::prune).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune {
    /// Those that ended before this moment.
    pub ended_before: Micros,
    /// So many of each flow stay, the newest, however old they are.
    pub keep: u32,
}

/// How many runs [`Store::prune`](crate::Store::prune) would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prunable {
    /// Those that would go.
    pub runs: u64,
    /// Those that would, but for notifications of them that wait to be sent.
    pub held_up: u64,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PruneStep {
    /// So many runs are removed.
    Runs(u64),
    /// So many rows of removed runs are.
    Rows(u64),
    /// So many graphs are.
    Graphs(u64),
    /// So many ticks of schedules are.
    Ticks(u64),
    /// So many bytes of the database are still unused.
    Space(u64),
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Runs. Those of somebody who was interrupted before count there, and not here.
    pub runs: u64,
    /// Their task runs, changes of state, results, log lines and whatever else they had.
    pub rows: u64,
    /// Graphs that no run has any more.
    pub graphs: u64,
    /// Old ticks of schedules without a run. That they are decided stays known.
    pub ticks: u64,
    /// Bytes of the database and its log, before and after.
    pub bytes: (u64, u64),
}
