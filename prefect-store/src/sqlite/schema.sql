-- Version 1. Released steps never change.
-- Times are microseconds since 1970; states are the numbers of `StateCode`.
CREATE TABLE flows(flow_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
-- Each graph once, for all runs that have it; `slugs` is a JSON array, and a task's number its place there.
CREATE TABLE graphs(hash BLOB NOT NULL PRIMARY KEY, body TEXT NOT NULL, slugs TEXT NOT NULL) STRICT;
-- Those that own runs now. AUTOINCREMENT: a number is never given out again, and so is no run's.
CREATE TABLE processes(proc_no INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, host TEXT NOT NULL,
  boot_id TEXT NOT NULL, pid INTEGER NOT NULL, lease_until INTEGER NOT NULL) STRICT;
-- `proc_no` and `epoch` are the fence; `last_seq` is the last transition.
CREATE TABLE flow_runs(run_no INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
  flow_no INTEGER NOT NULL REFERENCES flows, name TEXT NOT NULL, state INTEGER NOT NULL, version INTEGER NOT NULL,
  message TEXT, params TEXT NOT NULL, graph_hash BLOB NOT NULL REFERENCES graphs,
  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
  proc_no INTEGER REFERENCES processes, epoch INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
  n_ok INTEGER NOT NULL DEFAULT 0, n_failed INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX flow_runs_flow ON flow_runs(flow_no, run_no);
CREATE INDEX flow_runs_state ON flow_runs(state, run_no);
CREATE INDEX flow_runs_name ON flow_runs(name);
CREATE INDEX flow_runs_short ON flow_runs(substr(id, 13));
CREATE INDEX flow_runs_owned ON flow_runs(proc_no) WHERE proc_no IS NOT NULL;
-- No row: Pending, and never anything else. `map_index` is -1 for what is no child. A `codec` without `result`: the result is
-- large, and in the next table.
CREATE TABLE task_runs(run_no INTEGER NOT NULL, task_no INTEGER NOT NULL, map_index INTEGER NOT NULL,
  state INTEGER NOT NULL, version INTEGER NOT NULL, attempt INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER,
  message TEXT, codec INTEGER, result BLOB, detail TEXT, PRIMARY KEY(run_no, task_no, map_index)) WITHOUT ROWID, STRICT;
CREATE TABLE results(run_no INTEGER NOT NULL, task_no INTEGER NOT NULL, map_index INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY(run_no, task_no, map_index)) STRICT;
-- `task_no` is -1 for the flow run.
CREATE TABLE transitions(run_no INTEGER NOT NULL, seq INTEGER NOT NULL, task_no INTEGER NOT NULL,
  map_index INTEGER NOT NULL, version INTEGER NOT NULL, attempt INTEGER NOT NULL, state INTEGER NOT NULL,
  at INTEGER NOT NULL, message TEXT, PRIMARY KEY(run_no, seq)) WITHOUT ROWID, STRICT;
-- Notifications to send. `status`: 0 waits, 1 is being sent by `proc_no`, 2 is sent, 3 is given up.
CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, run_no INTEGER NOT NULL, kind TEXT NOT NULL,
  payload TEXT NOT NULL, status INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL, proc_no INTEGER) STRICT;
CREATE INDEX outbox_due ON outbox(not_before) WHERE status = 0;
CREATE INDEX outbox_claimed ON outbox(proc_no) WHERE proc_no IS NOT NULL;
-- Who has which place of a limit on task runs.
CREATE TABLE slots(tag TEXT NOT NULL, slot INTEGER NOT NULL, run_no INTEGER NOT NULL, task_no INTEGER NOT NULL,
  map_index INTEGER NOT NULL, proc_no INTEGER NOT NULL REFERENCES processes, PRIMARY KEY(tag, slot)) WITHOUT ROWID, STRICT;
CREATE INDEX slots_owned ON slots(proc_no);
-- Each moment of a schedule once, whoever makes its run.
CREATE TABLE ticks(schedule TEXT NOT NULL, tick_at INTEGER NOT NULL, run_no INTEGER,
  PRIMARY KEY(schedule, tick_at)) WITHOUT ROWID, STRICT;
