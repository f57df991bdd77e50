//! Reading: connections of their own, one short query at a time, so that no reader holds up a checkpoint.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::outbox::{NOTIFICATION, UNSENT, notification};
use super::rows::{LINE, RUN, TASK, recorded_line, result, run_row, state, task_row, transition};
use super::secrets::{SECRET, secret};
use super::ticks::{SCHEDULE, TICKS, schedule, tick};
use super::{Connection, NO_INDEX, Value, index_to_sql, prune, reference, slots, values};
use crate::backend::Backend;
use crate::{
    Checkup, DecidedTick, Listed, Location, LogFilter, LogPage, LogsOf, Micros, NotificationRow, Prunable, Prune,
    RecordedGraph, RecordedLine, RunFilter, RunId, RunInput, RunRow, ScheduleRow, SealedSecret, SlotRow, StateCode,
    StoreError, StoredResult, TaskKey, TaskRow, Transition, texts,
};

/// What a store may do with its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// So many connections are kept for the next time: those of a server are counted there.
const IDLE: usize = 4;

/// A connection that reads.
pub(crate) type Reader = Box<dyn Connection>;

/// Where connections come from.
pub(crate) trait Source: Send + Sync {
    /// The database, for messages.
    fn location(&self) -> &Location;

    /// The folder in which processes show that they live.
    fn locks(&self) -> PathBuf;

    fn connect(&self) -> Result<Reader, StoreError>;

    /// The connection of the thread that writes.
    fn writer(&self) -> Result<Box<dyn Backend>, StoreError>;

    /// Bytes that the database takes on the disk.
    fn size(&self) -> Result<u64, StoreError>;

    /// Copies the database into a new file, as it is now; gives the size of that. `tell` hears how many bytes are copied, and
    /// of how many.
    fn backup(&self, file: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError>;
}

/// The connections that read.
pub(crate) struct Readers {
    source: Box<dyn Source>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(crate) fn new(source: Box<dyn Source>, first: Reader) -> Self {
        Self { source, idle: Mutex::new(vec![first]) }
    }

    pub(crate) fn source(&self) -> &dyn Source {
        &*self.source
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on a connection that nobody else uses meanwhile.
    fn read<T>(&self, read: impl FnOnce(&mut dyn Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.source.connect()?,
        };
        let read = read(&mut *connection);
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        read
    }

    /// Reads what there is of a run.
    fn read_of<T>(
        &self,
        run: RunId,
        read: impl FnOnce(&mut dyn Connection, i64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|connection| {
            let run_no = run_no(connection, run)?;
            read(connection, run_no)
        })
    }

    pub(crate) fn run(&self, reference: &str) -> Result<RunRow, StoreError> {
        self.read(|connection| reference::find(connection, reference))
    }

    pub(crate) fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.read(|connection| {
            let before = match filter.before {
                Some(run) => run_no(connection, run)?,
                None => i64::MAX,
            };
            let mut sql = format!("{RUN} WHERE run_no < $1");
            let mut values: Vec<Value<'_>> = vec![before.into()];
            let flow = filter.flow.as_deref().map(texts::name);
            if let Some(flow) = &flow {
                sql.push_str(" AND flow_no = (SELECT flow_no FROM flows WHERE name = $2)");
                values.push((&**flow).into());
            }
            if !filter.states.is_empty() {
                // Numbers, so there is nothing to escape.
                let states: Vec<_> = filter.states.iter().map(|state| state.number().to_string()).collect();
                sql = sql + " AND state IN (" + &states.join(", ") + ")";
            }
            sql = sql + " ORDER BY run_no DESC LIMIT " + &filter.limit.to_string();
            connection.all(&sql, &values, run_row)
        })
    }

    pub(crate) fn count_prunable(&self, prune: &Prune) -> Result<Prunable, StoreError> {
        self.read(|connection| prune::count(connection, prune))
    }

    pub(crate) fn last_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.read(|connection| {
            // Flow by flow, each from the end of its part of the index.
            let sql = format!(
                "{RUN} WHERE run_no IN (SELECT (SELECT max(run_no) FROM flow_runs AS run WHERE run.flow_no = flows.flow_no) \
                 FROM flows) ORDER BY run_no DESC"
            );
            connection.all(&sql, &[], run_row)
        })
    }

    pub(crate) fn check(&self) -> Result<Checkup, StoreError> {
        self.read(|connection| connection.check())
    }

    pub(crate) fn input(&self, run: RunId) -> Result<RunInput, StoreError> {
        self.read_of(run, |connection, run_no| {
            let sql =
                "SELECT params, hash, body, slugs FROM flow_runs JOIN graphs ON hash = graph_hash WHERE run_no=$1";
            let found = connection.find(sql, &values![run_no], |row| {
                Ok((row.take(0)?, row.take(1)?, row.take(2)?, row.take::<String>(3)?))
            })?;
            let Some((parameters, hash, text, slugs)) = found else { return Err(unknown(connection, run)) };
            let slugs = serde_json::from_str(&slugs).map_err(|error| StoreError::Corrupt {
                at: connection.location().clone(),
                reason: format!("the slugs of run {run} cannot be read: {error}"),
            })?;
            Ok(RunInput { parameters, graph: RecordedGraph { hash, text, slugs } })
        })
    }

    pub(crate) fn task_runs(&self, run: RunId) -> Result<Vec<TaskRow>, StoreError> {
        self.read_of(run, |connection, run_no| {
            // Task by task, so that the children between are stepped over and not read.
            let sql = format!(
                "WITH RECURSIVE task(no) AS (SELECT min(task_no) FROM task_runs WHERE run_no=$1 UNION ALL \
                 SELECT (SELECT min(task_no) FROM task_runs WHERE run_no=$1 AND task_no > no) FROM task WHERE no IS NOT NULL) \
                 SELECT {TASK} FROM task JOIN task_runs ON run_no=$1 AND task_no=no AND map_index={NO_INDEX} ORDER BY task_no"
            );
            connection.all(&sql, &values![run_no], |row| Ok(task_row(row)?.0))
        })
    }

    pub(crate) fn children(&self, run: RunId, task: u32, from: u32, limit: u32) -> Result<Vec<TaskRow>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let sql = format!(
                "SELECT {TASK} FROM task_runs WHERE run_no=$1 AND task_no=$2 AND map_index >= $3 \
                 ORDER BY map_index LIMIT $4"
            );
            connection.all(&sql, &values![run_no, task, from, limit], |row| Ok(task_row(row)?.0))
        })
    }

    pub(crate) fn count_children(&self, run: RunId, task: u32) -> Result<Vec<(StateCode, u64)>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let sql = "SELECT state, count(*) FROM task_runs WHERE run_no=$1 AND task_no=$2 AND map_index >= 0 \
                       GROUP BY state ORDER BY state";
            connection.all(sql, &values![run_no, task], |row| Ok((state(row, 0)?, row.take(1)?)))
        })
    }

    pub(crate) fn recorded(
        &self,
        run: RunId,
        after: Option<TaskKey>,
        limit: u32,
    ) -> Result<Vec<(TaskRow, Option<StoredResult>)>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let (task, index) = after.map_or((-1, 0), |key| (i64::from(key.task), index_to_sql(key.index)));
            let sql = format!(
                "SELECT {TASK}, result, (SELECT body FROM results r WHERE r.run_no=t.run_no AND r.task_no=t.task_no \
                 AND r.map_index=t.map_index) FROM task_runs t WHERE run_no=$1 AND (task_no, map_index) > ($2, $3) \
                 ORDER BY task_no, map_index LIMIT $4"
            );
            connection.all(&sql, &values![run_no, task, index, limit], |row| {
                let (task, codec) = task_row(row)?;
                Ok((task, result(row, codec, 10)?))
            })
        })
    }

    pub(crate) fn result(&self, run: RunId, task: u32, index: Option<u32>) -> Result<Option<StoredResult>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let sql = "SELECT codec, result, body FROM task_runs LEFT JOIN results USING(run_no, task_no, map_index) \
                       WHERE run_no=$1 AND task_no=$2 AND map_index=$3";
            let found = connection.find(sql, &values![run_no, task, index_to_sql(index)], |row| {
                let codec = row.take(0)?;
                result(row, codec, 1)
            })?;
            Ok(found.flatten())
        })
    }

    pub(crate) fn transitions(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Transition>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let sql = "SELECT seq, task_no, map_index, version, attempt, state, at, message FROM transitions \
                       WHERE run_no=$1 AND seq > $2 ORDER BY seq LIMIT $3";
            connection.all(sql, &values![run_no, after, limit], transition)
        })
    }

    pub(crate) fn logs(&self, run: RunId, filter: &LogFilter) -> Result<Vec<RecordedLine>, StoreError> {
        self.read_of(run, |connection, run_no| {
            let (after, order, limit) = match filter.page {
                LogPage::After(line, limit) => (line, "", limit),
                LogPage::Last(limit) => (0, "DESC", limit),
            };
            let mut sql = format!("SELECT {LINE} FROM logs WHERE run_no=$1 AND line_no > $2 AND level >= $3");
            let mut values: Vec<Value<'_>> = values![run_no, after, u32::from(filter.level.number())].into();
            let mut also = |column: &str, value: Value<'static>| {
                values.push(value);
                sql = format!("{sql} AND {column}=${}", values.len());
            };
            if let Some(attempt) = filter.attempt {
                also("attempt", attempt.into());
            }
            match filter.of {
                LogsOf::All => {}
                LogsOf::Task(task) => also("task_no", task.into()),
                LogsOf::TaskRun(key) => {
                    also("task_no", key.task.into());
                    also("map_index", index_to_sql(key.index).into());
                }
            }
            let mut lines =
                connection.all(&format!("{sql} ORDER BY line_no {order} LIMIT {limit}"), &values, recorded_line)?;
            if let LogPage::Last(_) = filter.page {
                lines.reverse();
            }
            Ok(lines)
        })
    }

    pub(crate) fn notifications(&self, listed: Listed) -> Result<Vec<NotificationRow>, StoreError> {
        self.read(|connection| {
            let unsent = if listed == Listed::Unsent { format!("WHERE {UNSENT}") } else { String::new() };
            connection.all(&format!("{NOTIFICATION} {unsent} ORDER BY outbox.id"), &[], notification)
        })
    }

    pub(crate) fn due_notifications(&self, now: Micros) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT DISTINCT kind, dest FROM outbox WHERE status=0 AND not_before<=$1 ORDER BY kind, dest";
            connection.all(sql, &values![now], |row| Ok((row.take(0)?, row.take(1)?)))
        })
    }

    /// Schedules with the last of their ticks up to this moment; all, or the one of this name.
    pub(crate) fn schedules(&self, name: Option<&str>, until: Micros) -> Result<Vec<ScheduleRow>, StoreError> {
        self.read(|connection| match name {
            Some(name) => connection.all(&format!("{SCHEDULE} WHERE s.schedule=$2"), &values![until, name], schedule),
            None => connection.all(&format!("{SCHEDULE} ORDER BY s.schedule"), &values![until], schedule),
        })
    }

    pub(crate) fn ticks(&self, schedule: &str, limit: u32) -> Result<Vec<DecidedTick>, StoreError> {
        self.read(|connection| connection.all(TICKS, &values![schedule, limit], tick))
    }

    pub(crate) fn secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        self.read(|connection| connection.find(&format!("{SECRET} WHERE name=$1"), &values![name], secret))
    }

    pub(crate) fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        self.read(slots::all)
    }

    pub(crate) fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        self.read(|connection| connection.all(&format!("{SECRET} ORDER BY name"), &[], secret))
    }
}

fn unknown(connection: &dyn Connection, run: RunId) -> StoreError {
    StoreError::UnknownRun { reference: run.to_string(), at: connection.location().clone() }
}

fn run_no(connection: &mut dyn Connection, run: RunId) -> Result<i64, StoreError> {
    let run_no = connection.find("SELECT run_no FROM flow_runs WHERE id=$1", &values![&run], |row| row.take(0))?;
    run_no.ok_or_else(|| unknown(connection, run))
}
