import { forbidden } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { type PresenceState, presenceContent } from '../../../matrix/presence.ts'
import { nowMs } from '../../../runtime/clock.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import { objectsOf } from '../../objects.ts'
import { usersSharingNothing } from '../e2ee/sharing.ts'
import { PushSession } from '../push/push-session.ts'
import { run, runAsync } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'

const OFFLINE: JsonObject = { presence: 'offline' }

/** Presence as the account that a credential has opened sees and sets it. */
export abstract class PresenceSession extends PushSession {
  /** Sets the user's own presence. Nothing happens where presence is switched off. */
  setPresence(presence: PresenceState, statusMsg: string | undefined): Outcome<void> {
    return run(this.core, this.admission, (core, { deviceId, requestId }) => core.presence?.set(deviceId, presence, statusMsg, requestId))
  }

  /** Somebody's presence, for those who share a room with them. */
  presenceOf(userId: string): Promise<Outcome<JsonObject>> {
    return runAsync(this.core, this.admission, (core) => presenceOf(core, userId))
  }
}

async function presenceOf(core: UserCore, userId: string): Promise<JsonObject> {
  const { presence } = core
  if (presence === undefined) return OFFLINE
  if (userId === core.userId) return presenceContent(presence.current(), nowMs())
  const { left, unsure } = await usersSharingNothing(core, [userId])
  if (left.includes(userId) || unsure.includes(userId)) throw forbidden('You share no room with that user')
  const isLocal = userId.endsWith(`:${core.config.serverName}`)
  const found = isLocal ? await objectsOf(core.env, undefined).user(userId).currentPresence() : presence.known.find(userId)
  return found === undefined ? OFFLINE : presenceContent(found, nowMs())
}
