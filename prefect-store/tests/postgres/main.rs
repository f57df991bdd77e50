//! The store on a PostgreSQL server: what all engines have to do alike (the tests of `tests/store`), and what is PostgreSQL's.
//!
//! `PREFECT_TEST_POSTGRES` is the URL of a server, without options, whose user may make schemas and roles:
//!
//!     scripts/with-postgres cargo test -p prefect-store --features postgres --test postgres
#![allow(unreachable_pub, clippy::pedantic, reason = "tests")]
mod away;
#[path = "../store/cancelled.rs"]
mod cancelled;
#[path = "../store/child.rs"]
mod child;
#[path = "../store/claims.rs"]
mod claims;
mod encrypted;
#[path = "../store/failing.rs"]
mod failing;
mod failover;
#[path = "../store/hammer.rs"]
mod hammer;
#[path = "../store/kept.rs"]
mod kept;
#[path = "../store/killed.rs"]
mod killed;
#[path = "../store/logs.rs"]
mod logs;
mod lost;
mod opened;
#[path = "../store/outbox.rs"]
mod outbox;
#[path = "../store/owners.rs"]
mod owners;
#[path = "../store/reading.rs"]
mod reading;
#[path = "../store/recording.rs"]
mod recording;
#[path = "../store/references.rs"]
mod references;
mod schema;
#[path = "../store/secrets.rs"]
mod secrets;
mod server;
#[path = "../store/slots.rs"]
mod slots;
#[path = "../store/support.rs"]
mod support;
#[path = "../store/ticks.rs"]
mod ticks;

/// A batch of one run is one statement.
const CALLS_OF_A_BATCH: u64 = 1;

/// About as many calls takes a process to do some work and be killed.
const CALLS_OF_A_PROCESS: u64 = 50;

/// Bytes as PostgreSQL reads them: `..` are their digits.
const BYTES: &str = "decode('..', 'hex')";

/// Makes the database refuse task runs of task 66.
const REFUSES_66: &str = "ALTER TABLE task_runs ADD CONSTRAINT no_66 CHECK (task_no <> 66)";

/// Makes the database refuse log lines that have this in this column, and take them again.
fn refuses_lines(column: &str, text: &str) -> [String; 2] {
    let refuse = format!("ALTER TABLE logs ADD CONSTRAINT no_{column} CHECK ({column} <> '{text}')");
    [refuse, format!("ALTER TABLE logs DROP CONSTRAINT no_{column}")]
}
