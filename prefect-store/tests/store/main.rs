//! The store, through its public API: what is recorded, who may record it, what becomes of it when something ends or fails.
//!
//! Some tests are about processes: they start this very program as a child (`child`), and use real time with short leases.
#![allow(unreachable_pub, clippy::pedantic, reason = "tests")]
mod cancelled;
mod checkup;
mod child;
mod claims;
mod failing;
mod fixture;
mod hammer;
mod kept;
mod killed;
mod locked;
mod logs;
mod opening;
mod outbox;
mod owners;
mod pruned;
mod reading;
mod recording;
mod references;
#[cfg(feature = "postgres")]
mod schema;
mod secrets;
mod size;
mod slots;
mod support;
mod ticks;
mod torn;

/// What the calls to the database of a batch with one change are: begin, fence, row, transition, commit.
const CALLS_OF_A_BATCH: u64 = 5;

/// About as many calls takes a process to do some work and be killed.
const CALLS_OF_A_PROCESS: u64 = 120;

/// Bytes as SQLite reads them: `..` are their digits.
const BYTES: &str = "X'..'";

/// Makes the database refuse task runs of task 66.
const REFUSES_66: &str = "CREATE TRIGGER no_66 BEFORE INSERT ON task_runs WHEN new.task_no=66 \
                          BEGIN SELECT RAISE(ABORT, 'no 66'); END";

/// Makes the database refuse log lines that have this in this column, and take them again.
fn refuses_lines(column: &str, text: &str) -> [String; 2] {
    let refuse = format!(
        "CREATE TRIGGER no_{column} BEFORE INSERT ON logs WHEN new.{column}='{text}' \
         BEGIN SELECT RAISE(ABORT, 'no {text}'); END"
    );
    [refuse, format!("DROP TRIGGER no_{column}")]
}
