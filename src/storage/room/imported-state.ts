import type { ObjectStore } from '../object-store.ts'
import { EVENT_STATUSES } from './event-row.ts'

/** An event of the state before a join, under its key's number. */
export interface ImportedEntry {
  readonly kid: number
  readonly nid: number
  /** Where the event is a membership: its user, and what its content says, which may be anything. */
  readonly member: { readonly userId: string; readonly membership: unknown } | undefined
  /** Number of the event under this key in current state. */
  readonly currentNid: number | undefined
}

/** A membership that an import brings. */
export interface ImportedMember {
  readonly nid: number
  readonly membership: string
}

interface Row extends Record<string, SqlStorageValue> {
  kid: number
  nid: number
  type: string
  state_key: string
  membership: string | number | null
  current_nid: number | null
}

const REJECTED = EVENT_STATUSES.indexOf('rejected')
/** The events of some staged rows that are state: what the rules refused is none, whatever the other server says. */
const STATE_OF_STAGED = `FROM import_staging AS staged CROSS JOIN events ON events.event_id = staged.event_id
  WHERE staged.seq > ? AND staged.seq <= ? AND staged.in_state = 1 AND events.status <> ${REJECTED} AND events.state_key IS NOT NULL`

/**
 * The state that rows of the staging table bring, in few statements however many rows there are; their keys are given numbers. The caller holds the
 * transaction, and has whatever caches numbers of keys forget them.
 */
export function importedState(store: ObjectStore, afterSeq: number, upToSeq: number): ImportedEntry[] {
  const keys = `SELECT events.type, events.state_key ${STATE_OF_STAGED} ORDER BY staged.seq`
  store.run(`INSERT OR IGNORE INTO state_keys (type, state_key) ${keys}`, afterSeq, upToSeq)
  const rows = store.all<Row>(
    `SELECT state_keys.kid, found.nid, found.type, found.state_key, found.membership, current_state.nid AS current_nid FROM (
       SELECT staged.seq, events.nid, events.type, events.state_key,
         CASE WHEN events.type = 'm.room.member' AND json_valid(events.content) THEN json_extract(events.content, '$.membership') END AS membership ${STATE_OF_STAGED}
     ) AS found
     CROSS JOIN state_keys ON state_keys.type = found.type AND state_keys.state_key = found.state_key
     LEFT JOIN current_state ON current_state.kid = state_keys.kid ORDER BY found.seq`,
    afterSeq,
    upToSeq,
  )
  return rows.map((row) => ({
    kid: row.kid,
    nid: row.nid,
    member: row.type === 'm.room.member' ? { userId: row.state_key, membership: row.membership } : undefined,
    currentNid: row.current_nid ?? undefined,
  }))
}

/** Writes entries of current state and the log of their movement at a position. The caller holds the transaction. */
export function writeImportedState(store: ObjectStore, entries: readonly ImportedEntry[], pos: number): void {
  const moves = JSON.stringify(entries.map(({ kid, nid, currentNid }) => [kid, currentNid ?? 0, nid]))
  store.run('INSERT OR REPLACE INTO current_state (kid, nid) SELECT value ->> 0, value ->> 2 FROM json_each(?)', moves)
  store.run(
    'INSERT OR REPLACE INTO state_log (kid, pos, old_nid, new_nid) SELECT value ->> 0, ?, value ->> 1, value ->> 2 FROM json_each(?)',
    pos,
    moves,
  )
}

/** Writes memberships of users of other servers, set at a position. The caller holds the transaction. */
export function writeImportedMembers(store: ObjectStore, members: readonly ImportedMember[], pos: number): void {
  store.run(
    `INSERT OR REPLACE INTO members (user_id, membership, local, nid, pos)
     SELECT events.state_key, brought.value ->> 1, 0, events.nid, ? FROM json_each(?) AS brought CROSS JOIN events ON events.nid = brought.value ->> 0`,
    pos,
    JSON.stringify(members.map(({ nid, membership }) => [nid, membership])),
  )
}
