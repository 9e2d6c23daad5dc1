-- IDs that this user may upload a file to (`pending`, until `expires_ts`), or is uploading one to (`uploading`: `bytes` are reserved; what is still
-- there at `expires_ts` was left in the middle). What has been uploaded is in the registry, and counts here.
CREATE TABLE uploads (
  media_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  expires_ts INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE upload_totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes INTEGER NOT NULL
);
