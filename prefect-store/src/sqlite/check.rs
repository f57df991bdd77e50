//! Looking at a database as a whole.
use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::errors::AtPath;
use crate::{Checkup, Location, StoreError};

/// So many damages are told: one tends to bring many.
const DAMAGES: usize = 20;

pub(super) fn check(connection: &Connection, at: &Location) -> Result<Checkup, StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0)).at(at);
    let size = |ending: &str| {
        let mut file = at.path().unwrap_or(Path::new("")).as_os_str().to_owned();
        file.push(ending);
        fs::metadata(file).map_or(0, |file| file.len())
    };
    let mut damage = all(connection, at, &format!("PRAGMA integrity_check({DAMAGES})"), |row| row.get(0))?;
    damage.retain(|line: &String| line != "ok");
    let lost = all(connection, at, "PRAGMA foreign_key_check", |row| {
        Ok(format!("a row of {} names one of {} that is not there", row.get::<_, String>(0)?, row.get::<_, String>(2)?))
    })?;
    damage.extend(lost);
    damage.dedup();
    damage.truncate(DAMAGES);
    Ok(Checkup {
        version: connection.pragma_query_value(None, "user_version", |row| row.get(0)).at(at)?,
        engine: format!("SQLite {}", rusqlite::version()),
        database: size(""),
        log: Some(size("-wal")),
        used: (number("PRAGMA page_count")? - number("PRAGMA freelist_count")?) * number("PRAGMA page_size")?,
        unused: Some(number("PRAGMA freelist_count")? * number("PRAGMA page_size")?),
        runs: number("SELECT count(*) FROM flow_runs")?,
        task_runs: number("SELECT count(*) FROM task_runs")?,
        transitions: number("SELECT count(*) FROM transitions")?,
        damage,
    })
}

fn all<T>(
    connection: &Connection,
    at: &Location,
    sql: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut query = connection.prepare(sql).at(at)?;
    let rows = query.query_map([], row).and_then(Iterator::collect);
    rows.at(at)
}
