import type { ObjectStore } from '../object-store.ts'

/** An event that is to be sent later, or was (MSC4140). */
export interface DelayedEventRow {
  readonly delayId: string
  /** What makes the request that scheduled it idempotent. */
  readonly txn: string | undefined
  readonly roomId: string
  readonly type: string
  readonly stateKey: string | undefined
  /** JSON text. */
  readonly content: string
  readonly redacts: string | undefined
  readonly delayMs: number
  /** When it was scheduled, or restarted last. */
  readonly scheduledTs: number
  /** Absent as long as it is scheduled. */
  readonly final?: DelayedOutcome
}

/** What became of a delayed event: with neither an event nor an error it was cancelled. */
export interface DelayedOutcome {
  readonly ts: number
  readonly eventId?: string | undefined
  /** JSON text of the refusal. */
  readonly error?: string | undefined
}

type Columns = {
  delay_id: string
  txn: string | null
  room_id: string
  type: string
  state_key: string | null
  content: string
  redacts: string | null
  delay_ms: number
  scheduled_ts: number
  finalised_ts: number | null
  event_id: string | null
  error: string | null
}

const COLUMNS = 'delay_id, txn, room_id, type, state_key, content, redacts, delay_ms, scheduled_ts, finalised_ts, event_id, error'

function decode(row: Columns): DelayedEventRow {
  const { finalised_ts: ts } = row
  const scheduled = {
    delayId: row.delay_id,
    txn: row.txn ?? undefined,
    roomId: row.room_id,
    type: row.type,
    stateKey: row.state_key ?? undefined,
    content: row.content,
    redacts: row.redacts ?? undefined,
    delayMs: row.delay_ms,
    scheduledTs: row.scheduled_ts,
  }
  return ts === null ? scheduled : { ...scheduled, final: { ts, eventId: row.event_id ?? undefined, error: row.error ?? undefined } }
}

/** One delayed event. */
export function readDelayedEvent(store: ObjectStore, delayId: string): DelayedEventRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM delayed_events WHERE delay_id = ?`, delayId)
  return row === undefined ? undefined : decode(row)
}

/** The delayed event that a request has scheduled already. */
export function findDelayedEvent(store: ObjectStore, txn: string): DelayedEventRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM delayed_events WHERE txn = ?`, txn)
  return row === undefined ? undefined : decode(row)
}

/** What is scheduled, in the order in which it is due; bounded by the limit on how many there are. */
export function scheduledDelayedEvents(store: ObjectStore): DelayedEventRow[] {
  const order = 'ORDER BY scheduled_ts + delay_ms, delay_id'
  return store.all<Columns>(`SELECT ${COLUMNS} FROM delayed_events WHERE finalised_ts IS NULL ${order}`).map(decode)
}

/** How many are scheduled, and when the first of them is due. */
export function countDelayedEvents(store: ObjectStore): { readonly count: number; readonly firstTs: number } {
  const row = store.first<{ count: number; first: number | null }>(
    'SELECT count(*) AS count, min(scheduled_ts + delay_ms) AS first FROM delayed_events WHERE finalised_ts IS NULL',
  )
  return { count: row?.count ?? 0, firstTs: row?.first ?? 0 }
}

/** Writes one that is scheduled. The caller holds the transaction. */
export function insertDelayedEvent(store: ObjectStore, row: Omit<DelayedEventRow, 'final'>): void {
  store.run(
    `INSERT INTO delayed_events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)`,
    row.delayId,
    row.txn ?? null,
    row.roomId,
    row.type,
    row.stateKey ?? null,
    row.content,
    row.redacts ?? null,
    row.delayMs,
    row.scheduledTs,
  )
}

/** Its time runs from now on. The caller holds the transaction. */
export function restartDelayedEvent(store: ObjectStore, delayId: string, nowTs: number): void {
  store.run('UPDATE delayed_events SET scheduled_ts = ? WHERE delay_id = ?', nowTs, delayId)
}

/** It is scheduled no more. The caller holds the transaction. */
export function finaliseDelayedEvent(store: ObjectStore, delayId: string, { ts, eventId, error }: DelayedOutcome): void {
  const change = 'UPDATE delayed_events SET finalised_ts = ?, event_id = ?, error = ? WHERE delay_id = ? AND finalised_ts IS NULL'
  store.run(change, ts, eventId ?? null, error ?? null, delayId)
}

/** Forgets what was finalised before a time, and of the rest all but the latest `keep`. The caller holds the transaction. */
export function pruneDelayedEvents(store: ObjectStore, beforeTs: number, keep: number): void {
  store.run('DELETE FROM delayed_events WHERE finalised_ts < ?', beforeTs)
  const surplus = 'SELECT delay_id FROM delayed_events WHERE finalised_ts IS NOT NULL ORDER BY finalised_ts DESC LIMIT -1 OFFSET ?'
  store.run(`DELETE FROM delayed_events WHERE delay_id IN (${surplus})`, keep)
}

/** Removes everything; only where the account goes. */
export function deleteDelayedEvents(store: ObjectStore): void {
  store.run('DELETE FROM delayed_events')
}
