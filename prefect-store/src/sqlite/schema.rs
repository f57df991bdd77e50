//! The tables, and how those of an older release become those of this one.
use rusqlite::Connection;

use super::errors::AtPath;
use super::turn::TurnFile;
use crate::{Location, StoreError};

/// What tells our databases from others: "Prft".
const APPLICATION: i64 = 0x5072_6674;

/// Step `n` makes tables of version `n + 1` from those of version `n`. Released steps never change.
const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("cancels.sql"),
    include_str!("secrets.sql"),
    include_str!("outbox.sql"),
    include_str!("schedules.sql"),
    include_str!("logs.sql"),
    include_str!("pruned.sql"),
    include_str!("limits.sql"),
    include_str!("upkeep.sql"),
];

/// The version of this release.
#[allow(clippy::cast_possible_wrap, reason = "a handful")]
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has no tables, and belongs to nobody.
    Empty,
    /// Ours, of this version.
    Ours(i64),
}

/// Looks what a file is. Refuses what is not ours, before anything is written.
pub(super) fn look(connection: &Connection, at: &Location) -> Result<Found, StoreError> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).at(at);
    let application = number("application_id")?;
    let version = number("user_version")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).at(at)?;
    match (application, version) {
        (APPLICATION, found) if found > VERSION => Err(StoreError::Newer { at: at.clone(), found, known: VERSION }),
        (APPLICATION, found) if found > 0 => Ok(Found::Ours(found)),
        (0, 0) if tables == 0 => Ok(Found::Empty),
        _ => Err(StoreError::Foreign(at.clone())),
    }
}

/// Makes the tables those of this release. The turn is taken, and what was found looked at again: others open it too.
pub(super) fn bring_up(connection: &Connection, at: &Location, turn: &TurnFile) -> Result<(), StoreError> {
    let _turn = turn.wait()?;
    let version = match look(connection, at)? {
        Found::Ours(version) => version,
        Found::Empty => {
            // Before the first page is written; it has no effect later.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").at(at)?;
            let mode: String =
                connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).at(at)?;
            if mode != "wal" {
                return Err(StoreError::CannotOpen {
                    at: at.clone(),
                    reason: format!("its journal stays `{mode}`, and several processes need `wal`"),
                });
            }
            0
        }
    };
    let steps = usize::try_from(version).unwrap_or(0)..STEPS.len();
    if steps.is_empty() {
        return Ok(());
    }
    let steps = STEPS[steps].concat();
    let sql =
        format!("BEGIN IMMEDIATE; {steps} PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION}; COMMIT;");
    let done = connection.execute_batch(&sql).at(at);
    if done.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}
