-- Version 7. Released steps never change.
CREATE TABLE pruned(run_no bigint PRIMARY KEY);
