-- OAuth 2.0 clients. Anybody may register one; `used_ts` is when a user last allowed it in, and one that nobody ever did is removed.
CREATE TABLE oauth_clients (
  client_id TEXT PRIMARY KEY,
  metadata TEXT NOT NULL,
  registered_ts INTEGER NOT NULL,
  used_ts INTEGER
) WITHOUT ROWID;
CREATE INDEX oauth_clients_unused ON oauth_clients (registered_ts) WHERE used_ts IS NULL;

-- Device authorizations under way. Codes are kept as keyed hashes. `localpart` is whoever approved it, in whose object the code is used.
CREATE TABLE oauth_device_grants (
  device_code_hash TEXT PRIMARY KEY,
  user_code_hash TEXT NOT NULL UNIQUE,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  client_address TEXT NOT NULL,
  created_ts INTEGER NOT NULL,
  expires_ts INTEGER NOT NULL,
  polled_ts INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  localpart TEXT
) WITHOUT ROWID;
CREATE INDEX oauth_device_grants_by_expiry ON oauth_device_grants (expires_ts);
