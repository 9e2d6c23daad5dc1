import { markFallbackKeyUsed, readFallbackKey } from '../../../storage/user/fallback-keys.ts'
import { claimOneTimeKey, type NamedKey } from '../../../storage/user/one-time-keys.ts'
import type { UserCore } from '../user-core.ts'

/** Which key somebody wants: of a device, for an algorithm. */
export interface KeyClaim {
  readonly deviceId: string
  readonly algorithm: string
}

/** A key that was handed out. */
export interface ClaimedKey extends NamedKey {
  readonly deviceId: string
}

/**
 * Hands out one-time keys in the order of their upload, each once, and fallback keys where there are none left
 * (client-server-api#post_matrixclientv3keysclaim, SECURITY D6): one transaction, durable before anybody hears of it. Devices without keys are left out.
 */
export function claimKeys(core: UserCore, claims: readonly KeyClaim[], requestId: string): ClaimedKey[] {
  if (!core.store.exists() || claims.length === 0) return []
  return core.store.transaction(requestId, () => claims.flatMap((claim) => claimKey(core, claim) ?? []))
}

function claimKey(core: UserCore, { deviceId, algorithm }: KeyClaim): ClaimedKey | undefined {
  const { store, e2ee } = core
  const key = claimOneTimeKey(store, deviceId, algorithm)
  if (key !== undefined) {
    e2ee.forgetCounts(deviceId)
    return { deviceId, ...key }
  }
  const fallback = readFallbackKey(store, deviceId, algorithm)
  if (fallback === undefined) return undefined
  if (!fallback.used) {
    markFallbackKeyUsed(store, deviceId, algorithm)
    e2ee.forgetCounts(deviceId)
  }
  return { deviceId, algorithm, keyId: fallback.keyId, key: fallback.key }
}
