-- Events that this user has left with the server to be sent later (MSC4140). `txn` is JSON, of whoever scheduled it; `content` is JSON. What has been
-- sent, cancelled or refused (`finalised_ts`) stays for a while, so that requests can be repeated; `error` is JSON.
CREATE TABLE delayed_events (
  delay_id TEXT PRIMARY KEY,
  txn TEXT UNIQUE,
  room_id TEXT NOT NULL,
  type TEXT NOT NULL,
  state_key TEXT,
  content TEXT NOT NULL,
  redacts TEXT,
  delay_ms INTEGER NOT NULL,
  scheduled_ts INTEGER NOT NULL,
  finalised_ts INTEGER,
  event_id TEXT,
  error TEXT
) WITHOUT ROWID;
