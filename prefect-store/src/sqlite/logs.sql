-- Released steps never change.
-- The log lines of runs. `task_no` and `attempt` are -1 and 0 for the flow run, `map_index` is -1 for what is no child.
CREATE TABLE logs(run_no INTEGER NOT NULL, line_no INTEGER NOT NULL, task_no INTEGER NOT NULL, map_index INTEGER NOT NULL,
  attempt INTEGER NOT NULL, at INTEGER NOT NULL, level INTEGER NOT NULL, target TEXT NOT NULL, message TEXT NOT NULL,
  PRIMARY KEY(run_no, line_no)) WITHOUT ROWID, STRICT;
CREATE INDEX logs_task ON logs(run_no, task_no, map_index);
-- How many lines a run has had, how large those are that are left, and when the last one was written.
CREATE TABLE run_logs(run_no INTEGER PRIMARY KEY, last_line INTEGER NOT NULL, bytes INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
