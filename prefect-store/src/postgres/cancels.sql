-- Version 2. Released steps never change.
CREATE TABLE cancels(run_no bigint PRIMARY KEY, asked_by text NOT NULL, at bigint NOT NULL);
