-- A room that was joined without most of its members (docs/design/partial-state.md), until their state has come and after. `event_id` is the join, `state_pos` the
-- position as of which the state before it is written, `via` the server that let us in, `completed_pos` the position at which the state became whole; absent until then.
CREATE TABLE partial_room (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  event_id TEXT NOT NULL,
  state_pos INTEGER NOT NULL,
  via TEXT NOT NULL,
  filled INTEGER NOT NULL DEFAULT 0,
  completed_pos INTEGER
);

-- Other servers that are said to be in the room, while its members are not known.
CREATE TABLE resident_servers (
  server TEXT PRIMARY KEY
) WITHOUT ROWID;

-- States of which those before events are made, as other servers tell them: the state before `event_id` itself where `after_id` is empty, otherwise that after
-- this predecessor of it. `gid` is 0 while the state is still to be fetched. Kept while there are incomplete states.
CREATE TABLE told_states (
  event_id TEXT NOT NULL,
  after_id TEXT NOT NULL,
  gid INTEGER NOT NULL,
  PRIMARY KEY (event_id, after_id)
) WITHOUT ROWID;

-- Events with a place whose state before is incomplete, in the order in which they were placed. `refused`: rejected for a reason that no state changes.
CREATE TABLE incomplete_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  nid INTEGER NOT NULL UNIQUE,
  refused INTEGER NOT NULL DEFAULT 0
);
