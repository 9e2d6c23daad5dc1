-- Whether the room is in this server's public directory: at most one row. `told` is the entry that the registry has, '' before the first report.
CREATE TABLE listing (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  told TEXT NOT NULL
);
