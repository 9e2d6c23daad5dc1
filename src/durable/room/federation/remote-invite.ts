import { forbidden, invalidParam } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { type Outcome, refusal } from '../../../runtime/outcome.ts'
import { toPdu } from '../../../storage/room/events.ts'
import type { Caller } from '../../protocol.ts'
import { authorizedEvent } from '../append/append-local-event.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import { appendRemoteEvent } from '../graph/append-remote-event.ts'
import { strippedStateOf } from '../notices.ts'
import { askPolicyServer } from '../policy/ask-policy-server.ts'
import type { RoomCore } from '../room-core.ts'
import { isServerAllowed } from './server-access.ts'

/** An invitation of a user of another server, which that server has to sign before it becomes part of the room. */
export interface PreparedInvite {
  readonly eventId: string
  readonly pdu: JsonObject
  readonly version: string
  /** What the invited user is shown, as a JSON array; the create event as it travels between servers. */
  readonly inviteState: string
}

/**
 * Makes an invitation that the rules allow now, and that the room's policy server has signed if there is one; nothing is stored.
 * @throws MatrixError M_FORBIDDEN.
 */
export async function prepareInvite(core: RoomCore, caller: Caller, target: string, content: JsonObject): Promise<PreparedInvite> {
  if (core.members.find(caller.userId)?.membership !== 'join') throw forbidden('You are not in this room')
  const serverName = parseUserId(target)?.serverName
  if (serverName === undefined) throw invalidParam('That is not a user ID')
  if (!isServerAllowed(core, serverName)) throw forbidden('The server of that user is denied access to this room')
  const { head, rules } = core
  const event = authorizedEvent(core, head, rules, {
    type: 'm.room.member',
    stateKey: target,
    sender: caller.userId,
    content: { ...content, membership: 'invite' },
    originServerTs: core.nowMs(),
  })
  const create = core.currentEvent('m.room.create', '')
  const shown: unknown = JSON.parse(strippedStateOf(core))
  const others = Array.isArray(shown) ? shown.filter((entry: { type?: unknown }) => entry.type !== 'm.room.create') : []
  const inviter = core.currentEvent('m.room.member', caller.userId)
  const state = [...(create === undefined ? [] : [toPdu(create, core.roomId)]), ...others]
  if (inviter !== undefined) {
    const { content: shownContent } = core.roomEvent(inviter, core.roomId)
    state.push({ type: 'm.room.member', state_key: caller.userId, sender: inviter.sender, content: shownContent })
  }
  const policy = core.policy.inUse(head.currentGroup)
  const pdu = policy === undefined ? event.pdu : await askPolicyServer(core, policy, event.pdu)
  return { eventId: event.eventId, pdu, version: rules.version, inviteState: JSON.stringify(state) }
}

/** Takes in the invitation that the invited user's server has signed; the Worker has verified both signatures. */
export function appendInvite(
  core: RoomCore,
  queue: CommitQueue,
  caller: Caller,
  pdu: JsonObject,
): Promise<Outcome<{ readonly eventId: string }>> {
  if (core.findHead() === undefined) return Promise.resolve(refusal(core.unknownRoom()))
  return queue.enqueue(caller.requestId, (draft) => {
    const parsed = parsePdu(pdu, draft.rules, draft.head.roomId)
    if (!parsed.ok || !parsed.contentHashMatches || parsed.event.sender !== caller.userId) throw invalidParam('That is not the invitation')
    const verdict = appendRemoteEvent(core, draft, parsed.event, { nowMs: core.nowMs(), resolutionBudget: Number.POSITIVE_INFINITY })
    if (verdict.kind !== 'accepted' && verdict.kind !== 'known') throw forbidden('The invitation is not allowed any more')
    draft.outgoing = true
    return { eventId: parsed.event.eventId }
  })
}
