-- What a client was granted when its user logged in through OAuth 2.0, by device. Devices without a row logged in the older way.
CREATE TABLE oauth_grants (
  device_id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  client_name TEXT,
  client_uri TEXT,
  code_hash TEXT NOT NULL,
  created_ts INTEGER NOT NULL
) WITHOUT ROWID;

-- Authorization codes, and device codes that the user has approved, as keyed hashes. Used ones are remembered for a while, because one that
-- comes back was stolen. A device code has no redirect URI and no challenge.
CREATE TABLE oauth_codes (
  code_hash TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  redirect_uri TEXT,
  code_challenge TEXT,
  scope TEXT NOT NULL,
  device_id TEXT NOT NULL,
  client_name TEXT,
  client_uri TEXT,
  created_ts INTEGER NOT NULL,
  expires_ts INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Browsers that are logged in to the server's own pages, as keyed hashes of their cookies.
CREATE TABLE browser_sessions (
  session_hash TEXT PRIMARY KEY,
  created_ts INTEGER NOT NULL,
  authenticated_ts INTEGER NOT NULL,
  expires_ts INTEGER NOT NULL
) WITHOUT ROWID;

-- The user has allowed their cross-signing keys to be replaced, until then and once. One row; without a device any may.
CREATE TABLE cross_signing_reset (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  device_id TEXT,
  until_ts INTEGER NOT NULL
);
