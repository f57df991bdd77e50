-- Version 3. Released steps never change.
CREATE TABLE secrets(name text COLLATE "C" NOT NULL PRIMARY KEY, sealed bytea NOT NULL, key_id bytea NOT NULL, kind text NOT NULL,
  note text, changed_at bigint NOT NULL);
