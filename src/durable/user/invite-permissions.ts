import { MatrixError } from '../../matrix/errors.ts'
import { compileInvitePermissions, EVERYBODY_MAY_INVITE, type InvitePermissions } from '../../matrix/invite-permissions.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { readAccountData } from '../../storage/user/account-data.ts'
import { chargeInvitation } from './invite-limits.ts'
import { publicProfile } from './profile.ts'
import type { UserCore } from './user-core.ts'

const TYPE = 'm.invite_permission_config'
const UNSTABLE_TYPE = 'org.matrix.msc4155.invite_permission_config'

/**
 * Who may invite the user, compiled once per change. As long as the user has set the same, it is the same object, on which lists of rooms depend.
 */
export class InvitePermissionsCache {
  #isStale = true
  #text = ''
  #permissions: InvitePermissions = EVERYBODY_MAY_INVITE

  /** Account data is changing. */
  invalidate(): void {
    this.#isStale = true
  }

  read(core: UserCore): InvitePermissions {
    if (!this.#isStale) return this.#permissions
    const texts = [TYPE, UNSTABLE_TYPE].map((type) => readAccountData(core.store, '', type) ?? 'null')
    const text = texts.join('\n')
    if (text !== this.#text) {
      const [config, lists]: readonly unknown[] = texts.map((content): unknown => JSON.parse(content))
      this.#permissions = compileInvitePermissions(config, lists)
      this.#text = text
    }
    this.#isStale = false
    return this.#permissions
  }
}

/** Whether the user does not want to see invitations of somebody: those that came before they said so, too. */
export function isUnwantedInviter(core: UserCore, inviter: string): boolean {
  const { ownData } = core.feedKeeper
  return ownData.ignoredUsers(core).includes(inviter) || ownData.invitePermissions.read(core)(inviter) !== 'allow'
}

/** Somebody is about to invite the user; answers the profile that the invitation shows. @throws MatrixError M_INVITE_BLOCKED, M_LIMIT_EXCEEDED. */
export function invitedBy(core: UserCore, inviter: string): JsonObject {
  if (core.store.exists() && core.feedKeeper.ownData.invitePermissions.read(core)(inviter) === 'block') {
    throw new MatrixError(403, 'M_INVITE_BLOCKED', 'That user does not want to be invited')
  }
  if (core.config.rateLimits) chargeInvitation(core.buckets, core.config.serverName, inviter, nowMs())
  return publicProfile(core)
}
