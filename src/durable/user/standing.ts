import type { StandingNeeded } from '../../http/context.ts'
import { forbidden, type MatrixError, notFound, userLocked, userSuspended } from '../../matrix/errors.ts'
import { readAccount, updateStanding } from '../../storage/user/account.ts'
import { listDevices } from '../../storage/user/devices.ts'
import { closeParkedOf } from './parking-wake.ts'
import type { UserCore } from './user-core.ts'

/** What an administrator has imposed on an account (client-server-api#account-locking, #account-suspension). */
export interface Standing {
  readonly locked: boolean
  readonly suspended: boolean
}

/** The account's standing; read once in each life of the object, which is its only writer. */
export function standingOf(core: UserCore): Standing {
  core.standing ??= readStanding(core)
  return core.standing
}

function readStanding(core: UserCore): Standing {
  const account = readAccount(core.store)
  return { locked: account?.locked ?? false, suspended: account?.suspended ?? false }
}

/** Why the account may not do something that needs a standing; `undefined` where it may. */
export function refusalOf(core: UserCore, needed: StandingNeeded): MatrixError | undefined {
  if (needed === 'any') return undefined
  const { locked, suspended } = standingOf(core)
  if (locked) return userLocked()
  return suspended && needed === 'unrestricted' ? userSuspended() : undefined
}

/** Whether the account is an administrator's. */
export function isAdmin(core: UserCore): boolean {
  return readAccount(core.store)?.isAdmin ?? false
}

/**
 * The standing of an account, for an administrator, after a change if one is wanted (client-server-api#server-administration).
 * @throws MatrixError M_NOT_FOUND for an account that is deactivated or was never made, M_FORBIDDEN for an administrator's.
 */
export function administerStanding(core: UserCore, change: Partial<Standing>, requestId: string): Standing {
  const account = readAccount(core.store)
  if (account?.state !== 'active') throw notFound('There is no such account')
  if (account.isAdmin) throw forbidden('Administrators cannot lock or suspend one another')
  const before = standingOf(core)
  const after = { ...before, ...change }
  if (after.locked === before.locked && after.suspended === before.suspended) return before
  core.store.transaction(requestId, () => {
    updateStanding(core.store, after.locked, after.suspended)
    // Whoever waits asks again, and is refused.
    if (after.locked) for (const { deviceId } of listDevices(core.store)) closeParkedOf(core, deviceId)
  })
  core.standing = after
  return after
}
