-- Up to which item of each local user's outbox everything is queued here.
CREATE TABLE peer_positions (
  sender TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;

-- Local users' devices as far as the server was told of them: the number of the latest change that is or was in the queue.
CREATE TABLE told_devices (
  user_id TEXT PRIMARY KEY,
  stream_id INTEGER NOT NULL
) WITHOUT ROWID;

-- What local users must hear of the server's, in order, until they hold it durably. Same as in the database of a user.
CREATE TABLE peer_outbox (
  id INTEGER PRIMARY KEY,
  peer TEXT,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL
);
CREATE INDEX peer_outbox_by_peer ON peer_outbox (peer, id);
CREATE TABLE peer_heads (
  name TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;

-- Messages to devices that have come, by the ID that the server gave them.
CREATE TABLE received_messages (
  number INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE
);

-- Users of the server whose devices somebody here has asked for. `stream_id` is the change that the list stands at, NULL where it is not known;
-- `stale` = 1: there are changes that it does not have. `witness` is a JSON object: the room by which it is known that changes are heard of.
-- `master` and `self_signing` are JSON objects. `resyncs` counts recent attempts to fetch the list because of changes.
CREATE TABLE tracked_users (
  user_id TEXT PRIMARY KEY,
  stream_id INTEGER,
  stale INTEGER NOT NULL,
  master TEXT,
  self_signing TEXT,
  witness TEXT NOT NULL,
  resyncs INTEGER NOT NULL DEFAULT 0,
  resync_ts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX tracked_users_stale ON tracked_users (resync_ts) WHERE stale = 1;

-- Their devices: identity keys as a JSON object.
CREATE TABLE tracked_devices (
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  keys TEXT NOT NULL,
  PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

-- Local users who have asked for a user's devices since they last heard of a change.
CREATE TABLE device_readers (
  user_id TEXT NOT NULL,
  reader TEXT NOT NULL,
  PRIMARY KEY (user_id, reader)
) WITHOUT ROWID;

-- Rooms that users of the server have joined, as far as rooms of few servers have told. A hint: the room knows.
CREATE TABLE member_rooms (
  user_id TEXT NOT NULL,
  room_id TEXT NOT NULL,
  PRIMARY KEY (user_id, room_id)
) WITHOUT ROWID;

-- Users of whom a change has yet to be told, because there were too many changes.
CREATE TABLE untold_changes (
  user_id TEXT PRIMARY KEY
) WITHOUT ROWID;
