-- Version 4. Released steps never change.
-- `dest`: to whom, in the words of `kind`. `epoch` and `ticket`: which one of an owner's; none for what the store wrote itself.
-- `changes`: of how many changes it tells; `attempts`: how many processes have taken it.
ALTER TABLE outbox ADD COLUMN dest TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN task_no INTEGER NOT NULL DEFAULT -1;
ALTER TABLE outbox ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN epoch INTEGER;
ALTER TABLE outbox ADD COLUMN ticket INTEGER;
ALTER TABLE outbox ADD COLUMN changes INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN changed_at INTEGER;
ALTER TABLE outbox ADD COLUMN last_error TEXT;
CREATE UNIQUE INDEX outbox_ticket ON outbox(run_no, epoch, ticket);
-- What has caused the changes that one notification tells of together.
CREATE TABLE outbox_causes(run_no INTEGER NOT NULL, epoch INTEGER NOT NULL, ticket INTEGER NOT NULL, cause TEXT NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY(run_no, epoch, ticket, cause)) WITHOUT ROWID, STRICT;
-- What is sent, and to whom, when a run loses its owner.
CREATE TABLE crash_notices(run_no INTEGER NOT NULL, kind TEXT NOT NULL, dest TEXT NOT NULL, payload TEXT NOT NULL,
  PRIMARY KEY(run_no, kind, dest)) WITHOUT ROWID, STRICT;
