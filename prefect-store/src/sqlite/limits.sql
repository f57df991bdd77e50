-- Version 5. Released steps never change.
-- Which taking of a place it is, by a number that a process gives out once; and who has it, for people.
ALTER TABLE slots ADD COLUMN taking INTEGER NOT NULL DEFAULT 0;
ALTER TABLE slots ADD COLUMN holder TEXT;
-- Processes that wait for a place: since when, and when they said so last.
CREATE TABLE slot_lines(tag TEXT NOT NULL, proc_no INTEGER NOT NULL, since INTEGER NOT NULL, seen INTEGER NOT NULL,
  PRIMARY KEY(tag, proc_no)) WITHOUT ROWID, STRICT;
-- When the next one may start.
CREATE TABLE rates(tag TEXT NOT NULL PRIMARY KEY, next_at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
