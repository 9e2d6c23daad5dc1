import { canonicalJson } from '../../matrix/canonical-json.ts'
import { badState, forbidden } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import { type Outcome, refusal } from '../../runtime/outcome.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { Caller } from '../protocol.ts'
import { appendLocalEvent } from './append/append-local-event.ts'
import type { CommitQueue } from './append/commit-queue.ts'
import type { Draft } from './append/draft.ts'
import { authoriserOfJoin, conditionsOfJoin } from './membership-restricted.ts'
import { enqueueLocal } from './policy/policy-round.ts'
import type { RoomCore } from './room-core.ts'

/** How a membership is to change. `kick`, `unban` and `remove` (either of them) end in `leave`, but insist on what was there before. */
export type MembershipAction = 'join' | 'invite' | 'leave' | 'kick' | 'ban' | 'unban' | 'remove' | 'knock'

/** Worker → room: a change of the caller's own or somebody else's membership. */
export interface MembershipRequest {
  readonly action: MembershipAction
  /** Whose membership; the Worker has checked that a local user exists (naming one creates an object). */
  readonly target: string
  /** The event's content apart from `membership`: profile, reason, `is_direct`, or what the client chose through `PUT /state`. */
  readonly content: JsonObject
  /** The client chose the content: somebody who has joined already may join again to change it. */
  readonly ownContent: boolean
  /** Rooms that the caller has joined, among those that a first attempt named; absent in a first attempt. */
  readonly memberOf?: readonly string[]
  /** The caller's own list has them invited or knocking, whatever this room has heard of it: other servers tell invited users, not rooms that all have left. */
  readonly isOutside?: boolean
}

/** Room → Worker: done, or come back with those of the named rooms that the caller has joined (rooms/v8#authorization-rules, restricted rooms). */
export type MembershipAnswer =
  | { readonly eventId: string }
  | { readonly needsMembershipIn: readonly string[] }
  /** Nobody of this server is in the room: one of these servers must be asked. */
  | { readonly needsServers: readonly string[] }

/** Servers that are named for asking. */
const MAX_SERVERS_NAMED = 8

const RESULTING: Readonly<Record<MembershipAction, Membership>> = {
  join: 'join',
  invite: 'invite',
  leave: 'leave',
  kick: 'leave',
  ban: 'ban',
  unban: 'leave',
  remove: 'leave',
  knock: 'knock',
}

/** Changes a membership. Answered once the event is durable and the user concerned has committed it. */
export function changeMembership(
  core: RoomCore,
  queue: CommitQueue,
  caller: Caller,
  request: MembershipRequest,
): Promise<Outcome<MembershipAnswer>> {
  if (core.findHead() === undefined) return Promise.resolve(refusal(core.unknownRoom()))
  return enqueueLocal(core, queue, caller.requestId, (draft) => decide(core, draft, caller, request))
}

function decide(core: RoomCore, draft: Draft, caller: Caller, request: MembershipRequest): MembershipAnswer {
  const { action, target } = request
  const servers = serversToAsk(core, caller, request)
  if (servers.length > 0) return { needsServers: servers }
  const current = core.currentEvent('m.room.member', target)
  const before = current === undefined ? undefined : core.members.find(target)?.membership
  requireTransition(core, caller, request, before)
  // Only this server says who authorised a join; what a client sends under that name is dropped.
  const { join_authorised_via_users_server: _claimed, ...given } = request.content
  const content: JsonObject = { ...given, membership: RESULTING[action] }
  if (current !== undefined && before !== undefined && isRepeated(core, caller, request, content, current, before)) {
    return { eventId: current.eventId }
  }
  const conditions = action === 'join' ? conditionsOfJoin(core, before) : undefined
  if (conditions !== undefined && conditions.length > 0 && request.memberOf === undefined) return { needsMembershipIn: conditions }
  const authoriser = conditions === undefined ? undefined : authoriserOfJoin(core, conditions, request.memberOf ?? [])
  const stored = appendLocalEvent(core, draft, {
    type: 'm.room.member',
    stateKey: target,
    sender: caller.userId,
    content: authoriser === undefined ? content : { ...content, join_authorised_via_users_server: authoriser },
    originServerTs: core.nowMs(),
  })
  return { eventId: stored.eventId }
}

/** Servers through which somebody comes into a room, or declines to, that everybody of this server has left: what is known of it here is old. */
function serversToAsk(core: RoomCore, caller: Caller, { action, target, isOutside }: MembershipRequest): string[] {
  if (target !== caller.userId || !(action === 'join' || action === 'knock' || action === 'leave')) return []
  // Whoever has left already is answered here.
  const isOut = action === 'leave' && isOutside !== true && core.members.find(target)?.membership === 'leave'
  return isOut || core.members.hasLocalJoined() ? [] : core.members.joinedServers('', MAX_SERVERS_NAMED)
}

/** What an action demands beyond the authorization rules, which know no kick and no unban (client-server-api#room-membership). */
function requireTransition(core: RoomCore, caller: Caller, { action, target }: MembershipRequest, before: Membership | undefined): void {
  if (action === 'join' || action === 'leave' || action === 'knock') {
    if (target !== caller.userId) throw forbidden('You cannot do that for somebody else')
    return
  }
  // Asked first, so that nothing below tells an outsider about somebody's membership.
  if (core.members.find(caller.userId)?.membership !== 'join') throw forbidden('You are not in this room')
  if (action === 'unban' && before !== 'ban') throw badState('That user is not banned')
  if (action === 'kick' && before === 'ban') throw badState('That user is banned; lift the ban instead')
  if ((action === 'kick' || action === 'remove') && (before === undefined || before === 'leave')) {
    throw forbidden('That user is not in the room')
  }
}

/** Whether the membership stands as asked already, so that repeating it is answered with the event that made it. */
function isRepeated(
  core: RoomCore,
  caller: Caller,
  request: MembershipRequest,
  content: JsonObject,
  current: StoredEvent,
  before: Membership,
): boolean {
  if (before !== content.membership) return false
  const own = request.target === caller.userId
  if (own && !request.ownContent && (before === 'join' || before === 'leave' || before === 'knock')) return true
  if (current.sender !== caller.userId) return false
  const { join_authorised_via_users_server: _authoriser, ...stored } = core.roomEvent(current, core.roomId).content
  return canonicalJson(stored) === canonicalJson(content)
}
