-- Files (client-server-api#content-repository). `origin` is the server that they are of. `blob` names the bytes in R2; NULL: none have come yet (until
-- `expires_ts`), or there must be none. `localpart`: who uploaded it here; NULL for copies of other servers' files. `open` = 1: may be downloaded
-- without an access token. `quarantined_by`: who keeps it from everybody.
CREATE TABLE media (
  origin TEXT NOT NULL,
  media_id TEXT NOT NULL,
  localpart TEXT,
  blob TEXT,
  content_type TEXT NOT NULL,
  filename TEXT,
  bytes INTEGER NOT NULL,
  created_ts INTEGER NOT NULL,
  used_ts INTEGER NOT NULL,
  expires_ts INTEGER,
  open INTEGER NOT NULL,
  quarantined_by TEXT,
  PRIMARY KEY (origin, media_id)
) WITHOUT ROWID;
CREATE INDEX media_by_uploader ON media (localpart, created_ts) WHERE localpart IS NOT NULL;
CREATE INDEX media_copies_by_use ON media (used_ts, bytes) WHERE localpart IS NULL;
