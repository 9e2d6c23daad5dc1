-- Which accounts exist. Rows are never removed: a user ID is not given out twice. Everything else about an account lives in its own object.
CREATE TABLE accounts (
  localpart TEXT PRIMARY KEY,
  created_ts INTEGER NOT NULL,
  deactivated INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- `pending` counts registrations under way where that takes several requests.
CREATE TABLE registration_tokens (
  token TEXT PRIMARY KEY,
  uses_allowed INTEGER,
  pending INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0,
  expiry_ts INTEGER
) WITHOUT ROWID;

-- Which rooms this server has. `room_number` stands for the room in tables with a row per event.
CREATE TABLE rooms (
  room_number INTEGER PRIMARY KEY,
  room_id TEXT NOT NULL UNIQUE,
  version TEXT NOT NULL,
  created_ts INTEGER NOT NULL
);

-- Which room an event is in.
CREATE TABLE event_rooms (
  event_id TEXT PRIMARY KEY,
  room_number INTEGER NOT NULL
) WITHOUT ROWID;

-- Which rooms the accounts of this server are in, as far as the rooms have told. `pos` orders reports about the same pair.
CREATE TABLE local_memberships (
  localpart TEXT NOT NULL,
  room_number INTEGER NOT NULL,
  membership TEXT NOT NULL,
  pos INTEGER NOT NULL,
  PRIMARY KEY (localpart, room_number)
) WITHOUT ROWID;
CREATE INDEX local_memberships_by_room ON local_memberships (room_number);
