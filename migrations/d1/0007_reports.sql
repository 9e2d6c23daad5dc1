-- What users have reported to the administrators (client-server-api#reporting-content). `target`: the event, room or user that is meant; `event_json`: the event as
-- whoever reported it saw it then. Saying the same again changes the reason.
CREATE TABLE reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('event', 'room', 'user')),
  target TEXT NOT NULL,
  reporter TEXT NOT NULL,
  room_id TEXT,
  sender TEXT,
  reason TEXT,
  event_json TEXT,
  created_ts INTEGER NOT NULL,
  UNIQUE (reporter, kind, target)
);
CREATE INDEX reports_by_day ON reports (reporter, created_ts);
