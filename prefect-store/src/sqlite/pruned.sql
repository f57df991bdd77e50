-- Released steps never change.
-- Runs that are removed: their rows go a little at a time, and whoever prunes next goes on with it.
CREATE TABLE pruned(run_no INTEGER PRIMARY KEY) STRICT;
