-- Version 6. Released steps never change.
CREATE TABLE logs(run_no bigint NOT NULL, line_no bigint NOT NULL, task_no bigint NOT NULL, map_index bigint NOT NULL,
  attempt bigint NOT NULL, at bigint NOT NULL, level bigint NOT NULL, target text NOT NULL, message text NOT NULL,
  PRIMARY KEY(run_no, line_no));
CREATE INDEX logs_task ON logs(run_no, task_no, map_index);
CREATE TABLE run_logs(run_no bigint PRIMARY KEY, last_line bigint NOT NULL, bytes bigint NOT NULL, last_at bigint NOT NULL);
