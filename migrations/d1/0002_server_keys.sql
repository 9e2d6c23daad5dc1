-- Signing keys of other servers. `valid_until_ts` is what the key may be trusted for (never more than 7 days after `fetched_ts`), or the time
-- at which a retired key (`retired` = 1) ended. `via` is the notary that told, '' for the server itself, whose word replaces a notary's.
CREATE TABLE server_keys (
  server_name TEXT NOT NULL,
  key_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  valid_until_ts INTEGER NOT NULL,
  retired INTEGER NOT NULL,
  via TEXT NOT NULL,
  fetched_ts INTEGER NOT NULL,
  PRIMARY KEY (server_name, key_id)
) WITHOUT ROWID;

-- The servers' own signed words, as notaries hand them on.
CREATE TABLE server_key_responses (
  server_name TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  valid_until_ts INTEGER NOT NULL,
  fetched_ts INTEGER NOT NULL
) WITHOUT ROWID;
