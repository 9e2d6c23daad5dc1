import type { Registry } from './open.ts'

/** One file that is known here. */
export interface MediaRow {
  readonly origin: string
  readonly mediaId: string
  /** Who uploaded it here; absent for copies of other servers' files. */
  readonly localpart: string | undefined
  /** Name of its bytes; absent as long as there are none. */
  readonly blob: string | undefined
  readonly contentType: string
  readonly filename: string | undefined
  readonly bytes: number
  readonly createdTs: number
  /** When it was last used, to the day. */
  readonly usedTs: number
  /** Until when the bytes may come. */
  readonly expiresTs: number | undefined
  /** It may be downloaded without an access token. */
  readonly open: boolean
  readonly quarantinedBy: string | undefined
}

type Columns = {
  origin: string
  media_id: string
  localpart: string | null
  blob: string | null
  content_type: string
  filename: string | null
  bytes: number
  created_ts: number
  used_ts: number
  expires_ts: number | null
  open: number
  quarantined_by: string | null
}

const COLUMNS = 'origin, media_id, localpart, blob, content_type, filename, bytes, created_ts, used_ts, expires_ts, open, quarantined_by'

function decode(row: Columns): MediaRow {
  return {
    origin: row.origin,
    mediaId: row.media_id,
    localpart: row.localpart ?? undefined,
    blob: row.blob ?? undefined,
    contentType: row.content_type,
    filename: row.filename ?? undefined,
    bytes: row.bytes,
    createdTs: row.created_ts,
    usedTs: row.used_ts,
    expiresTs: row.expires_ts ?? undefined,
    open: row.open === 1,
    quarantinedBy: row.quarantined_by ?? undefined,
  }
}

/** One file, by its server and ID. */
export async function findMedia(registry: Registry, origin: string, mediaId: string): Promise<MediaRow | undefined> {
  const query = `SELECT ${COLUMNS} FROM media WHERE origin = ? AND media_id = ?`
  const row = await registry.sql.prepare(query).bind(origin, mediaId).first<Columns>()
  return row === null ? undefined : decode(row)
}

/**
 * Files a file whose bytes are there, or (without a blob) an ID under which they may come. Takes the place of an entry that has none and is
 * not quarantined; `false` if there is another one, which stays.
 */
export async function fileMedia(registry: Registry, row: Omit<MediaRow, 'quarantinedBy'>): Promise<boolean> {
  const statement = `INSERT INTO media (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
    ON CONFLICT (origin, media_id) DO UPDATE SET blob = excluded.blob, content_type = excluded.content_type, filename = excluded.filename,
      bytes = excluded.bytes, created_ts = excluded.created_ts, used_ts = excluded.used_ts, expires_ts = excluded.expires_ts, open = excluded.open
    WHERE media.blob IS NULL AND media.quarantined_by IS NULL AND media.localpart IS excluded.localpart`
  const { origin, mediaId, contentType, bytes, createdTs, usedTs } = row
  const values = [
    row.localpart ?? null,
    row.blob ?? null,
    contentType,
    row.filename ?? null,
    bytes,
    createdTs,
    usedTs,
    row.expiresTs ?? null,
  ]
  const result = await registry.sql
    .prepare(statement)
    .bind(origin, mediaId, ...values, row.open ? 1 : 0)
    .run()
  return result.meta.changes === 1
}

/** A file was used. */
export async function touchMedia(registry: Registry, origin: string, mediaId: string, nowTs: number): Promise<void> {
  await registry.sql.prepare('UPDATE media SET used_ts = ? WHERE origin = ? AND media_id = ?').bind(nowTs, origin, mediaId).run()
}

/** Forgets a file, as long as its bytes are those; answers whether it was so. */
export async function forgetMedia(
  registry: Registry,
  { origin, mediaId, blob }: Pick<MediaRow, 'origin' | 'mediaId' | 'blob'>,
): Promise<boolean> {
  const result = await registry.sql
    .prepare('DELETE FROM media WHERE origin = ? AND media_id = ? AND blob IS ?')
    .bind(origin, mediaId, blob ?? null)
    .run()
  return result.meta.changes === 1
}

/** Keeps a file from everybody, or (`undefined`) no longer. What is not here yet is kept from coming. */
export async function quarantineMedia(
  registry: Registry,
  origin: string,
  mediaId: string,
  quarantinedBy: string | undefined,
  nowTs: number,
): Promise<void> {
  if (quarantinedBy === undefined) {
    // An entry that was made to keep a file from coming has done its work.
    await registry.sql.batch([
      registry.sql
        .prepare('DELETE FROM media WHERE origin = ? AND media_id = ? AND blob IS NULL AND localpart IS NULL')
        .bind(origin, mediaId),
      registry.sql.prepare('UPDATE media SET quarantined_by = NULL WHERE origin = ? AND media_id = ?').bind(origin, mediaId),
    ])
    return
  }
  const statement = `INSERT INTO media (${COLUMNS}) VALUES (?, ?, NULL, NULL, '', NULL, 0, ?, ?, NULL, 0, ?)
    ON CONFLICT (origin, media_id) DO UPDATE SET quarantined_by = excluded.quarantined_by`
  await registry.sql.prepare(statement).bind(origin, mediaId, nowTs, nowTs, quarantinedBy).run()
}

/** Files of a user of this server, the newest first, at most `limit`; `beforeTs` to go on. */
export async function mediaOfUser(registry: Registry, localpart: string, beforeTs: number, limit: number): Promise<MediaRow[]> {
  const query = `SELECT ${COLUMNS} FROM media WHERE localpart = ? AND created_ts < ? ORDER BY created_ts DESC LIMIT ?`
  const { results } = await registry.sql.prepare(query).bind(localpart, beforeTs, limit).all<Columns>()
  return results.map(decode)
}

/** Copies of other servers' files that nobody has used since a time, the longest unused first. Quarantined ones stay, so that they are not fetched again. */
export async function unusedCopies(registry: Registry, beforeTs: number, limit: number): Promise<MediaRow[]> {
  const query = `SELECT ${COLUMNS} FROM media WHERE localpart IS NULL AND used_ts < ? AND quarantined_by IS NULL AND blob IS NOT NULL
    ORDER BY used_ts LIMIT ?`
  const { results } = await registry.sql.prepare(query).bind(beforeTs, limit).all<Columns>()
  return results.map(decode)
}

/** Bytes of all copies of other servers' files. */
export async function bytesOfCopies(registry: Registry): Promise<number> {
  const row = await registry.sql.prepare('SELECT sum(bytes) AS bytes FROM media WHERE localpart IS NULL').first<{ bytes: number | null }>()
  return row?.bytes ?? 0
}
