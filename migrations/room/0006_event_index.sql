-- Up to which event number the registry knows in which room events are: one row, in rooms that are shared with other servers.
CREATE TABLE event_index (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  nid INTEGER NOT NULL
);

-- Events by when their senders say that they sent them, for finding the event closest to a time.
CREATE INDEX events_by_time ON events (origin_server_ts, ord) WHERE ord IS NOT NULL;
