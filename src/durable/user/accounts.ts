import { forbidden, type MatrixError, userDeactivated, userInUse } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { insertAccount, markDeactivated, readAccount, updatePasswordHash, writeFailures } from '../../storage/user/account.ts'
import { deleteAllAccountData } from '../../storage/user/account-data.ts'
import { deleteProfile } from '../../storage/user/profile.ts'
import { checkDeviceWish, type DeviceWish, type LoggedIn, logInDevice, removeDevices, removeOtherDevices } from './devices.ts'
import { onDeactivated } from './hooks.ts'
import { endBrowserSessions } from './oauth/end-sessions.ts'
import { isPasswordOfAccount } from './password.ts'
import { checkNewPassword, hashPassword } from './password-hash.ts'
import { putProfileField } from './profile.ts'
import type { Requester } from './session-base.ts'
import { refusalOf } from './standing.ts'
import type { UserCore } from './user-core.ts'

/** A new account. The caller has reserved its name in the registry. */
export interface RegisterRequest {
  /** Absent for accounts that log in by other means. */
  readonly password: string | undefined
  readonly isAdmin: boolean
  /** Display name to begin with. */
  readonly displayName?: string | undefined
  /** The device to log in on at once, if any. */
  readonly device: DeviceWish | undefined
  readonly requestId: string
}

/** Creates the account: schema, account, device and tokens in one commit. @throws MatrixError M_USER_IN_USE, M_WEAK_PASSWORD. */
export async function registerAccount(core: UserCore, request: RegisterRequest): Promise<LoggedIn | undefined> {
  const { password, device } = request
  if (readAccount(core.store) !== undefined) throw userInUse()
  if (device !== undefined) checkDeviceWish(device)
  if (password !== undefined) checkNewPassword(password)
  const hash = password === undefined ? undefined : await hashPassword(password)
  const now = nowMs()
  return core.store.transaction(request.requestId, () => {
    core.store.migrate()
    // Somebody else may have come first while this one was hashing.
    if (readAccount(core.store) !== undefined) throw userInUse()
    insertAccount(core.store, core.userId, hash, request.isAdmin, now)
    if (request.displayName !== undefined) putProfileField(core, 'displayname', request.displayName, request.requestId)
    return device === undefined ? undefined : logInDevice(core, device, now)
  })
}

/** A login with a password. */
export interface LoginRequest {
  readonly password: string
  readonly device: DeviceWish
  readonly requestId: string
}

/** What every failed login says: whether the account exists is not for the client to know. */
export function wrongCredentials(): MatrixError {
  return forbidden('Wrong user name or password')
}

/** Logs in. @throws MatrixError M_FORBIDDEN, M_USER_DEACTIVATED, M_USER_LOCKED, M_LIMIT_EXCEEDED. */
export async function logIn(core: UserCore, request: LoginRequest): Promise<LoggedIn> {
  checkDeviceWish(request.device)
  const right = await isPasswordOfAccount(core, request.password, request.device.clientAddress, request.requestId)
  if (readAccount(core.store)?.state === 'deactivated') throw userDeactivated()
  if (!right) throw wrongCredentials()
  const locked = refusalOf(core, 'unlocked')
  if (locked !== undefined) throw locked
  return core.store.transaction(request.requestId, () => logInDevice(core, request.device, nowMs()))
}

/** Ends the requester's session: its device and everything that hangs on it. */
export function logOut(core: UserCore, requester: Requester): void {
  core.store.transaction(requester.requestId, () => removeDevices(core, [requester.deviceId]))
}

/** Ends every session of the account. */
export function logOutEverywhere(core: UserCore, requester: Requester): void {
  core.store.transaction(requester.requestId, () => {
    removeOtherDevices(core, undefined)
    endBrowserSessions(core, undefined)
  })
}

/** Whoever changes the account as its owner: a client on a device, or a browser on the account page. */
export interface AccountOwner {
  readonly requestId: string
  readonly deviceId: string | undefined
  /** What the browser is logged in with. */
  readonly cookie?: string
}

/** Sets a new password, logs other browsers out and, unless told otherwise, ends every other session. @throws MatrixError M_WEAK_PASSWORD. */
export async function changePassword(core: UserCore, owner: AccountOwner, password: string, logOutDevices: boolean): Promise<void> {
  checkNewPassword(password)
  const hash = await hashPassword(password)
  core.store.transaction(owner.requestId, () => {
    if (readAccount(core.store)?.state !== 'active') throw userDeactivated()
    updatePasswordHash(core.store, hash)
    writeFailures(core.store, undefined)
    endBrowserSessions(core, owner.cookie)
    if (logOutDevices) removeOtherDevices(core, owner.deviceId)
  })
}

/** Ends the account for good (client-server-api#post_matrixclientv3accountdeactivate). */
export function deactivateAccount(core: UserCore, { requestId }: Pick<AccountOwner, 'requestId'>, erase: boolean): void {
  core.store.transaction(requestId, () => {
    markDeactivated(core.store, erase)
    removeOtherDevices(core, undefined)
    endBrowserSessions(core, undefined)
    deleteAllAccountData(core.store)
    deleteProfile(core.store)
    onDeactivated(core, erase)
  })
}
