-- Staged PDUs say what they wait for in full. `waits_for` are missing predecessors, `waits_auth` missing auth events, `awaits_groups` states (a JSON
-- array of group numbers) that are being resolved. `fetched`: this server asked for it, so it does not count against what its origin may have
-- waiting. `refusal`: it is to be stored as rejected, and why.
ALTER TABLE staged ADD COLUMN waits_auth TEXT NOT NULL DEFAULT '[]';
ALTER TABLE staged ADD COLUMN awaits_groups TEXT NOT NULL DEFAULT '[]';
ALTER TABLE staged ADD COLUMN fetched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staged ADD COLUMN refusal TEXT;

-- States before events whose predecessors are not here, as another server told them and as far as the rules allow them.
CREATE TABLE claimed_states (
  event_id TEXT PRIMARY KEY,
  gid INTEGER NOT NULL
) WITHOUT ROWID;

-- Resolutions under way: `inputs` as in `resolutions`, `cursor` as far as it has come (JSON), empty at the beginning.
CREATE TABLE resolving (
  inputs TEXT PRIMARY KEY,
  cursor TEXT NOT NULL
) WITHOUT ROWID;

-- 0: some of the state's events could not be had. What is built on such a state is not complete either, and is not told to other servers.
ALTER TABLE state_groups ADD COLUMN complete INTEGER NOT NULL DEFAULT 1;

-- Attempts at fetching what is missing, and when the next may be made.
ALTER TABLE gaps ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gaps ADD COLUMN retry_ts INTEGER NOT NULL DEFAULT 0;

-- One row once history is here that not every later member may read, whatever current state has ever said.
CREATE TABLE restricted_past (
  one INTEGER PRIMARY KEY CHECK (one = 1)
);
