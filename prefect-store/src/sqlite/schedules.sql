-- Released steps never change.
-- Schedules that were served: what is said of them is for people. The row of a schedule is what its ticks are decided under.
CREATE TABLE schedules(schedule TEXT NOT NULL PRIMARY KEY, description TEXT NOT NULL, catch_up TEXT NOT NULL,
  overlap TEXT NOT NULL, since INTEGER NOT NULL, seen_at INTEGER NOT NULL, next_at INTEGER,
  paused_at INTEGER, paused_by TEXT, resumed_at INTEGER) WITHOUT ROWID, STRICT;
CREATE INDEX ticks_run ON ticks(run_no) WHERE run_no IS NOT NULL;
