-- PDUs of other servers that could not be given to the room in time, as they came. `inexact`: with numbers that are not what was sent.
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  origin TEXT NOT NULL,
  pdu TEXT NOT NULL,
  inexact INTEGER NOT NULL
);
CREATE INDEX inbox_origin ON inbox (origin, id);
