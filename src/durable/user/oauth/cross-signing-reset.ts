import { nowMs } from '../../../runtime/clock.ts'
import { readCrossSigningReset, writeCrossSigningReset } from '../../../storage/user/cross-signing-reset.ts'
import type { UserCore } from '../user-core.ts'

/** How long the user's leave is good (SECURITY A14). */
export const RESET_LIFETIME_MS = 10 * 60 * 1000

/** The user lets a device, or any, replace the cross-signing keys: once, and soon. */
export function allowCrossSigningReset(core: UserCore, deviceId: string | undefined, requestId: string): void {
  core.store.transaction(requestId, () => writeCrossSigningReset(core.store, { deviceId, untilTs: nowMs() + RESET_LIFETIME_MS }))
}

/** Uses the leave up. Answers whether there was one for this device. */
export function takeCrossSigningReset(core: UserCore, deviceId: string, requestId: string): boolean {
  const reset = readCrossSigningReset(core.store)
  if (reset === undefined || reset.untilTs <= nowMs() || (reset.deviceId !== undefined && reset.deviceId !== deviceId)) return false
  core.store.transaction(requestId, () => writeCrossSigningReset(core.store, undefined))
  return true
}
