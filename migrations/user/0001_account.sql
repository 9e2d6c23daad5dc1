-- The account itself: one row. `state` is active or deactivated; an erased user asked for redaction of what they wrote.
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  user_id TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  password_hash TEXT,
  created_ts INTEGER NOT NULL,
  is_admin INTEGER NOT NULL DEFAULT 0,
  erased INTEGER NOT NULL DEFAULT 0
);
