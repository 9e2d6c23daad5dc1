-- Extensions that a connection of sliding sync has had enabled all along, as bits (`SCOPED_EXTENSIONS`).
ALTER TABLE sliding_connections ADD COLUMN scoped INTEGER NOT NULL DEFAULT 0;
-- Rooms of whose typing and receipts its client has been told everything since they came into scope: for which extensions, as bits.
CREATE TABLE sliding_scopes (
  nonce TEXT NOT NULL,
  room_id TEXT NOT NULL,
  told INTEGER NOT NULL,
  PRIMARY KEY (nonce, room_id)
) WITHOUT ROWID;
