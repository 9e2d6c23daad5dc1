-- The account itself: one row. `state` is active or deactivated; an erased user asked for redaction of what they wrote.
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  user_id TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  password_hash TEXT,
  created_ts INTEGER NOT NULL,
  is_admin INTEGER NOT NULL DEFAULT 0,
  erased INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE devices (
  device_id TEXT PRIMARY KEY,
  display_name TEXT,
  created_ts INTEGER NOT NULL,
  last_seen_ts INTEGER,
  last_seen_ip TEXT
) WITHOUT ROWID;

-- Tokens are stored as keyed hashes. `replaces` is the refresh token that this token was made from, until the first use of either proves
-- that the client received it; only then is the older one consumed. An access token without `expires_ts` does not expire.
CREATE TABLE access_tokens (
  token_hash TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  created_ts INTEGER NOT NULL,
  expires_ts INTEGER,
  replaces TEXT
) WITHOUT ROWID;
CREATE INDEX access_tokens_by_device ON access_tokens (device_id, created_ts);

-- Consumed refresh tokens are remembered for a while, because one that comes back was stolen or its session was.
CREATE TABLE refresh_tokens (
  token_hash TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  created_ts INTEGER NOT NULL,
  consumed INTEGER NOT NULL DEFAULT 0,
  replaces TEXT
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device_id, created_ts);

-- User-interactive authentication in progress: bound to who asks, to the operation and to its body.
CREATE TABLE uia_sessions (
  session_id TEXT PRIMARY KEY,
  device_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  created_ts INTEGER NOT NULL
) WITHOUT ROWID;

-- Wrong passwords: a bucket that drains with time. One row.
CREATE TABLE password_failures (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  level REAL NOT NULL,
  updated_ts INTEGER NOT NULL
);

CREATE TABLE profile_fields (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- `room_id` is '' for global data. `stream_id` numbers the changes of this user in order, over all rooms.
CREATE TABLE account_data (
  room_id TEXT NOT NULL,
  type TEXT NOT NULL,
  content TEXT NOT NULL,
  stream_id INTEGER NOT NULL,
  PRIMARY KEY (room_id, type)
) WITHOUT ROWID;
CREATE UNIQUE INDEX account_data_by_stream ON account_data (stream_id);

CREATE TABLE filters (
  filter_id INTEGER PRIMARY KEY,
  definition TEXT NOT NULL UNIQUE
);
