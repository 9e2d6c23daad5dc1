import { forbidden } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { type Outcome, refusal, success } from '../../../runtime/outcome.ts'
import type { DelayedEventRow } from '../../../storage/user/delayed-events.ts'
import { objectsOf } from '../../objects.ts'
import type { Caller } from '../../protocol.ts'
import type { MembershipRequest } from '../../room/membership.ts'
import { DELAYED_ENDPOINT } from '../../room/send.ts'
import { roomAccess } from '../notices.ts'
import { refusalOf, standingOf } from '../standing.ts'
import type { UserCore } from '../user-core.ts'

/**
 * Sends a delayed event in the user's name. Power levels, membership and the account's standing count as they are now (MSC4140). Repeating it after a crash
 * sends nothing twice: the delay's ID is the transaction ID. @throws whatever keeps the room from being asked.
 */
export async function sendDelayed(core: UserCore, row: DelayedEventRow): Promise<Outcome<{ readonly eventId: string }>> {
  const refused = refusalOf(core, 'unlocked')
  if (refused !== undefined) return refusal(refused)
  // Rooms are only named where the user's list names them.
  if (roomAccess(core, row.roomId) === undefined) return refusal(forbidden('You are not in this room'))
  const { suspended } = standingOf(core)
  const caller: Caller = { userId: core.userId, deviceId: undefined, requestId: 'delayed', ...(suspended && { suspended }) }
  const parsed: unknown = JSON.parse(row.content)
  const content = isJsonObject(parsed) ? parsed : {}
  if (row.type === 'm.room.member' && row.stateKey !== undefined) return sendMembership(core, caller, row.roomId, row.stateKey, content)
  return objectsOf(core.env, undefined)
    .room(row.roomId)
    .send(caller, {
      type: row.type,
      stateKey: row.stateKey,
      content,
      redacts: row.redacts,
      txn: { endpoint: DELAYED_ENDPOINT, id: row.delayId },
    })
}

/** Leaving, removing and banning take the way of all memberships; others cannot be scheduled. */
async function sendMembership(
  core: UserCore,
  caller: Caller,
  roomId: string,
  target: string,
  content: JsonObject,
): Promise<Outcome<{ readonly eventId: string }>> {
  const action = content.membership === 'ban' ? 'ban' : target === core.userId ? 'leave' : 'remove'
  const request: MembershipRequest = { action, target, content, ownContent: true }
  const outcome = await objectsOf(core.env, undefined).room(roomId).membership(caller, request)
  if (!outcome.ok) return outcome
  return 'eventId' in outcome.value ? success(outcome.value) : refusal(forbidden('You are not in this room'))
}
