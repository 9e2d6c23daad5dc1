-- Identity keys of devices, as uploaded: a JSON object without `unsigned`.
CREATE TABLE device_keys (
  device_id TEXT PRIMARY KEY,
  keys TEXT NOT NULL
) WITHOUT ROWID;

-- One-time keys in order of upload. A key that was handed out stays for a while, so that an upload which is repeated cannot bring it back.
CREATE TABLE one_time_keys (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  key_id TEXT NOT NULL,
  key TEXT NOT NULL,
  claimed INTEGER NOT NULL DEFAULT 0,
  UNIQUE (device_id, algorithm, key_id)
);
CREATE INDEX one_time_keys_unclaimed ON one_time_keys (device_id, algorithm, id) WHERE claimed = 0;

-- One fallback key for each algorithm of a device; `used` once it was handed out.
CREATE TABLE fallback_keys (
  device_id TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  key_id TEXT NOT NULL,
  key TEXT NOT NULL,
  used INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (device_id, algorithm)
) WITHOUT ROWID;

-- `usage` is master, self_signing or user_signing; `public_key` is unpadded Base64.
CREATE TABLE cross_signing_keys (
  usage TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  key TEXT NOT NULL
) WITHOUT ROWID;

-- Signatures that this user's keys made, apart from those uploaded with a key: over own devices and the own master key, and over the master keys
-- of others. `target` is a device ID or a public key.
CREATE TABLE key_signatures (
  user_id TEXT NOT NULL,
  target TEXT NOT NULL,
  signer TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (user_id, target, signer)
) WITHOUT ROWID;

-- Messages for own devices until they are acknowledged. `event` is what the client gets.
CREATE TABLE to_device (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  event TEXT NOT NULL
);
CREATE INDEX to_device_by_device ON to_device (device_id, id);

-- Requests that have been carried out, so that one which is repeated sends nothing twice.
CREATE TABLE to_device_transactions (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  txn TEXT NOT NULL,
  UNIQUE (device_id, txn)
);

-- What other local users must hear, in order, until they hold it durably. Without a peer: everybody who shares a room, to be looked up.
CREATE TABLE peer_outbox (
  id INTEGER PRIMARY KEY,
  peer TEXT,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL
);
CREATE INDEX peer_outbox_by_peer ON peer_outbox (peer, id);

-- Up to which item of each sender's outbox this user holds everything.
CREATE TABLE peer_positions (
  sender TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;

-- The highest IDs of outbox and inbox that were ever deleted or written with a flush: later ones lie above, whatever the clock says.
CREATE TABLE peer_heads (
  name TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;

-- Users whose devices or keys changed: one row each, with the latest change.
CREATE TABLE device_lists (
  user_id TEXT PRIMARY KEY,
  id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX device_lists_by_id ON device_lists (id);

-- Backups of room keys. Versions are never used again, `etag` counts changes, `count` sessions.
CREATE TABLE key_backup_versions (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  algorithm TEXT NOT NULL,
  auth_data TEXT NOT NULL,
  etag INTEGER NOT NULL DEFAULT 0,
  count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE key_backup_sessions (
  version INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  first_message_index INTEGER NOT NULL,
  forwarded_count INTEGER NOT NULL,
  is_verified INTEGER NOT NULL,
  session_data TEXT NOT NULL,
  PRIMARY KEY (version, room_id, session_id)
) WITHOUT ROWID;

-- The one dehydrated device, if any; the device itself and its keys are among the others.
CREATE TABLE dehydrated_device (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  device_id TEXT NOT NULL,
  device_data TEXT NOT NULL
);
