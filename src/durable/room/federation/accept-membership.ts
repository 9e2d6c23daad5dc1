import { forbidden, invalidParam, MatrixError } from '../../../matrix/errors.ts'
import { cosignPdu } from '../../../matrix/events/create-event.ts'
import { type ParsedPdu, parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { type Outcome, refusal } from '../../../runtime/outcome.ts'
import { toPdu } from '../../../storage/room/events.ts'
import { insertRelayed } from '../../../storage/room/relayed.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import type { Draft } from '../append/draft.ts'
import { appendRemoteEvent } from '../graph/append-remote-event.ts'
import { joinTips } from '../graph/dummy-event.ts'
import { strippedStateOf } from '../notices.ts'
import { judgeReceived } from '../policy/judge-received.ts'
import type { RoomCore } from '../room-core.ts'
import { type ConditionsLookedAt, conditionsFor, type RemoteAction, remoteAuthoriser, requireWholeState } from './membership-templates.ts'
import { stateWithoutMembers } from './omit-members.ts'
import { requireAllowedServer, requireResident } from './server-access.ts'
import { type StateIds, stateIdsOf } from './state-reads.ts'

/** Worker → room: a membership event that another server completed and signed; the Worker has verified the signatures that it needs. */
export interface AcceptRequest {
  readonly action: RemoteAction
  readonly eventId: string
  readonly pdu: JsonObject
  /** For a restricted room: what the Worker found out about its conditions. */
  readonly conditions?: ConditionsLookedAt
  /** The joining server can do without most members (MSC3706). */
  readonly omitMembers?: boolean
}

/** Room → Worker: taken in, with what the joining or knocking server needs; or come back with which of these rooms the user has joined. */
export type AcceptAnswer =
  | {
      readonly pdu: JsonObject
      /** The state before a join and its auth chain. */
      readonly before: StateIds | undefined
      /** Servers in the room, where members were left out of the state. */
      readonly servers: readonly string[] | undefined
      /** What somebody who knocks is shown, as a JSON array. */
      readonly strippedState: string | undefined
    }
  | { readonly needsMembershipIn: readonly string[] }

/**
 * Takes in a membership event through `send_join`, `send_leave` or `send_knock` (F11): it is that of a user of the server who sends it, allowed by every
 * rule, and refers to what is known here. Nothing is stored otherwise. Repeating it is answered like the first time.
 */
export async function acceptMembership(
  core: RoomCore,
  queue: CommitQueue,
  serverName: string,
  request: AcceptRequest,
  requestId: string,
): Promise<Outcome<AcceptAnswer>> {
  try {
    requireAllowedServer(core, serverName)
    requireResident(core)
    requireWholeState(core, request.action)
    const parsed = parseMembership(core, serverName, request)
    const [pdu = parsed.event.pdu] = await judgeReceived(core, [parsed.event.pdu], [parsed.event.eventId])
    const judged = { ...parsed, event: { ...parsed.event, pdu } }
    return await queue.enqueue(requestId, (draft) => accept(core, draft, serverName, request, judged))
  } catch (cause) {
    return refusal(cause)
  }
}

/** The checks that need no state (F11). @throws MatrixError M_INVALID_PARAM, M_FORBIDDEN. */
function parseMembership(core: RoomCore, serverName: string, { action, eventId, pdu }: AcceptRequest): ParsedPdu {
  const parsed = parsePdu(pdu, core.rules, core.roomId)
  if (!parsed.ok) throw invalidParam(`The event is malformed: ${parsed.reason}`)
  const { event } = parsed
  if (!parsed.contentHashMatches) throw invalidParam('The content of the event is not what its hash says')
  if (event.eventId !== eventId) throw invalidParam('The event is not the one that the path names')
  if (event.type !== 'm.room.member' || event.content.membership !== action) throw invalidParam(`The event is no ${action}`)
  if (event.stateKey !== event.sender) throw invalidParam('The event is about somebody else than its sender')
  if (parseUserId(event.sender)?.serverName !== serverName) throw forbidden('That user is of another server')
  return parsed
}

function accept(core: RoomCore, draft: Draft, serverName: string, request: AcceptRequest, parsed: ParsedPdu): AcceptAnswer {
  const known = core.events.findById(parsed.event.eventId)
  if (known !== undefined && known.status === 'accepted') {
    return answer(core, draft, request, known.groupBefore)
  }
  const event = request.action === 'join' ? vouchFor(core, request, parsed.event) : parsed.event
  if ('needsMembershipIn' in event) return event
  const verdict = appendRemoteEvent(core, draft, event, { nowMs: core.nowMs(), resolutionBudget: Number.POSITIVE_INFINITY })
  // Thrown, so that the savepoint takes back what rejected and soft-failed events leave behind.
  joinTips(core, draft)
  if (verdict.kind === 'missing') throw invalidParam('The event refers to events that this server does not have')
  if (verdict.kind !== 'accepted') throw forbidden('reason' in verdict ? verdict.reason : 'The event is not allowed')
  const stored = core.events.findById(event.eventId)
  if (stored?.pos === undefined) throw new Error('an accepted membership has no position')
  insertRelayed(core.store, stored.pos, serverName)
  draft.outgoing = true
  return answer(core, draft, request, stored.groupBefore)
}

function answer(core: RoomCore, draft: Draft, { action, eventId, omitMembers }: AcceptRequest, groupBefore: number): AcceptAnswer {
  const stored = core.events.findById(eventId)
  if (stored === undefined) throw new Error('an accepted membership is missing')
  const omitted = action === 'join' && omitMembers === true ? stateWithoutMembers(core, groupBefore, stored) : undefined
  const whole = action === 'join' && omitted === undefined ? stateIdsOf(core, groupBefore) : undefined
  return {
    pdu: toPdu(stored, draft.head.roomId),
    before: omitted?.ids ?? whole,
    servers: omitted?.servers,
    strippedState: action === 'knock' ? strippedStateOf(core) : undefined,
  }
}

/**
 * Signs a join that names a user of this server as the one who let the joiner in, once it has been established that they may and that a condition holds now (F12).
 * A join that names a user of another server was signed by that server: the Worker has verified it.
 */
function vouchFor(core: RoomCore, request: AcceptRequest, event: RoomEvent): RoomEvent | { readonly needsMembershipIn: readonly string[] } {
  const claimed = event.content.join_authorised_via_users_server
  if (claimed === undefined) return event
  if (typeof claimed !== 'string') throw invalidParam('join_authorised_via_users_server is not a user ID')
  if (parseUserId(claimed)?.serverName !== core.config.serverName) return event
  const conditions = conditionsFor(core, event.sender)
  if (conditions === undefined) throw invalidParam('This join needs nobody to vouch for it')
  if (conditions.length > 0 && request.conditions === undefined) return { needsMembershipIn: conditions }
  // Refuses unless a condition holds and somebody here may invite; who is named is then checked by the rules themselves.
  remoteAuthoriser(core, conditions, request.conditions)
  const power = core.powerLevels()
  if (core.members.find(claimed)?.membership !== 'join' || power.userLevel(claimed) < power.invite) {
    throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'The user who is to vouch for this join may not invite')
  }
  return { ...event, pdu: cosignPdu(event.pdu, core.rules, core.signer) }
}
