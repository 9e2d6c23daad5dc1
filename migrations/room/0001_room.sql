-- One row: what the room is and where it stands. `extremities` is a JSON array of event numbers. Positions up to `reserved_pos` may have been
-- handed out in memory; a restarted room continues above it.
CREATE TABLE room (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  room_id TEXT NOT NULL,
  version TEXT NOT NULL,
  generation TEXT NOT NULL,
  life TEXT NOT NULL,
  head_pos INTEGER NOT NULL,
  reserved_pos INTEGER NOT NULL,
  extremities TEXT NOT NULL,
  current_group INTEGER NOT NULL,
  created_ts INTEGER NOT NULL
);

-- Every event once. `nid` is its number inside this database. `envelope` holds the PDU's fields that clients do not see, as JSON.
-- `pos` is set for events that came live; `ord` orders pagination (live: pos × 2^20) and is absent for outliers, rejected and soft-failed events.
-- `replaces` is the state event that stood under the same key before it.
-- `txn` is the JSON array [device, endpoint, transaction ID] of a local send.
CREATE TABLE events (
  nid INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  state_key TEXT,
  sender TEXT NOT NULL,
  content TEXT NOT NULL,
  origin_server_ts INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  group_before INTEGER NOT NULL,
  group_after INTEGER NOT NULL,
  status INTEGER NOT NULL DEFAULT 0,
  pos INTEGER,
  ord INTEGER,
  replaces INTEGER,
  redacted_by INTEGER,
  txn TEXT
);
CREATE UNIQUE INDEX events_ord ON events (ord) WHERE ord IS NOT NULL;
CREATE UNIQUE INDEX events_txn ON events (sender, txn) WHERE txn IS NOT NULL;

-- What a redaction took away, until its retention ends.
CREATE TABLE redacted_originals (
  nid INTEGER PRIMARY KEY,
  content TEXT NOT NULL,
  envelope TEXT NOT NULL,
  redacted_ts INTEGER NOT NULL
);

-- (type, state_key) pairs as numbers.
CREATE TABLE state_keys (
  kid INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  state_key TEXT NOT NULL,
  UNIQUE (type, state_key)
);

-- Immutable states as chains of layers: a group's own entries shadow those of its parent. `size` counts its own entries.
CREATE TABLE state_groups (
  gid INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,
  size INTEGER NOT NULL,
  chain INTEGER NOT NULL
);

-- Entries of a layer, sorted by key number: pairs of 32-bit little-endian (kid, nid), at most 2,048 pairs a chunk.
CREATE TABLE state_chunks (
  gid INTEGER NOT NULL,
  first_kid INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (gid, first_kid)
) WITHOUT ROWID;

CREATE TABLE current_state (
  kid INTEGER PRIMARY KEY,
  nid INTEGER NOT NULL
);

-- How current state moved: by an event or by a resolution. `old_nid`/`new_nid` are 0 for "none".
CREATE TABLE state_log (
  kid INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  old_nid INTEGER NOT NULL,
  new_nid INTEGER NOT NULL,
  PRIMARY KEY (kid, pos)
) WITHOUT ROWID;
CREATE INDEX state_log_pos ON state_log (pos);

-- Current memberships. `pos` is that of the latest change. `local` is 1 for this server's users.
CREATE TABLE members (
  user_id TEXT PRIMARY KEY,
  membership TEXT NOT NULL,
  local INTEGER NOT NULL,
  nid INTEGER NOT NULL,
  pos INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX members_membership ON members (membership, local);

CREATE TABLE receipts (
  user_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  thread TEXT NOT NULL,
  event_id TEXT NOT NULL,
  ts INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  PRIMARY KEY (user_id, kind, thread)
) WITHOUT ROWID;
CREATE INDEX receipts_pos ON receipts (pos);

-- Own-membership notices to local users, until the user has committed them. IDs are never used again: an acknowledgement that comes late or twice must
-- not touch another notice.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL,
  notice TEXT NOT NULL
);

-- Deferred work of this object, multiplexed on its one alarm.
CREATE TABLE due (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
