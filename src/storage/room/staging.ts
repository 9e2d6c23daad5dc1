import type { ObjectStore } from '../object-store.ts'

/** PDUs that one server may have waiting in one room (S3); the oldest give way. */
export const MAX_STAGED_PER_ORIGIN = 200

/** A received PDU that waits for events it refers to. */
export interface StagedPdu {
  readonly eventId: string
  readonly origin: string
  /** The verified PDU as JSON. */
  readonly pdu: string
  readonly waitsFor: readonly string[]
  readonly receivedTs: number
}

/** Stages a PDU, replacing what it waited for before. The caller holds the transaction. */
export function stagePdu(store: ObjectStore, staged: StagedPdu): void {
  store.run(
    'INSERT OR REPLACE INTO staged (event_id, origin, pdu, waits_for, received_ts) VALUES (?, ?, ?, ?, ?)',
    staged.eventId,
    staged.origin,
    staged.pdu,
    JSON.stringify(staged.waitsFor),
    staged.receivedTs,
  )
  store.run(
    `DELETE FROM staged WHERE origin = ?1 AND event_id IN
       (SELECT event_id FROM staged WHERE origin = ?1 ORDER BY received_ts DESC, event_id LIMIT -1 OFFSET ?2)`,
    staged.origin,
    MAX_STAGED_PER_ORIGIN,
  )
}

/** Takes a PDU out of staging. The caller holds the transaction. */
export function unstagePdu(store: ObjectStore, eventId: string): void {
  store.run('DELETE FROM staged WHERE event_id = ?', eventId)
}

/** PDUs in staging, oldest first. */
export function readStaged(store: ObjectStore, limit: number): StagedPdu[] {
  return store
    .all<{ event_id: string; origin: string; pdu: string; waits_for: string; received_ts: number }>(
      'SELECT * FROM staged ORDER BY received_ts LIMIT ?',
      limit,
    )
    .map((row) => ({
      eventId: row.event_id,
      origin: row.origin,
      pdu: row.pdu,
      waitsFor: parseIds(row.waits_for),
      receivedTs: row.received_ts,
    }))
}

function parseIds(text: string): string[] {
  const value: unknown = JSON.parse(text)
  return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : []
}
