import { forbidden, MatrixError, notFound } from '../../../matrix/errors.ts'
import { eventReferences } from '../../../matrix/events/create-event.ts'
import { MAX_DEPTH } from '../../../matrix/events/event-limits.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { authTypesFor } from '../../../state-resolution/auth/auth-types.ts'
import { checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { MAX_PREV_EVENTS } from '../../../storage/room/limits.ts'
import { referenceHashes } from '../append/reference-hashes.ts'
import { authoriserOfJoin, conditionsOfJoin } from '../membership-restricted.ts'
import type { RoomCore } from '../room-core.ts'
import { requireAllowedServer, requireResident } from './server-access.ts'

/** What a user of another server may do about their own membership through this server. */
export type RemoteAction = 'join' | 'leave' | 'knock'

/** What the Worker found out about the conditions of a restricted room. */
export interface ConditionsLookedAt {
  /** Rooms among those asked for that the user has joined. */
  readonly memberOf: readonly string[]
  /** Some of the rooms are not on this server, which therefore cannot say. */
  readonly incomplete: boolean
}

/** Worker → room: a server wants to change the membership of one of its users (server-server-api#joining-rooms). */
export interface TemplateRequest {
  readonly action: RemoteAction
  readonly userId: string
  /** Room versions that the server supports. */
  readonly versions: readonly string[]
  readonly conditions?: ConditionsLookedAt
}

/** Room → Worker: the unsigned event, or come back with which of these rooms the user has joined. */
export type TemplateAnswer =
  | { readonly roomVersion: string; readonly event: JsonObject }
  | { readonly needsMembershipIn: readonly string[] }

/**
 * A membership event for another server to complete and sign (`make_join`, `make_leave`, `make_knock`).
 * @throws MatrixError M_FORBIDDEN, M_NOT_FOUND, M_INCOMPATIBLE_ROOM_VERSION, M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN.
 */
export function membershipTemplate(core: RoomCore, serverName: string, request: TemplateRequest): TemplateAnswer {
  requireAllowedServer(core, serverName)
  requireResident(core)
  const { action, userId } = request
  requireWholeState(core, action)
  if (parseUserId(userId)?.serverName !== serverName) throw forbidden('That user is of another server')
  const { rules } = core
  if (action !== 'leave' && !request.versions.includes(rules.version)) {
    throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', `The room has version ${rules.version}`, { room_version: rules.version })
  }
  if (action === 'knock' && !rules.knocking) throw forbidden('Rooms of this version know no knocking')
  const conditions = action === 'join' ? conditionsFor(core, userId) : undefined
  if (conditions !== undefined && conditions.length > 0 && request.conditions === undefined) return { needsMembershipIn: conditions }
  const authoriser = conditions === undefined ? undefined : remoteAuthoriser(core, conditions, request.conditions)
  const content: JsonObject = {
    membership: action,
    ...(authoriser === undefined ? {} : { join_authorised_via_users_server: authoriser }),
  }
  return { roomVersion: rules.version, event: template(core, rules, userId, content) }
}

/** Whoever joins or knocks takes the state of the room from here: it has to be whole. @throws MatrixError M_NOT_FOUND. */
export function requireWholeState(core: RoomCore, action: RemoteAction): void {
  const isWhole = core.partial.current === undefined && core.groups.isComplete(core.head.currentGroup)
  if (action !== 'leave' && !isWhole) throw notFound('The state of the room is not known here')
}

/** Rooms one of which a user must have joined to join this one, or `undefined` where the rules alone decide. */
export function conditionsFor(core: RoomCore, userId: string): readonly string[] | undefined {
  return conditionsOfJoin(core, core.members.find(userId)?.membership)
}

/**
 * Who of this server vouches for a user of another (F12).
 * @throws MatrixError M_FORBIDDEN where no condition holds; M_UNABLE_TO_AUTHORISE_JOIN where this server cannot know; M_UNABLE_TO_GRANT_JOIN.
 */
export function remoteAuthoriser(core: RoomCore, conditions: readonly string[], found: ConditionsLookedAt | undefined): string {
  const memberOf = found?.memberOf ?? []
  if (found?.incomplete === true && !conditions.some((roomId) => memberOf.includes(roomId))) {
    throw new MatrixError(400, 'M_UNABLE_TO_AUTHORISE_JOIN', 'This server cannot tell whether a condition of the room holds')
  }
  try {
    return authoriserOfJoin(core, conditions, memberOf)
  } catch (cause) {
    if (!(cause instanceof MatrixError) || cause.errcode !== 'M_UNABLE_TO_GRANT_JOIN') throw cause
    throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', cause.message)
  }
}

function template(core: RoomCore, rules: RoomVersionRules, userId: string, content: JsonObject): JsonObject {
  const { roomId, extremities } = core.head
  const state = core.authState(roomId)
  const found = authTypesFor({ type: 'm.room.member', stateKey: userId, sender: userId, content }, rules).flatMap(
    ([type, stateKey]) => state.get(type, stateKey) ?? [],
  )
  const authEvents = [...new Map(found.map((event) => [event.eventId, event])).values()]
  const authIds = authEvents.map(({ eventId }) => eventId)
  const prev = core.events.getMany(extremities.slice(-MAX_PREV_EVENTS))
  const prevIds = prev.map(({ eventId }) => eventId)
  const hashes = { referenceHashes: referenceHashes(core, roomId, rules, prev, authEvents) }
  const event = {
    auth_events: eventReferences(authIds, hashes, rules),
    content,
    depth: Math.min(prev.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1, MAX_DEPTH),
    origin_server_ts: core.nowMs(),
    prev_events: eventReferences(prevIds, hashes, rules),
    room_id: roomId,
    sender: userId,
    state_key: userId,
    type: 'm.room.member',
  }
  const verdict = checkAuth(
    {
      eventId: '',
      roomId,
      type: event.type,
      stateKey: userId,
      sender: userId,
      content,
      originServerTs: event.origin_server_ts,
      depth: event.depth,
      prevEvents: prevIds,
      authEvents: authIds,
      redacts: undefined,
      pdu: event,
    },
    state,
    rules,
  )
  if (!verdict.allowed) throw forbidden(verdict.message)
  return event
}
