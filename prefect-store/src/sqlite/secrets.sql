-- Version 3. Released steps never change.
-- `sealed` is opened by whoever has the key; `key_id` tells one key from another, and is the same in all rows.
CREATE TABLE secrets(name TEXT NOT NULL PRIMARY KEY, sealed BLOB NOT NULL, key_id BLOB NOT NULL, kind TEXT NOT NULL,
  note TEXT, changed_at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
