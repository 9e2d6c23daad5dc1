-- Rooms that the user has or had to do with. `membership_pos` is the position of the membership event that counts; everything up to `last_pos` is
-- in the feed. `last_seq` is the room's latest feed entry; for positions below `new_seq` the room counts as new; its entries up to
-- `pruned_seq` are gone. `dirty` means: ask the room where it is before believing `last_pos`. A forgotten room keeps its row, so that a
-- notice which comes twice cannot bring it back.
CREATE TABLE rooms (
  room_id TEXT PRIMARY KEY,
  membership TEXT NOT NULL,
  generation TEXT NOT NULL,
  membership_pos INTEGER NOT NULL,
  sender TEXT NOT NULL,
  is_direct INTEGER NOT NULL,
  last_pos INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  new_seq INTEGER NOT NULL,
  pruned_seq INTEGER NOT NULL,
  dirty INTEGER NOT NULL,
  forgotten INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX rooms_dirty ON rooms (room_id) WHERE dirty = 1;

-- What invites and knocks show of their rooms: a JSON array.
CREATE TABLE stripped_state (
  room_id TEXT PRIMARY KEY,
  events TEXT NOT NULL
) WITHOUT ROWID;

-- One entry per run of hints: from `seq` on, the user knows of what the room has above `from_pos` (exclusive; absent: the room is new).
-- An entry ends where the room's next one starts, the last at `last_pos`.
CREATE TABLE feed (
  seq INTEGER PRIMARY KEY,
  room_id TEXT NOT NULL,
  from_pos INTEGER
);

-- Up to which `seq` each life of the object has written its feed.
CREATE TABLE boots (
  id INTEGER PRIMARY KEY,
  boot TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL
);
