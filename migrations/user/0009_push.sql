-- Where this user's notifications go (client-server-api#post_matrixclientv3pushersset). A pusher belongs to the device that set it and goes with its
-- tokens. `data` is JSON. `failures` in a row since `failing_since_ts`; nothing is sent before `retry_ts`.
CREATE TABLE pushers (
  app_id TEXT NOT NULL,
  pushkey TEXT NOT NULL,
  device_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  app_display_name TEXT NOT NULL,
  device_display_name TEXT NOT NULL,
  profile_tag TEXT,
  lang TEXT NOT NULL,
  data TEXT NOT NULL,
  set_ts INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  failing_since_ts INTEGER,
  retry_ts INTEGER,
  PRIMARY KEY (app_id, pushkey)
) WITHOUT ROWID;

-- Notifications that were not delivered at once, by pusher, in order. `tweaks` is JSON. `pos` is 0 for what is no event of a joined room.
CREATE TABLE push_queue (
  id INTEGER PRIMARY KEY,
  app_id TEXT NOT NULL,
  pushkey TEXT NOT NULL,
  room_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  pos INTEGER NOT NULL,
  high INTEGER NOT NULL,
  tweaks TEXT NOT NULL,
  ts INTEGER NOT NULL
);

-- When the user was notified, and what the push rules said to do, as JSON.
ALTER TABLE unread_marks ADD COLUMN ts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE unread_marks ADD COLUMN actions TEXT NOT NULL DEFAULT '["notify"]';
CREATE INDEX unread_marks_by_time ON unread_marks (ts, room_id, pos);

-- What the user has said of themselves (client-server-api#presence): one row.
CREATE TABLE presence (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  presence TEXT NOT NULL,
  status_msg TEXT,
  active_ts INTEGER NOT NULL
);
