-- Version 2. Released steps never change.
-- Runs that somebody wants to end, while a process has them: that one looks here.
CREATE TABLE cancels(run_no INTEGER PRIMARY KEY, asked_by TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
