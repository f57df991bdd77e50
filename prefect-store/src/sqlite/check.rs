//! Looking at a database as a whole.
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::errors::AtPath;
use crate::{Checkup, Location, StoreError};

/// So many damages are told: one tends to bring many.
const DAMAGES: usize = 20;

pub(super) fn check(connection: &Connection, at: &Location) -> Result<Checkup, StoreError> {
    let size = |ending: &str| {
        let mut file = at.path().unwrap_or(Path::new("")).as_os_str().to_owned();
        file.push(ending);
        fs::metadata(file).map_or(0, |file| file.len())
    };
    let mut found = Damage(Vec::new());
    let looked = read(connection, at, &format!("PRAGMA integrity_check({DAMAGES})"), &mut found.0, |row| row.get(0));
    found.or_told(looked)?;
    found.0.retain(|line| line != "ok");
    let looked = read(connection, at, "PRAGMA foreign_key_check", &mut found.0, |row| {
        Ok(format!("a row of {} names one of {} that is not there", row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    });
    found.or_told(looked)?;
    let mut number = |sql: &str| found.or_told(connection.query_row(sql, [], |row| row.get::<_, u64>(0)).at(at));
    let (pages, free, page) =
        (number("PRAGMA page_count")?, number("PRAGMA freelist_count")?, number("PRAGMA page_size")?);
    let checkup = Checkup {
        version: connection.pragma_query_value(None, "user_version", |row| row.get(0)).at(at)?,
        engine: format!("SQLite {}", rusqlite::version()),
        database: size(""),
        log: Some(size("-wal")),
        used: pages.saturating_sub(free) * page,
        unused: Some(free * page),
        runs: number("SELECT count(*) FROM flow_runs")?,
        task_runs: number("SELECT count(*) FROM task_runs")?,
        transitions: number("SELECT count(*) FROM transitions")?,
        damage: Vec::new(),
    };
    let Damage(mut damage) = found;
    damage.dedup();
    damage.truncate(DAMAGES);
    Ok(Checkup { damage, ..checkup })
}

/// What is damaged, as far as it is known.
struct Damage(Vec<String>);

impl Damage {
    /// What cannot be read because of damage is one more, and nothing is had of it: what was found before is told all the same.
    fn or_told<T: Default>(&mut self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        match read {
            Err(StoreError::Corrupt { reason, .. }) => {
                self.0.push(reason);
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// Adds what a statement says, up to where it cannot go on.
fn read(
    connection: &Connection,
    at: &Location,
    sql: &str,
    into: &mut Vec<String>,
    line: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<String>,
) -> Result<(), StoreError> {
    let mut query = connection.prepare(sql).at(at)?;
    for line in query.query_map([], line).at(at)? {
        into.push(line.at(at)?);
    }
    Ok(())
}
