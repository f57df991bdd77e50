-- Version 9. Released steps never change.
CREATE INDEX flow_runs_graph ON flow_runs(graph_hash);
ALTER TABLE schedules ADD COLUMN ticks_gone bigint;
