-- Names of rooms (appendices#room-aliases). A claim (`pending` = 1) is of a room that is being created: it lapses unless that room confirms it.
CREATE TABLE room_aliases (
  alias TEXT PRIMARY KEY,
  room_id TEXT NOT NULL,
  creator TEXT NOT NULL,
  created_ts INTEGER NOT NULL,
  pending INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX room_aliases_by_room ON room_aliases (room_id);

-- Rooms in this server's public directory, with what they last said of themselves: `entry` is JSON as clients receive it, `search_text` what
-- searches look in, in lower case.
CREATE TABLE public_rooms (
  room_id TEXT PRIMARY KEY,
  joined_members INTEGER NOT NULL,
  room_type TEXT,
  entry TEXT NOT NULL,
  search_text TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX public_rooms_by_size ON public_rooms (joined_members DESC, room_id);
