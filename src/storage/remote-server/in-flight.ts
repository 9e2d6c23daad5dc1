import type { ObjectStore } from '../object-store.ts'
import { BODY_PART_CHARS } from './limits.ts'

/** How far a room will be once a transaction is acknowledged. */
export interface Mark {
  readonly roomId: string
  readonly toPos: number
  /** Whether the room had more when it was asked. */
  readonly more: boolean
}

/** The transaction on its way. */
export interface InFlight {
  readonly txnId: string
  /** Canonical JSON. */
  readonly body: string
  readonly marks: readonly Mark[]
  readonly pdus: number
}

/** The transaction on its way, if there is one. */
export function readInFlight(store: ObjectStore): InFlight | undefined {
  const row = store.first<{ txn_id: string; marks: string; pdus: number }>('SELECT txn_id, marks, pdus FROM in_flight WHERE id = 1')
  if (row === undefined) return undefined
  const parts = store.all<{ text: string }>('SELECT text FROM in_flight_parts ORDER BY part')
  return { txnId: row.txn_id, body: parts.map(({ text }) => text).join(''), marks: parseMarks(row.marks), pdus: row.pdus }
}

/** Fixes a transaction's ID and body until it is acknowledged. The caller holds the transaction. */
export function writeInFlight(store: ObjectStore, { txnId, body, marks, pdus }: InFlight): void {
  const rows = marks.map(({ roomId, toPos, more }) => [roomId, toPos, more ? 1 : 0])
  store.run('INSERT INTO in_flight (id, txn_id, marks, pdus) VALUES (1, ?, ?, ?)', txnId, JSON.stringify(rows), pdus)
  for (let start = 0, part = 0; start < body.length; start += BODY_PART_CHARS, part += 1) {
    store.run('INSERT INTO in_flight_parts (part, text) VALUES (?, ?)', part, body.slice(start, start + BODY_PART_CHARS))
  }
}

/** Forgets the transaction that was acknowledged. The caller holds the transaction. */
export function deleteInFlight(store: ObjectStore): void {
  store.run('DELETE FROM in_flight')
  store.run('DELETE FROM in_flight_parts')
}

function parseMarks(text: string): Mark[] {
  const rows: unknown = JSON.parse(text)
  if (!Array.isArray(rows)) throw new Error('a transaction on its way has no marks')
  return rows.map((row: unknown) => {
    const [roomId, toPos, more]: unknown[] = Array.isArray(row) ? row : []
    if (typeof roomId !== 'string' || typeof toPos !== 'number') throw new Error('a transaction on its way has a broken mark')
    return { roomId, toPos, more: more === 1 }
  })
}
