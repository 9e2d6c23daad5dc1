import type { ObjectStore } from '../object-store.ts'

/** An event of a room that is being joined: verified by itself, not yet by the rules. */
export interface StagedImport {
  readonly eventId: string
  readonly depth: number
  /** Whether the other server names it as part of the state before the join. */
  readonly inState: boolean
  /** The PDU as JSON text. */
  readonly pdu: string
}

/** A row with its number, in order of arrival. */
export interface StagedImportRow {
  readonly seq: number
  readonly eventId: string
  readonly depth: number
  readonly pdu: string
}

interface Row extends Record<string, SqlStorageValue> {
  seq: number
  event_id: string
  depth: number
  pdu: string
}

const decode = (row: Row): StagedImportRow => ({ seq: row.seq, eventId: row.event_id, depth: row.depth, pdu: row.pdu })

/** Adds rows. The caller holds the transaction. */
export function insertStagedImports(store: ObjectStore, staged: readonly StagedImport[]): void {
  for (const { eventId, depth, inState, pdu } of staged) {
    store.run('INSERT INTO import_staging (event_id, depth, in_state, pdu) VALUES (?, ?, ?, ?)', eventId, depth, inState ? 1 : 0, pdu)
  }
}

/** How many there are. */
export function countStagedImports(store: ObjectStore): number {
  return store.first<{ n: number }>('SELECT count(*) AS n FROM import_staging')?.n ?? 0
}

/** A page in order of depth, then arrival, after a place in that order. */
export function stagedImportsByDepth(
  store: ObjectStore,
  after: { readonly depth: number; readonly seq: number },
  limit: number,
): StagedImportRow[] {
  return store
    .all<Row>(
      'SELECT seq, event_id, depth, pdu FROM import_staging WHERE (depth, seq) > (?, ?) ORDER BY depth, seq LIMIT ?',
      after.depth,
      after.seq,
      limit,
    )
    .map(decode)
}

/** One row. */
export function stagedImport(store: ObjectStore, seq: number): StagedImportRow | undefined {
  const row = store.first<Row>('SELECT seq, event_id, depth, pdu FROM import_staging WHERE seq = ?', seq)
  return row && decode(row)
}

/** Number of the row that came last; 0 without any. */
export function lastStagedImport(store: ObjectStore): number {
  return store.first<{ seq: number | null }>('SELECT max(seq) AS seq FROM import_staging')?.seq ?? 0
}

/** Empties the table. */
export function clearStagedImports(store: ObjectStore): void {
  store.run('DELETE FROM import_staging')
}

/** Deletes some of the rows; answers whether any may be left. The caller holds the transaction. */
export function clearSomeStagedImports(store: ObjectStore, limit: number): boolean {
  const first = store.first<{ seq: number | null }>('SELECT min(seq) AS seq FROM import_staging')?.seq
  if (first === undefined || first === null) return false
  store.run('DELETE FROM import_staging WHERE seq < ?', first + limit)
  return true
}
