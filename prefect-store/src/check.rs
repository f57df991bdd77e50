//! What a store is as a whole.

/// A store, looked at as a whole: see [`Store::check`](crate::Store::check).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkup {
    /// The version of its tables.
    pub version: i64,
    /// The SQLite that this program is linked with.
    pub sqlite: &'static str,
    /// Bytes of the database.
    pub database: u64,
    /// Bytes of the write-ahead log beside it.
    pub log: u64,
    /// Bytes that hold something, in the database or yet in its log.
    pub used: u64,
    /// Bytes of the database that hold nothing, and are used again.
    pub unused: u64,
    /// How many runs it has.
    pub runs: u64,
    /// How many task runs.
    pub task_runs: u64,
    /// How many changes of state.
    pub transitions: u64,
    /// What is damaged, as SQLite says it; empty: nothing.
    pub damage: Vec<String>,
}
