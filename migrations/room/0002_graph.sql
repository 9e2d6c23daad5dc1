-- Resolutions of several states into one: a function of immutable groups, so computed once. `inputs` is a JSON array of group numbers, sorted.
CREATE TABLE resolutions (
  inputs TEXT PRIMARY KEY,
  gid INTEGER NOT NULL
) WITHOUT ROWID;

-- Redactions whose target has not arrived.
CREATE TABLE pending_redactions (
  target TEXT NOT NULL,
  nid INTEGER NOT NULL,
  PRIMARY KEY (target, nid)
) WITHOUT ROWID;

-- Received PDUs that wait for events they refer to. `waits_for` is a JSON array of event IDs.
CREATE TABLE staged (
  event_id TEXT PRIMARY KEY,
  origin TEXT NOT NULL,
  pdu TEXT NOT NULL,
  waits_for TEXT NOT NULL,
  received_ts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX staged_origin ON staged (origin);
