-- Whether the server can be reached: one row. Times in milliseconds since the epoch.
CREATE TABLE destination (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  server_name TEXT NOT NULL,
  failures INTEGER NOT NULL,
  failing_since_ts INTEGER,
  retry_ts INTEGER,
  last_success_ts INTEGER
);

-- Rooms that the server has been told of: everything up to `sent_pos` is with it. `dirty` = 1: there is more.
CREATE TABLE watermarks (
  room_id TEXT PRIMARY KEY,
  sent_pos INTEGER NOT NULL,
  dirty INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX watermarks_dirty ON watermarks (room_id) WHERE dirty = 1;

-- EDUs that must arrive. A later one with the same type and key takes the place of an earlier one that is not on its way yet.
CREATE TABLE edus (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL,
  key TEXT,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX edus_latest ON edus (type, key) WHERE key IS NOT NULL;

-- The transaction on its way: its ID and body stay as they are until it is acknowledged. `marks` is a JSON array of [room ID, position].
CREATE TABLE in_flight (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  txn_id TEXT NOT NULL,
  marks TEXT NOT NULL,
  pdus INTEGER NOT NULL
);
CREATE TABLE in_flight_parts (
  part INTEGER PRIMARY KEY,
  text TEXT NOT NULL
);

-- Transactions of that server which have been answered, and how.
CREATE TABLE received_transactions (
  number INTEGER PRIMARY KEY,
  txn_id TEXT NOT NULL UNIQUE,
  response TEXT NOT NULL,
  received_ts INTEGER NOT NULL
);

CREATE TABLE due (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX due_by_time ON due (at);
