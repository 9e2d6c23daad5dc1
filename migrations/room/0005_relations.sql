-- What events say of their relation to others (`m.relates_to`): a row for each accepted event with a place in the order that states one, until it is redacted.
-- `parent` is an event ID: nothing says that it is here.
CREATE TABLE relations (
  nid INTEGER PRIMARY KEY,
  parent TEXT NOT NULL,
  rel_type TEXT NOT NULL,
  type TEXT NOT NULL,
  sender TEXT NOT NULL,
  key TEXT,
  ord INTEGER NOT NULL,
  origin_server_ts INTEGER NOT NULL
);
CREATE INDEX relations_parent ON relations (parent, rel_type, ord);
CREATE INDEX relations_sender ON relations (parent, sender, rel_type, origin_server_ts);

-- Events that `m.thread` relations name, with the order of the latest of those and how many there are.
CREATE TABLE threads (
  root TEXT PRIMARY KEY,
  latest_ord INTEGER NOT NULL,
  count INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX threads_latest ON threads (latest_ord);

-- Rooms from before this migration.
INSERT INTO relations (nid, parent, rel_type, type, sender, key, ord, origin_server_ts)
  SELECT nid, json_extract(content, '$."m.relates_to".event_id'), json_extract(content, '$."m.relates_to".rel_type'), type, sender,
         CASE WHEN json_type(content, '$."m.relates_to".key') = 'text' THEN json_extract(content, '$."m.relates_to".key') END,
         ord, origin_server_ts
  FROM events
  WHERE status = 0 AND ord IS NOT NULL AND instr(content, '"m.relates_to"') > 0
    AND json_type(content, '$."m.relates_to".event_id') = 'text' AND json_type(content, '$."m.relates_to".rel_type') = 'text'
    AND length(json_extract(content, '$."m.relates_to".event_id')) BETWEEN 1 AND 255
    AND length(json_extract(content, '$."m.relates_to".rel_type')) BETWEEN 1 AND 255;
INSERT INTO threads (root, latest_ord, count)
  SELECT parent, max(ord), count(*) FROM relations WHERE rel_type = 'm.thread' GROUP BY parent;
