-- Where the feed was when a connection was opened: what the user left before has never been in it.
ALTER TABLE sliding_connections ADD COLUMN opened_seq INTEGER NOT NULL DEFAULT 0;
