-- Version 8. Released steps never change.
ALTER TABLE slots ADD COLUMN taking bigint NOT NULL DEFAULT 0, ADD COLUMN holder text;
CREATE TABLE slot_lines(tag text COLLATE "C" NOT NULL, proc_no bigint NOT NULL, since bigint NOT NULL, seen bigint NOT NULL,
  PRIMARY KEY(tag, proc_no));
CREATE TABLE rates(tag text COLLATE "C" NOT NULL PRIMARY KEY, next_at bigint NOT NULL);
