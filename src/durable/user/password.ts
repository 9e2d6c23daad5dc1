import { limitExceeded } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { type FailureBucket, readAccount, readFailures, updatePasswordHash, writeFailures } from '../../storage/user/account.ts'
import { hashPassword, verifyPassword } from './password-hash.ts'
import type { UserCore } from './user-core.ts'

/**
 * Wrong passwords from one address. Slower than {@link ACCOUNT_FAILURES} drains, so that one address cannot lock the account for others.
 */
const ADDRESS_ATTEMPTS = { burst: 10, perSecond: 1 / 60 }
/** Wrong passwords for the account from anywhere: how many, and how fast they are forgotten. Durable. */
const ACCOUNT_FAILURES = { burst: 50, drainPerMs: 1 / 30_000 }
const RETRY_AFTER_MS = 30_000

function levelNow(bucket: FailureBucket | undefined, now: number): number {
  return bucket === undefined ? 0 : Math.max(0, bucket.level - (now - bucket.updatedTs) * ACCOUNT_FAILURES.drainPerMs)
}

/** Refuses before anything is hashed (SECURITY A15, A16). Attempts under way count as failed. */
function checkAttempts(core: UserCore, clientAddress: string, now: number): void {
  const waitMs = core.buckets.peek(`password ${clientAddress}`, ADDRESS_ATTEMPTS, now)
  if (waitMs > 0) throw limitExceeded(waitMs)
  if (levelNow(readFailures(core.store), now) + core.passwordChecks >= ACCOUNT_FAILURES.burst) throw limitExceeded(RETRY_AFTER_MS)
}

/**
 * Whether this is the account's password. Counts wrong ones durably, forgets them after a right one, and brings the hash up to date. For an
 * account that does not exist or has no password it takes as long and answers no.
 * @throws MatrixError M_LIMIT_EXCEEDED.
 */
export async function isPasswordOfAccount(core: UserCore, password: string, clientAddress: string, requestId: string): Promise<boolean> {
  const exists = core.store.exists()
  if (exists && core.config.rateLimits) checkAttempts(core, clientAddress, nowMs())
  const stored = readAccount(core.store)?.passwordHash
  core.passwordChecks += 1
  const verdict = await verifyPassword(password, stored).finally(() => {
    core.passwordChecks -= 1
  })
  if (!exists) return false
  const current = verdict.right && verdict.outdated ? await replaceHash(core, password, stored, requestId) : stored
  const now = nowMs()
  const failures = readFailures(core.store)
  if (verdict.right) {
    if (failures !== undefined) core.store.transaction(requestId, () => writeFailures(core.store, undefined))
    // The password may have been changed while this one was being hashed.
    return readAccount(core.store)?.passwordHash === current
  }
  core.buckets.take(`password ${clientAddress}`, ADDRESS_ATTEMPTS, now)
  core.store.transaction(requestId, () => writeFailures(core.store, { level: levelNow(failures, now) + 1, updatedTs: now }))
  return false
}

/** Hashes the same password with today's parameters, unless it has been changed meanwhile. Answers the hash that ought to be stored now. */
async function replaceHash(core: UserCore, password: string, stored: string | undefined, requestId: string): Promise<string | undefined> {
  const hash = await hashPassword(password)
  if (readAccount(core.store)?.passwordHash !== stored) return stored
  core.store.transaction(requestId, () => updatePasswordHash(core.store, hash))
  return hash
}
