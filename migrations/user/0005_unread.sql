-- What the list keeps of each room so that it can be ordered and filtered without asking, and up to where unread marks are right.
ALTER TABLE rooms ADD COLUMN unread_pos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN unread_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN activity_ts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN bump_ts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN member_pos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN encrypted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN room_type TEXT;
CREATE INDEX rooms_unread_behind ON rooms (room_id) WHERE unread_pos < last_pos AND membership = 'join';

-- Events that the user was to be notified of and has not read. `pos` belongs to the generation that the room's row names. Threads are `main` or the
-- event ID of their root.
CREATE TABLE unread_marks (
  room_id TEXT NOT NULL,
  pos INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  highlight INTEGER NOT NULL,
  PRIMARY KEY (room_id, pos)
) WITHOUT ROWID;
