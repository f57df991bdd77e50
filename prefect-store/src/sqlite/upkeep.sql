-- Version 9. Released steps never change.
-- Which graphs no run has, and whether one is still needed, is looked up.
CREATE INDEX flow_runs_graph ON flow_runs(graph_hash);
-- Ticks up to here are decided, and the rows of those without a run are gone.
ALTER TABLE schedules ADD COLUMN ticks_gone INTEGER;
