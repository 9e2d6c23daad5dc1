-- How far resolutions under way have come: pieces that fit into rows, of one instant. (`resolving.cursor` is not used.)
CREATE TABLE resolving_parts (
  inputs TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (inputs, name)
) WITHOUT ROWID;
