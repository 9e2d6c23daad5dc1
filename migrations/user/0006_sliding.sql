-- Connections of sliding sync: what each has been sent and has acknowledged, so that it goes on after an eviction or a crash. `answer` is the number of
-- the response that the client was known to have; `configs` is a JSON array of the states that clients asked for.
CREATE TABLE sliding_connections (
  id INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  connection_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  answer INTEGER NOT NULL,
  configs TEXT NOT NULL,
  UNIQUE (device_id, connection_id)
);

-- Up to which `seq` of the feed a connection has been sent a room, with how many events and which configuration.
CREATE TABLE sliding_rooms (
  nonce TEXT NOT NULL,
  room_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  timeline_limit INTEGER NOT NULL,
  config INTEGER NOT NULL,
  is_dm INTEGER NOT NULL,
  PRIMARY KEY (nonce, room_id)
) WITHOUT ROWID;

-- Connections stand at many places of the feed at once.
CREATE INDEX feed_by_room ON feed (room_id, seq);
