-- Deferred work of this object, multiplexed on its one alarm.
CREATE TABLE due (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
