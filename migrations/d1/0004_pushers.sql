-- Which users have a pusher, by a keyed hash of its app ID and pushkey: so that a pushkey which one user takes over can be taken from others.
CREATE TABLE pushers (
  key_hash TEXT NOT NULL,
  localpart TEXT NOT NULL,
  PRIMARY KEY (key_hash, localpart)
) WITHOUT ROWID;
CREATE INDEX pushers_by_user ON pushers (localpart);
