import type { ObjectStore } from '../object-store.ts'
import { EVENT_STATUSES } from './event-row.ts'

/** An event of a state that another server tells. */
export interface ToldEntry {
  readonly nid: number
  /** The number of its key; 0 where that has none yet, or where the event is no state. */
  readonly kid: number
  readonly isRejected: boolean
}

/** IDs in one statement: about a megabyte of JSON. */
const IDS_PER_STATEMENT = 20_000

/** Events of a state by their IDs, with the numbers of their keys; those that are not here are left out. Few statements, because states are large. */
export function toldEntries(store: ObjectStore, eventIds: readonly string[]): ToldEntry[] {
  const rejected = EVENT_STATUSES.indexOf('rejected')
  const entries: ToldEntry[] = []
  for (let start = 0; start < eventIds.length; start += IDS_PER_STATEMENT) {
    const rows = store.sql
      .exec(
        `SELECT e.nid, coalesce(k.kid, 0), e.status FROM events e LEFT JOIN state_keys k ON k.type = e.type AND k.state_key = e.state_key
         WHERE e.event_id IN (SELECT value FROM json_each(?))`,
        JSON.stringify(eventIds.slice(start, start + IDS_PER_STATEMENT)),
      )
      .raw<[nid: number, kid: number, status: number]>()
    for (const [nid, kid, status] of rows) entries.push({ nid, kid, isRejected: status === rejected })
  }
  return entries
}

/** Gives numbers to the keys of state events by ID. The caller holds the transaction, and has the keys' cache forgotten. */
export function numberKeysOf(store: ObjectStore, eventIds: readonly string[]): void {
  store.run(
    `INSERT OR IGNORE INTO state_keys (type, state_key) SELECT type, state_key FROM events
     WHERE state_key IS NOT NULL AND event_id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(eventIds),
  )
}
