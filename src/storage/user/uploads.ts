import type { ObjectStore } from '../object-store.ts'

/** An ID that a file may be uploaded to (`pending`), or is being uploaded to. */
export interface UploadRow {
  readonly mediaId: string
  readonly state: 'pending' | 'uploading'
  /** Reserved for it. */
  readonly bytes: number
  readonly expiresTs: number
}

type Columns = { media_id: string; state: string; bytes: number; expires_ts: number }

function decode(row: Columns): UploadRow {
  return { mediaId: row.media_id, state: row.state === 'pending' ? 'pending' : 'uploading', bytes: row.bytes, expiresTs: row.expires_ts }
}

/** One of them. */
export function readUpload(store: ObjectStore, mediaId: string): UploadRow | undefined {
  const row = store.first<Columns>('SELECT media_id, state, bytes, expires_ts FROM uploads WHERE media_id = ?', mediaId)
  return row === undefined ? undefined : decode(row)
}

/** All of them that have not expired; bounded by the limits on how many there are. */
export function listUploads(store: ObjectStore, nowTs: number): UploadRow[] {
  return store.all<Columns>('SELECT media_id, state, bytes, expires_ts FROM uploads WHERE expires_ts > ?', nowTs).map(decode)
}

/** Adds or changes one. The caller holds the transaction. */
export function writeUpload(store: ObjectStore, { mediaId, state, bytes, expiresTs }: UploadRow): void {
  store.run('INSERT OR REPLACE INTO uploads (media_id, state, bytes, expires_ts) VALUES (?, ?, ?, ?)', mediaId, state, bytes, expiresTs)
}

/** Removes one. The caller holds the transaction. */
export function deleteUpload(store: ObjectStore, mediaId: string): void {
  store.run('DELETE FROM uploads WHERE media_id = ?', mediaId)
}

/** Bytes of everything that the user has uploaded. */
export function uploadedBytes(store: ObjectStore): number {
  return store.first<{ bytes: number }>('SELECT bytes FROM upload_totals')?.bytes ?? 0
}

/** Counts what was uploaded, or (negative) is gone. The caller holds the transaction. */
export function addUploadedBytes(store: ObjectStore, bytes: number): void {
  store.run(
    'INSERT INTO upload_totals (id, bytes) VALUES (1, max(0, ?1)) ON CONFLICT (id) DO UPDATE SET bytes = max(0, upload_totals.bytes + ?1)',
    bytes,
  )
}
