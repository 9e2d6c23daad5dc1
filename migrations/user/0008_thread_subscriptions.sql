-- Threads that the user has subscribed to or unsubscribed from (MSC4306). `stream_id` numbers the changes of all threads of the user; a later one replaces an
-- earlier one. `automatic` means a subscription that a client made by itself, and says nothing of others. `unsubscribed_pos` is where the room was when
-- the user unsubscribed: what came before gives rise to no automatic subscription any more.
CREATE TABLE thread_subscriptions (
  stream_id INTEGER PRIMARY KEY,
  room_id TEXT NOT NULL,
  root TEXT NOT NULL,
  subscribed INTEGER NOT NULL,
  automatic INTEGER NOT NULL,
  unsubscribed_pos INTEGER,
  UNIQUE (room_id, root)
);
