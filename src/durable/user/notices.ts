import { MatrixError } from '../../matrix/errors.ts'
import { isJsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import { evaluatePushRules } from '../../matrix/push-rules/evaluate.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import type { MembershipNotice } from '../protocol.ts'
import type { RoomFacts } from '../room-news.ts'
import { isUnwantedInviter } from './invite-permissions.ts'
import { wakeParked } from './parking-wake.ts'
import { pushRulesetOf } from './push-rules.ts'
import type { UserCore } from './user-core.ts'

/**
 * Takes a room's word on the user's own membership. When this returns, it is committed together with every pending hint; the room may forget
 * the notice. A notice that came before costs nothing.
 */
export function takeNotice(core: UserCore, notice: MembershipNotice): void {
  if (!core.store.exists()) {
    // Rooms only know members whom the registry knows; what is told to nobody need not be told again.
    log.warn('a membership notice for an account that does not exist')
    return
  }
  if (notice.completedSinceMs !== undefined) {
    core.e2ee.outbox.announceSince(notice.roomId, notice.completedSinceMs)
    return
  }
  const { feedKeeper } = core
  const before = feedKeeper.feed.rooms.find(notice.roomId)
  if (!feedKeeper.feed.notice({ ...notice, facts: notice.facts ?? factsOfStranger(notice) })) return
  // A membership that goes on leaves what is unread alone.
  const goesOn = before?.membership === 'join' && notice.membership === 'join' && before.generation === notice.generation
  if (!goesOn) core.unread.reset(notice.roomId)
  if (notice.membership === 'invite') notifyOfInvitation(core, notice)
  feedKeeper.write((feed) => feed.flushNotice(notice))
  if (!goesOn && notice.membership === 'join' && notice.elsewhere === true) core.e2ee.outbox.announceTo(notice.roomId)
  if (!goesOn && notice.membership === 'join') core.presence?.joined(notice.roomId)
  wakeParked(core)
}

/** An invitation is an event like others to the push rules, though the room is not one of the user's yet. */
function notifyOfInvitation(core: UserCore, { roomId, eventId, sender, isDirect }: MembershipNotice): void {
  const { push, userId } = core
  if (!push.any || isUnwantedInviter(core, sender)) return
  const content = { membership: 'invite', ...(isDirect ? { is_direct: true } : {}) }
  const event = { type: 'm.room.member', room_id: roomId, event_id: eventId, sender, state_key: userId, content }
  const verdict = evaluatePushRules(pushRulesetOf(core), event, { userId, memberCount: 0 })
  if (verdict.notify) push.notify({ roomId, eventId, pos: 0, isEncrypted: false, verdict, ts: nowMs() })
}

/** What the list keeps of a room that says nothing of itself, because it is elsewhere: what the invitation shows. */
function factsOfStranger({ strippedState, pos }: MembershipNotice): RoomFacts {
  const now = nowMs()
  const shown: unknown = strippedState === undefined ? [] : JSON.parse(strippedState)
  const events = Array.isArray(shown) ? shown.filter(isJsonObject) : []
  const create = events.find(({ type }) => type === 'm.room.create')?.content
  const roomType = isJsonObject(create) ? create.type : undefined
  return {
    activityTs: now,
    bumpTs: now,
    memberPos: pos,
    encrypted: events.some(({ type }) => type === 'm.room.encryption'),
    roomType: typeof roomType === 'string' ? roomType : null,
  }
}

/** What the user may do in a room as far as their own list knows; `undefined` where they never had to do with it, or forgot it. */
export function roomAccess(core: UserCore, roomId: string): Membership | undefined {
  const row = core.store.exists() ? core.feedKeeper.feed.rooms.find(roomId) : undefined
  return row === undefined || row.forgotten ? undefined : row.membership
}

/** Rooms that the user is joined to. */
export function joinedRooms(core: UserCore): string[] {
  if (!core.store.exists()) return []
  return core.feedKeeper.feed.rooms.all().flatMap((row) => (row.membership === 'join' ? [row.roomId] : []))
}

/** Those of some rooms that the user is joined to. */
export function joinedAmong(core: UserCore, roomIds: readonly string[]): string[] {
  return roomIds.filter((roomId) => roomAccess(core, roomId) === 'join')
}

/**
 * Forgets a room that the user has left (client-server-api#leaving-rooms). Forgetting twice, or a room never heard of, is no error.
 * @throws MatrixError M_UNKNOWN 400 while the user is in the room.
 */
export function forgetRoom(core: UserCore, roomId: string, requestId: string): void {
  const { feedKeeper } = core
  const row = feedKeeper.feed.rooms.find(roomId)
  if (row === undefined || row.forgotten) return
  if (row.membership !== 'leave' && row.membership !== 'ban') {
    throw new MatrixError(400, 'M_UNKNOWN', 'You are still in that room')
  }
  feedKeeper.write((feed) => {
    feed.forget(row)
    feed.flush(requestId)
  })
}
