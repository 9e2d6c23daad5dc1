import type { ObjectStore } from '../object-store.ts'

/** Whether another server can be reached. Times in milliseconds since the epoch. */
export interface DestinationState {
  /** Attempts that failed since the last that did not. */
  readonly failures: number
  /** When the first of them failed. */
  readonly failingSinceTs: number | undefined
  /** Not to be tried before. */
  readonly retryTs: number | undefined
  readonly lastSuccessTs: number | undefined
}

interface Row extends Record<string, SqlStorageValue> {
  readonly failures: number
  readonly failing_since_ts: number | null
  readonly retry_ts: number | null
  readonly last_success_ts: number | null
}

const UNKNOWN: DestinationState = { failures: 0, failingSinceTs: undefined, retryTs: undefined, lastSuccessTs: undefined }

/** What was last noted. */
export function readDestination(store: ObjectStore): DestinationState {
  const row = store.first<Row>('SELECT failures, failing_since_ts, retry_ts, last_success_ts FROM destination WHERE id = 1')
  if (row === undefined) return UNKNOWN
  return {
    failures: row.failures,
    failingSinceTs: row.failing_since_ts ?? undefined,
    retryTs: row.retry_ts ?? undefined,
    lastSuccessTs: row.last_success_ts ?? undefined,
  }
}

/** Notes how things stand. The caller holds the transaction. */
export function writeDestination(store: ObjectStore, serverName: string, state: DestinationState): void {
  store.run(
    `INSERT OR REPLACE INTO destination (id, server_name, failures, failing_since_ts, retry_ts, last_success_ts) VALUES (1, ?, ?, ?, ?, ?)`,
    serverName,
    state.failures,
    state.failingSinceTs ?? null,
    state.retryTs ?? null,
    state.lastSuccessTs ?? null,
  )
}
