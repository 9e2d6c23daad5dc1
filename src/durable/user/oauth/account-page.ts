import { UNKNOWN_ADDRESS } from '../../../http/context.ts'
import { forbidden, notFound } from '../../../matrix/errors.ts'
import { readCrossSigningKey } from '../../../storage/user/cross-signing.ts'
import { listDevices, readDevice } from '../../../storage/user/devices.ts'
import { listOAuthGrants } from '../../../storage/user/oauth-grants.ts'
import { readProfileField } from '../../../storage/user/profile.ts'
import { changePassword, deactivateAccount } from '../accounts.ts'
import { removeDevices } from '../devices.ts'
import { putProfileField } from '../profile.ts'
import { refusalOf } from '../standing.ts'
import type { UserCore } from '../user-core.ts'
import { type BrowserProof, browserUser, requireBrowser, requirePassword } from './browser-sessions.ts'
import { allowCrossSigningReset } from './cross-signing-reset.ts'

/** A session of the account as its owner sees it on the account page. */
export interface DeviceOnPage {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly lastSeenTs: number | undefined
  readonly lastSeenIp: string | undefined
  /** The client that it logged in with through OAuth, if it did. */
  readonly client: { readonly name: string | undefined; readonly uri: string | undefined } | undefined
}

/** What the account page shows. */
export interface AccountOnPage {
  readonly userId: string
  readonly displayName: string
  readonly devices: readonly DeviceOnPage[]
  readonly hasCrossSigning: boolean
  /** The password was given a moment ago, so that it need not be given again. */
  readonly fresh: boolean
}

/** The account, for its owner's browser. @throws MatrixError M_UNKNOWN_TOKEN. */
export function accountOnPage(core: UserCore, cookie: string): AccountOnPage {
  requireBrowser(core, cookie)
  const fresh = browserUser(core, cookie)?.fresh ?? false
  const grants = new Map(listOAuthGrants(core.store).map((grant) => [grant.deviceId, grant]))
  const devices = listDevices(core.store).map((device) => {
    const seen = core.lastSeen.get(device.deviceId)
    const address = seen?.address ?? device.lastSeenIp
    const grant = grants.get(device.deviceId)
    return {
      deviceId: device.deviceId,
      displayName: device.displayName,
      lastSeenTs: seen?.seenTs ?? device.lastSeenTs,
      lastSeenIp: address === UNKNOWN_ADDRESS ? undefined : address,
      client: grant && { name: grant.clientName, uri: grant.clientUri },
    }
  })
  const name = readProfileField(core.store, 'displayname')
  return {
    userId: core.userId,
    displayName: typeof name === 'string' ? name : '',
    devices,
    hasCrossSigning: readCrossSigningKey(core.store, 'master') !== undefined,
    fresh,
  }
}

/** What a user does on the account page, after giving their password now or a moment ago (SECURITY A14) unless it is only their name. */
export type AccountAction =
  | { readonly kind: 'sign-out-device'; readonly deviceId: string }
  | { readonly kind: 'change-password'; readonly newPassword: string; readonly logOutDevices: boolean }
  | { readonly kind: 'allow-cross-signing-reset'; readonly deviceId: string | undefined }
  | { readonly kind: 'deactivate'; readonly erase: boolean }
  | { readonly kind: 'set-display-name'; readonly displayName: string }

/**
 * Does it. @throws MatrixError M_UNKNOWN_TOKEN, M_FORBIDDEN, M_LIMIT_EXCEEDED, M_WEAK_PASSWORD, M_NOT_FOUND.
 */
export async function actOnAccount(core: UserCore, cookie: string, action: AccountAction, proof: BrowserProof): Promise<void> {
  if (action.kind === 'set-display-name') return setDisplayName(core, cookie, action.displayName, proof.requestId)
  const mustBeGiven = action.kind === 'change-password' || action.kind === 'deactivate'
  if (mustBeGiven && (proof.password === undefined || proof.password === '')) throw forbidden('The password is missing')
  await requirePassword(core, cookie, proof)
  const { requestId } = proof
  switch (action.kind) {
    case 'sign-out-device':
      if (readDevice(core.store, action.deviceId) === undefined) throw notFound('There is no such device')
      core.store.transaction(requestId, () => removeDevices(core, [action.deviceId]))
      return
    case 'change-password':
      await changePassword(core, { requestId, deviceId: undefined, cookie }, action.newPassword, action.logOutDevices)
      return
    case 'allow-cross-signing-reset':
      allowCrossSigningReset(core, action.deviceId, requestId)
      return
    case 'deactivate':
      deactivateAccount(core, { requestId }, action.erase)
  }
}

function setDisplayName(core: UserCore, cookie: string, displayName: string, requestId: string): void {
  requireBrowser(core, cookie)
  const refused = refusalOf(core, 'unrestricted')
  if (refused !== undefined) throw refused
  putProfileField(core, 'displayname', displayName, requestId)
}
