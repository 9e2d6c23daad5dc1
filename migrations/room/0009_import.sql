-- Events of a room that is being joined, as another server sent them: their signatures and hashes are checked, the rules are not. Read in order of
-- depth, which puts honest events behind what they rest on. Emptied when the join ends, however it ends.
CREATE TABLE import_staging (
  seq INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL,
  depth INTEGER NOT NULL,
  in_state INTEGER NOT NULL,
  pdu TEXT NOT NULL
);
CREATE INDEX import_staging_by_depth ON import_staging (depth, seq);
