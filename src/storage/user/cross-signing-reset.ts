import type { ObjectStore } from '../object-store.ts'

/** The user's leave to replace their cross-signing keys. */
export interface CrossSigningReset {
  /** The device that may; `undefined`: any of the account's. */
  readonly deviceId: string | undefined
  /** Milliseconds since the epoch. */
  readonly untilTs: number
}

/** The leave that was given last, whether it is still good or not. */
export function readCrossSigningReset(store: ObjectStore): CrossSigningReset | undefined {
  const row = store.first<{ device_id: string | null; until_ts: number }>(
    'SELECT device_id, until_ts FROM cross_signing_reset WHERE id = 1',
  )
  return row && { deviceId: row.device_id ?? undefined, untilTs: row.until_ts }
}

/** Gives leave, or takes it back. */
export function writeCrossSigningReset(store: ObjectStore, reset: CrossSigningReset | undefined): void {
  if (reset === undefined) store.run('DELETE FROM cross_signing_reset')
  else
    store.run(
      'INSERT OR REPLACE INTO cross_signing_reset (id, device_id, until_ts) VALUES (1, ?, ?)',
      reset.deviceId ?? null,
      reset.untilTs,
    )
}
