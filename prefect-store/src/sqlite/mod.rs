//! The store in an SQLite database.
mod begin;
mod bury;
mod cancel;
mod check;
mod claim;
mod errors;
mod logs;
mod open;
mod read;
mod record;
mod reference;
mod rows;
mod schema;
mod secrets;
mod turn;
mod write;

pub(crate) use open::Access;
pub(crate) use read::Readers;
pub(crate) use write::SqliteBackend;

/// `map_index` of what is no child.
const NO_INDEX: i64 = -1;

/// `task_no` of what is no task: the flow run.
const FLOW: i64 = -1;

/// Results up to this many bytes are in the row of their task run, larger ones in a table of their own: a row that is larger
/// than a quarter of a page takes a page of its own.
const INLINE: usize = 200;

/// The state of a notification that waits, and of one that a process is about to send.
mod outbox {
    pub(super) const WAITS: i64 = 0;
    pub(super) const CLAIMED: i64 = 1;
}

fn index_to_sql(index: Option<u32>) -> i64 {
    index.map_or(NO_INDEX, i64::from)
}
