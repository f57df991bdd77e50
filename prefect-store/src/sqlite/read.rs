//! Reading: connections of their own, one short query at a time, so that no reader holds up a checkpoint.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::errors::AtPath;
use super::open::{self, Access};
use super::rows::{RUN, TASK, recorded_line, result, run_row, state, task_row, transition};
use super::secrets::{SECRET, secret};
use super::{NO_INDEX, check, index_to_sql, reference};
use crate::{
    Checkup, LogFilter, LogPage, LogsOf, Options, RecordedGraph, RecordedLine, RunFilter, RunId, RunInput, RunRow,
    SealedSecret, StateCode, StoreError, StoredResult, TaskKey, TaskRow, Transition,
};

/// The connections that read.
pub(crate) struct Readers {
    path: PathBuf,
    access: Access,
    options: Options,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens the database, and makes it if it may be made.
    pub(crate) fn open(path: &Path, access: Access, options: &Options) -> Result<Self, StoreError> {
        let (path, connection) = open::open(path, access, options)?;
        connection.pragma_update(None, "query_only", true).at(&path)?;
        Ok(Self { path, access, options: options.clone(), idle: Mutex::new(vec![connection]) })
    }

    /// The database, without links in its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on a connection that nobody else uses meanwhile.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = open::connect(&self.path, self.access, &self.options)?;
                connection.pragma_update(None, "query_only", true).at(&self.path)?;
                connection
            }
        };
        let read = read(&connection);
        self.idle().push(connection);
        read
    }

    /// All rows of a query.
    fn all<T>(
        &self,
        connection: &Connection,
        sql: &str,
        params: &[&dyn ToSql],
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut query = connection.prepare_cached(sql).at(&self.path)?;
        let rows = query.query_map(params, row).and_then(Iterator::collect);
        rows.at(&self.path)
    }

    fn run_no(&self, connection: &Connection, run: RunId) -> Result<i64, StoreError> {
        let mut query = connection.prepare_cached("SELECT run_no FROM flow_runs WHERE id=?1").at(&self.path)?;
        let run_no = query.query_row([&run.as_bytes()[..]], |row| row.get(0)).optional().at(&self.path)?;
        run_no.ok_or_else(|| StoreError::UnknownRun { reference: run.to_string(), path: self.path.clone() })
    }

    pub(crate) fn run(&self, reference: &str) -> Result<RunRow, StoreError> {
        self.read(|connection| reference::find(connection, &self.path, reference))
    }

    pub(crate) fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.read(|connection| {
            let before = match filter.before {
                Some(run) => self.run_no(connection, run)?,
                None => i64::MAX,
            };
            let mut sql = format!("{RUN} WHERE run_no < ?1");
            let mut values: Vec<&dyn ToSql> = vec![&before, &filter.limit];
            if let Some(flow) = &filter.flow {
                sql.push_str(" AND flow_no = (SELECT flow_no FROM flows WHERE name = ?3)");
                values.push(flow);
            }
            if !filter.states.is_empty() {
                // Numbers, so there is nothing to escape.
                let states: Vec<_> = filter.states.iter().map(|state| state.number().to_string()).collect();
                sql = sql + " AND state IN (" + &states.join(", ") + ")";
            }
            sql.push_str(" ORDER BY run_no DESC LIMIT ?2");
            self.all(connection, &sql, &values, run_row)
        })
    }

    pub(crate) fn last_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.read(|connection| {
            // Flow by flow, each from the end of its part of the index.
            let sql = format!(
                "{RUN} WHERE run_no IN (SELECT (SELECT max(run_no) FROM flow_runs AS run WHERE run.flow_no = flows.flow_no) \
                 FROM flows) ORDER BY run_no DESC"
            );
            self.all(connection, &sql, &[], run_row)
        })
    }

    pub(crate) fn check(&self) -> Result<Checkup, StoreError> {
        self.read(|connection| check::check(connection, &self.path))
    }

    pub(crate) fn input(&self, run: RunId) -> Result<RunInput, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let sql =
                "SELECT params, hash, body, slugs FROM flow_runs JOIN graphs ON hash = graph_hash WHERE run_no=?1";
            let mut query = connection.prepare_cached(sql).at(&self.path)?;
            let (parameters, hash, text, slugs): (_, _, _, String) = query
                .query_row([run_no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .at(&self.path)?;
            let slugs = serde_json::from_str(&slugs).map_err(|error| StoreError::Corrupt {
                path: self.path.clone(),
                reason: format!("the slugs of run {run} cannot be read: {error}"),
            })?;
            Ok(RunInput { parameters, graph: RecordedGraph { hash, text, slugs } })
        })
    }

    pub(crate) fn task_runs(&self, run: RunId) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            // Task by task, so that the children between are stepped over and not read.
            let sql = format!(
                "WITH RECURSIVE task(no) AS (SELECT min(task_no) FROM task_runs WHERE run_no=?1 UNION ALL \
                 SELECT (SELECT min(task_no) FROM task_runs WHERE run_no=?1 AND task_no > no) FROM task WHERE no IS NOT NULL) \
                 SELECT {TASK} FROM task JOIN task_runs ON run_no=?1 AND task_no=no AND map_index={NO_INDEX} ORDER BY task_no"
            );
            self.all(connection, &sql, params![run_no], task_row)
        })
    }

    pub(crate) fn children(&self, run: RunId, task: u32, from: u32, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let sql = format!(
                "SELECT {TASK} FROM task_runs WHERE run_no=?1 AND task_no=?2 AND map_index >= ?3 \
                 ORDER BY map_index LIMIT ?4"
            );
            self.all(connection, &sql, params![run_no, task, from, limit], task_row)
        })
    }

    pub(crate) fn count_children(&self, run: RunId, task: u32) -> Result<Vec<(StateCode, u64)>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let sql = "SELECT state, count(*) FROM task_runs WHERE run_no=?1 AND task_no=?2 AND map_index >= 0 \
                       GROUP BY state ORDER BY state";
            self.all(connection, sql, params![run_no, task], |row| Ok((state(row, 0)?, row.get(1)?)))
        })
    }

    pub(crate) fn recorded(
        &self,
        run: RunId,
        after: Option<TaskKey>,
        limit: u32,
    ) -> Result<Vec<(TaskRow, Option<StoredResult>)>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let (task, index) = after.map_or((-1, 0), |key| (i64::from(key.task), index_to_sql(key.index)));
            let sql = format!(
                "SELECT {TASK}, result, (SELECT body FROM results r WHERE r.run_no=t.run_no AND r.task_no=t.task_no \
                 AND r.map_index=t.map_index) FROM task_runs t WHERE run_no=?1 AND (task_no, map_index) > (?2, ?3) \
                 ORDER BY task_no, map_index LIMIT ?4"
            );
            self.all(connection, &sql, params![run_no, task, index, limit], |row| Ok((task_row(row)?, result(row, 9)?)))
        })
    }

    pub(crate) fn result(&self, run: RunId, task: u32, index: Option<u32>) -> Result<Option<StoredResult>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let sql = "SELECT codec, result, body FROM task_runs LEFT JOIN results USING(run_no, task_no, map_index) \
                       WHERE run_no=?1 AND task_no=?2 AND map_index=?3";
            let mut query = connection.prepare_cached(sql).at(&self.path)?;
            let found = query.query_row(params![run_no, task, index_to_sql(index)], |row| result(row, 0)).optional();
            Ok(found.at(&self.path)?.flatten())
        })
    }

    pub(crate) fn transitions(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Transition>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let sql = "SELECT seq, task_no, map_index, version, attempt, state, at, message FROM transitions \
                       WHERE run_no=?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
            self.all(connection, sql, params![run_no, after, limit], transition)
        })
    }

    pub(crate) fn logs(&self, run: RunId, filter: &LogFilter) -> Result<Vec<RecordedLine>, StoreError> {
        self.read(|connection| {
            let run_no = self.run_no(connection, run)?;
            let level = filter.level.number();
            let (after, order, limit) = match filter.page {
                LogPage::After(line, limit) => (line, "", limit),
                LogPage::Last(limit) => (0, "DESC", limit),
            };
            let attempt = filter.attempt.map(i64::from);
            let (mut task, mut index) = (0, 0);
            let of = match filter.of {
                LogsOf::All => "",
                LogsOf::Task(of) => {
                    task = of;
                    "AND task_no=$5"
                }
                LogsOf::TaskRun(key) => {
                    (task, index) = (key.task, index_to_sql(key.index));
                    "AND task_no=$5 AND map_index=$6"
                }
            };
            let sql = format!(
                "SELECT line_no, task_no, map_index, attempt, at, level, target, message FROM logs WHERE run_no=$1 \
                 AND line_no > $2 AND level >= $3 AND ($4 IS NULL OR attempt=$4) {of} ORDER BY line_no {order} LIMIT {limit}"
            );
            let values: [&dyn ToSql; 6] = [&run_no, &after, &level, &attempt, &task, &index];
            let used = match filter.of {
                LogsOf::All => 4,
                LogsOf::Task(_) => 5,
                LogsOf::TaskRun(_) => 6,
            };
            let mut lines = self.all(connection, &sql, &values[..used], recorded_line)?;
            if let LogPage::Last(_) = filter.page {
                lines.reverse();
            }
            Ok(lines)
        })
    }

    pub(crate) fn secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(&format!("{SECRET} WHERE name=?1")).at(&self.path)?;
            query.query_row([name], secret).optional().at(&self.path)
        })
    }

    pub(crate) fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.read(|connection| self.all(connection, &format!("{SECRET} ORDER BY name"), &[], secret))
    }
}
