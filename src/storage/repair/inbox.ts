import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { ObjectStore } from '../object-store.ts'

/** A PDU as another server sent it. */
export interface KeptPdu {
  readonly pdu: JsonObject
  /** It holds a number that is not what was sent. */
  readonly inexact: boolean
}

/** Keeps PDUs of a server, in order. The caller holds the transaction. */
export function insertKept(store: ObjectStore, origin: string, pdus: readonly KeptPdu[]): void {
  for (const { pdu, inexact } of pdus) {
    store.run('INSERT INTO inbox (origin, pdu, inexact) VALUES (?, ?, ?)', origin, JSON.stringify(pdu), inexact ? 1 : 0)
  }
}

/** Lets the oldest PDUs go beyond what may be kept of one server, and of all. The caller holds the transaction. */
export function trimKept(store: ObjectStore, origin: string, maxOfOrigin: number, maxOfAll: number): void {
  store.run(
    'DELETE FROM inbox WHERE origin = ?1 AND id <= (SELECT id FROM inbox WHERE origin = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
    origin,
    maxOfOrigin,
  )
  store.run('DELETE FROM inbox WHERE id <= (SELECT id FROM inbox ORDER BY id DESC LIMIT 1 OFFSET ?)', maxOfAll)
}

/** The oldest kept PDUs of a server, and the number of the last of them. */
export function readKept(
  store: ObjectStore,
  origin: string,
  limit: number,
): { readonly pdus: readonly KeptPdu[]; readonly lastId: number } {
  const rows = store.all<{ id: number; pdu: string; inexact: number }>(
    'SELECT id, pdu, inexact FROM inbox WHERE origin = ? ORDER BY id LIMIT ?',
    origin,
    limit,
  )
  const pdus = rows.map((row): KeptPdu => {
    const pdu: unknown = JSON.parse(row.pdu)
    if (!isJsonObject(pdu)) throw new Error(`kept PDU ${row.id} is no object`)
    return { pdu, inexact: row.inexact === 1 }
  })
  return { pdus, lastId: rows.at(-1)?.id ?? 0 }
}

/** Kept PDUs of a server have been taken in. The caller holds the transaction. */
export function deleteKept(store: ObjectStore, origin: string, lastId: number): void {
  store.run('DELETE FROM inbox WHERE origin = ? AND id <= ?', origin, lastId)
}
