import type { ObjectStore } from '../object-store.ts'

/** PDUs that one server may have waiting in one room (S3); the oldest give way. */
export const MAX_STAGED_PER_ORIGIN = 200
/** PDUs that this server has fetched from one other and that still wait; the oldest give way. */
export const MAX_STAGED_FETCHED = 500

/** What a staged PDU waits for: missing predecessors and auth events by ID, and states by their groups that are being resolved. */
export interface StagedWaits {
  readonly prev: readonly string[]
  readonly auth: readonly string[]
  readonly groups: readonly number[]
}

/** A received PDU that waits, without itself. */
export interface StagedHead {
  readonly eventId: string
  /** The server that sent it, or was asked for it. */
  readonly origin: string
  readonly waits: StagedWaits
  readonly receivedTs: number
  /** This server asked for it. */
  readonly fetched: boolean
  /** It is to be stored as rejected, for this reason. */
  readonly refusal: string | undefined
}

/** A received PDU that waits for events it refers to. */
export interface StagedPdu extends StagedHead {
  /** The verified PDU as JSON. */
  readonly pdu: string
}

interface StagedRow extends Record<string, SqlStorageValue> {
  event_id: string
  origin: string
  waits_for: string
  waits_auth: string
  awaits_groups: string
  received_ts: number
  fetched: number
  refusal: string | null
}

/** Stages a PDU, replacing what it waited for before. The caller holds the transaction. */
export function stagePdu(store: ObjectStore, staged: StagedPdu): void {
  store.run(
    `INSERT OR REPLACE INTO staged (event_id, origin, pdu, waits_for, waits_auth, awaits_groups, received_ts, fetched, refusal)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    staged.eventId,
    staged.origin,
    staged.pdu,
    JSON.stringify(staged.waits.prev),
    JSON.stringify(staged.waits.auth),
    JSON.stringify(staged.waits.groups),
    staged.receivedTs,
    staged.fetched ? 1 : 0,
    staged.refusal ?? null,
  )
  store.run(
    `DELETE FROM staged WHERE origin = ?1 AND fetched = ?2 AND event_id IN
       (SELECT event_id FROM staged WHERE origin = ?1 AND fetched = ?2 ORDER BY received_ts DESC, event_id LIMIT -1 OFFSET ?3)`,
    staged.origin,
    staged.fetched ? 1 : 0,
    staged.fetched ? MAX_STAGED_FETCHED : MAX_STAGED_PER_ORIGIN,
  )
}

/** A PDU waits no longer. The caller holds the transaction. */
export function unstagePdu(store: ObjectStore, eventId: string): void {
  store.run('DELETE FROM staged WHERE event_id = ?', eventId)
}

/** Whether anything is staged. */
export function hasStaged(store: ObjectStore): boolean {
  return store.first('SELECT 1 AS one FROM staged LIMIT 1') !== undefined
}

/** What waits, oldest first, without the PDUs: those may be large. */
export function readStagedHeads(store: ObjectStore, limit: number): StagedHead[] {
  return store
    .all<StagedRow>(
      'SELECT event_id, origin, waits_for, waits_auth, awaits_groups, received_ts, fetched, refusal FROM staged ORDER BY received_ts, event_id LIMIT ?',
      limit,
    )
    .map((row) => ({
      eventId: row.event_id,
      origin: row.origin,
      waits: { prev: parseList(row.waits_for), auth: parseList(row.waits_auth), groups: parseList(row.awaits_groups) },
      receivedTs: row.received_ts,
      fetched: row.fetched === 1,
      refusal: row.refusal ?? undefined,
    }))
}

/** A staged PDU as JSON text. */
export function readStagedPdu(store: ObjectStore, eventId: string): string | undefined {
  return store.first<{ pdu: string }>('SELECT pdu FROM staged WHERE event_id = ?', eventId)?.pdu
}

function parseList<Entry>(json: string): Entry[] {
  // Written by stagePdu and nobody else.
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list)) throw new Error('a staged PDU waits for something that is no list')
  return list
}
