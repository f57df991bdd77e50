//! What a store is as a whole.

/// A store, looked at as a whole: see [`Store::check`](crate::Store::check).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkup {
    /// The version of its tables.
    pub version: i64,
    /// The program that keeps it, and its version: `SQLite 3.51.3`, `PostgreSQL 17.2`.
    pub engine: String,
    /// Bytes of the database; of PostgreSQL's, those of the store's tables and their indices.
    pub database: u64,
    /// Bytes of the write-ahead log beside it; a PostgreSQL server has one for all that it keeps.
    pub log: Option<u64>,
    /// Bytes that hold something, in the database or yet in its log; in PostgreSQL all of them.
    pub used: u64,
    /// Bytes of the database that hold nothing, and are used again; PostgreSQL does not say.
    pub unused: Option<u64>,
    /// How many runs it has.
    pub runs: u64,
    /// How many task runs.
    pub task_runs: u64,
    /// How many changes of state.
    pub transitions: u64,
    /// What is damaged, as SQLite says it; empty: nothing. What cannot be read for it counts as none. PostgreSQL does not look.
    pub damage: Vec<String>,
}
