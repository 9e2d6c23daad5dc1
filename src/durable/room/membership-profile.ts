import { canonicalJson } from '../../matrix/canonical-json.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import { type Outcome, success } from '../../runtime/outcome.ts'
import type { Caller } from '../protocol.ts'
import { appendLocalEvent } from './append/append-local-event.ts'
import type { CommitQueue } from './append/commit-queue.ts'
import { enqueueLocal } from './policy/policy-round.ts'
import type { RoomCore } from './room-core.ts'

/**
 * Writes a changed global profile into the caller's membership event (client-server-api#profiles). Does nothing for users who are not in the room
 * or whose event says it already, so that it may be repeated. Answers whether an event was written.
 */
export function updateMemberProfile(core: RoomCore, queue: CommitQueue, caller: Caller, profile: MemberProfile): Promise<Outcome<boolean>> {
  if (core.findHead()?.life !== 'active') return Promise.resolve(success(false))
  return enqueueLocal(core, queue, caller.requestId, (draft) => {
    const current = core.currentEvent('m.room.member', caller.userId)
    if (current === undefined || core.members.find(caller.userId)?.membership !== 'join') return false
    const old = core.roomEvent(current, core.roomId).content
    // A reason and whoever let the user in belong to the join, not to what comes after it.
    const { displayname: _name, avatar_url: _avatar, reason: _reason, join_authorised_via_users_server: _authoriser, ...kept } = old
    const content: JsonObject = { ...kept, ...profile, membership: 'join' }
    if (canonicalJson(profileOf(old)) === canonicalJson(profileOf(content))) return false
    appendLocalEvent(core, draft, {
      type: 'm.room.member',
      stateKey: caller.userId,
      sender: caller.userId,
      content,
      originServerTs: core.nowMs(),
    })
    return true
  })
}

function profileOf(content: JsonObject): JsonObject {
  return { displayname: content.displayname ?? null, avatar_url: content.avatar_url ?? null }
}
