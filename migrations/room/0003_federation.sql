-- Which servers are in the room: the server part of the IDs of joined members of other servers. A room of one server has no entry here.
CREATE INDEX members_server ON members (substr(user_id, instr(user_id, ':') + 1)) WHERE membership = 'join' AND local = 0;
CREATE INDEX state_keys_server ON state_keys (substr(state_key, instr(state_key, ':') + 1)) WHERE type = 'm.room.member';

-- Up to which position every other server's queue knows of the room's events.
ALTER TABLE room ADD COLUMN federation_pos INTEGER NOT NULL DEFAULT 0;

-- Events of other servers that this server passes on, because it took them in through send_join, send_leave or send_knock.
CREATE TABLE relayed (
  pos INTEGER PRIMARY KEY,
  origin TEXT NOT NULL
);

-- Events that are named as a predecessor and are not here: history can be fetched below the event at `ord`.
CREATE TABLE gaps (
  event_id TEXT NOT NULL,
  ord INTEGER NOT NULL,
  PRIMARY KEY (ord, event_id)
) WITHOUT ROWID;
CREATE INDEX gaps_event ON gaps (event_id);
