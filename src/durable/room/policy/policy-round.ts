import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { forbidden, limitExceeded, MatrixError } from '../../../matrix/errors.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isForPolicyServer, isRecommended, type PolicyServer } from '../../../matrix/policy-server.ts'
import { type Outcome, refusal, success } from '../../../runtime/outcome.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import type { Draft } from '../append/draft.ts'
import { appendRemoteEvent } from '../graph/append-remote-event.ts'
import type { RoomCore } from '../room-core.ts'
import { askPolicyServer } from './ask-policy-server.ts'
import { MAX_POLICY_ROUNDS } from './limits.ts'

/** When who sends may try again, if the room would not rest. */
const RETRY_MS = 1_000

/** Thrown inside a decision, before anything was written: the policy server must be asked about the event that it would make. */
export class PolicyQuestion extends Error {
  readonly event: RoomEvent
  readonly policy: PolicyServer

  constructor(event: RoomEvent, policy: PolicyServer) {
    super('the policy server has yet to be asked')
    this.name = 'PolicyQuestion'
    this.event = event
    this.policy = policy
  }
}

/** An event about which the policy server has been asked. */
export interface JudgedEvent {
  readonly event: RoomEvent
  /** Goes without the signature: nobody is kept in a room by its policy server. */
  readonly isExempt: boolean
}

/**
 * Queues a decision that makes at most one event of a local user. Where the room uses a policy server, the event is made, the policy server is asked while the room
 * goes on, and what it has signed is taken in where it was made (server-server-api#asking-for-a-policy-server-signature-on-an-event).
 */
export async function enqueueLocal<T>(
  core: RoomCore,
  queue: CommitQueue,
  requestId: string,
  decide: (draft: Draft) => T,
): Promise<Outcome<T>> {
  let judged: JudgedEvent | undefined
  for (let round = 0; round <= MAX_POLICY_ROUNDS; round += 1) {
    const outcome = await queue.enqueue(requestId, (draft) => decideOrAsk(draft, judged, decide))
    if (!outcome.ok) return outcome
    if (!('question' in outcome.value)) return success(outcome.value.decided)
    const { event, policy } = outcome.value.question
    try {
      judged = { event: { ...event, pdu: await askPolicyServer(core, policy, event.pdu) }, isExempt: false }
    } catch (cause) {
      if (!(cause instanceof MatrixError) || !isOwnLeave(event)) return refusal(cause)
      judged = { event, isExempt: true }
    }
  }
  return refusal(limitExceeded(RETRY_MS))
}

type Decision<T> = { readonly decided: T } | { readonly question: PolicyQuestion }

function decideOrAsk<T>(draft: Draft, judged: JudgedEvent | undefined, decide: (draft: Draft) => T): Decision<T> {
  draft.policyRound = { judged }
  try {
    return { decided: decide(draft) }
  } catch (cause) {
    if (cause instanceof PolicyQuestion) return { question: cause }
    throw cause
  } finally {
    draft.policyRound = undefined
  }
}

/**
 * The policy server that an event of a local user is to be shown to. None outside of {@link enqueueLocal}: a room is created before anybody could be asked, and
 * events that join ends of the graph are shown to nobody.
 */
export function policyServerFor(core: RoomCore, draft: Draft, event: RoomEvent): PolicyServer | undefined {
  return draft.policyRound !== undefined && isForPolicyServer(event) ? core.policy.inUse(draft.head.currentGroup) : undefined
}

/**
 * Takes in what the policy server has signed, in place of the event that would be made now. The caller holds a savepoint.
 * @throws PolicyQuestion where it has not signed such an event. @throws MatrixError M_FORBIDDEN where the rules have come to forbid the event.
 */
export function appendJudged(core: RoomCore, draft: Draft, event: RoomEvent, txn: string | undefined, policy: PolicyServer): StoredEvent {
  const judged = draft.policyRound?.judged
  const isFit = judged !== undefined && isSameWish(judged.event, event)
  if (!isFit || !(judged.isExempt || isRecommended(judged.event.pdu, draft.rules, policy))) throw new PolicyQuestion(event, policy)
  const facts = { nowMs: core.nowMs(), resolutionBudget: Number.POSITIVE_INFINITY, txn, isExemptFromPolicy: judged.isExempt }
  const verdict = appendRemoteEvent(core, draft, judged.event, facts)
  const stored = verdict.kind === 'accepted' ? core.events.findById(judged.event.eventId) : undefined
  // Thrown, so that the savepoint takes back what was left behind.
  if (stored === undefined) throw forbidden('reason' in verdict ? verdict.reason : 'The event is not allowed any more')
  draft.outgoing = true
  return stored
}

/** Whether two events say the same of the same, wherever they are in the graph. */
function isSameWish(left: RoomEvent, right: RoomEvent): boolean {
  const isAlike =
    left.type === right.type && left.stateKey === right.stateKey && left.sender === right.sender && left.redacts === right.redacts
  return isAlike && canonicalJson(left.content) === canonicalJson(right.content)
}

function isOwnLeave({ type, stateKey, sender, content }: RoomEvent): boolean {
  return type === 'm.room.member' && stateKey === sender && content.membership === 'leave'
}
