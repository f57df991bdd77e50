-- Version 4. Released steps never change.
ALTER TABLE outbox ADD COLUMN dest text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN task_no bigint NOT NULL DEFAULT -1,
  ADD COLUMN state bigint NOT NULL DEFAULT 0, ADD COLUMN epoch bigint, ADD COLUMN ticket bigint,
  ADD COLUMN changes bigint NOT NULL DEFAULT 1, ADD COLUMN created_at bigint NOT NULL DEFAULT 0,
  ADD COLUMN changed_at bigint, ADD COLUMN last_error text;
CREATE UNIQUE INDEX outbox_ticket ON outbox(run_no, epoch, ticket);
CREATE TABLE outbox_causes(run_no bigint NOT NULL, epoch bigint NOT NULL, ticket bigint NOT NULL,
  cause text COLLATE "C" NOT NULL, n bigint NOT NULL, PRIMARY KEY(run_no, epoch, ticket, cause));
CREATE TABLE crash_notices(run_no bigint NOT NULL, kind text NOT NULL, dest text NOT NULL, payload text NOT NULL,
  PRIMARY KEY(run_no, kind, dest));
