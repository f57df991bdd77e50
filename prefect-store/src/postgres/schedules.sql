-- Version 5. Released steps never change.
CREATE TABLE schedules(schedule text COLLATE "C" NOT NULL PRIMARY KEY, description text NOT NULL, catch_up text NOT NULL,
  overlap text NOT NULL, since bigint NOT NULL, seen_at bigint NOT NULL, next_at bigint,
  paused_at bigint, paused_by text, resumed_at bigint);
CREATE INDEX ticks_run ON ticks(run_no) WHERE run_no IS NOT NULL;
