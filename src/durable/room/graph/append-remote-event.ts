import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isForPolicyServer, isRecommended } from '../../../matrix/policy-server.ts'
import type { AuthState } from '../../../state-resolution/auth/auth-state.ts'
import { checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { deleteClaimedState } from '../../../storage/room/claimed-states.ts'
import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { deleteGap, insertGaps, isNamedInGap } from '../../../storage/room/gaps.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import { markRefused } from '../../../storage/room/partial-room.ts'
import type { Draft } from '../append/draft.ts'
import { fillFromAuthEvents } from '../partial/fill-state.ts'
import { overAuthEvents } from '../partial/partial-state.ts'
import { noteTold } from '../partial/told-states.ts'
import type { RoomCore } from '../room-core.ts'
import { extremitiesAfter } from './extremities.ts'
import { moveCurrentState } from './move-current-state.ts'
import { applyRedactions, placeEvent, prepareEvent } from './place-event.ts'
import { resolveGroups, UnresolvedError } from './resolve-groups.ts'
import { groupsBefore, isComplete, type References, referencesOf, rejectionOf } from './state-before.ts'

/** What became of a received event. `missing`: nothing was stored, these events must be had first. `unresolved`: a resolution must end first. */
export type RemoteVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'missing'; readonly prev: readonly string[]; readonly auth: readonly string[] }
  | { readonly kind: 'unresolved'; readonly groups: readonly number[] }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'soft_failed' | 'rejected'; readonly reason: string }

/** What is known of a received event besides itself. */
export interface ReceivedFacts {
  readonly nowMs: number
  /** It is to be stored as rejected, for this reason. */
  readonly refusal?: string | undefined
  /** Events that resolutions inside this transaction may look at. */
  readonly resolutionBudget?: number
  /** Of a local event; see `LocalEvent.txn`. */
  readonly txn?: string | undefined
  /** It need not be signed by the room's policy server. */
  readonly isExemptFromPolicy?: boolean
}

/**
 * Receives an event of another server whose format, signatures and content hash have been checked (server-server-api#checks-performed-on-receipt-of-a-pdu, steps 4
 * to 7): by its auth events and by the state before it, or it is rejected; by current state and by the signature of the room's policy server, or it is soft-failed. Then current state is resolved over
 * all extremities. The caller holds a transaction; this makes a savepoint of its own and changes the draft only where the event is taken.
 */
export function appendRemoteEvent(core: RoomCore, draft: Draft, event: RoomEvent, facts: ReceivedFacts): RemoteVerdict {
  const known = core.events.findById(event.eventId)
  if (known !== undefined && isPlaced(known)) return { kind: 'known' }
  // A room has one create event, and everything else builds on something (E6, E19). Neither may ask for a state out of nothing.
  if (event.type === 'm.room.create') {
    return known === undefined ? { kind: 'rejected', reason: 'The room has another create event' } : { kind: 'known' }
  }
  if (event.prevEvents.length === 0) return { kind: 'rejected', reason: 'The event builds on nothing' }
  const references = referencesOf(core, event)
  if (!isComplete(references)) return { kind: 'missing', prev: references.missingPrev, auth: references.missingAuth }
  try {
    return core.store.transaction(undefined, () => receive(core, draft, { event, known, references }, facts))
  } catch (cause) {
    if (!(cause instanceof UnresolvedError)) throw cause
    core.forgetCaches()
    return { kind: 'unresolved', groups: cause.groups }
  }
}

function receive(core: RoomCore, draft: Draft, received: Received, facts: ReceivedFacts): RemoteVerdict {
  const { event, known, references } = received
  const { roomId } = draft.head
  const { resolutionBudget = core.resolutionBudgets.received, nowMs } = facts
  const groupBefore = resolveGroups(core, groupsBefore(references), roomId, draft.rules, resolutionBudget)
  const refusal = facts.refusal ?? rejectionOf(core, roomId, draft.rules, event, references.auth, groupBefore)
  if (refusal !== undefined) {
    const stored = placeEvent(core, event, known, { status: 'rejected', groupBefore, pos: undefined, ord: undefined })
    if (facts.refusal !== undefined) markRefused(core.store, stored.nid)
    if (references.claimed !== undefined) noteTold(core, event.eventId, references.claimed, groupBefore)
    deleteClaimedState(core.store, event.eventId)
    return { kind: 'rejected', reason: refusal }
  }
  const objection = objectionNow(core, draft, received, facts)
  if (objection !== undefined) {
    placeEvent(core, event, known, { status: 'soft_failed', groupBefore, pos: undefined, ord: undefined })
    if (references.claimed !== undefined) noteTold(core, event.eventId, references.claimed, groupBefore)
    deleteClaimedState(core.store, event.eventId)
    return { kind: 'soft_failed', reason: objection }
  }
  // Something that is here builds on it: it comes late, and is no end of the graph.
  const isTip = !isNamedInGap(core.store, event.eventId)
  const currentGroup = isTip ? groupWith(core, draft, received, groupBefore, resolutionBudget) : draft.head.currentGroup
  if (typeof currentGroup === 'object') return currentGroup
  acceptLive(core, draft, received, { groupBefore, currentGroup, isTip, nowMs, txn: facts.txn })
  return { kind: 'accepted' }
}

/** Why the event is soft-failed: what is to be said against it by the room as it is now. */
function objectionNow(core: RoomCore, draft: Draft, { event, references }: Received, facts: ReceivedFacts): string | undefined {
  const now = checkAuth(event, currentAuthState(core, draft, references), draft.rules)
  if (!now.allowed) return now.message
  const policy = facts.isExemptFromPolicy === true || !isForPolicyServer(event) ? undefined : core.policy.inUse(draft.head.currentGroup)
  const isWanted = policy === undefined || isRecommended(event.pdu, draft.rules, policy)
  return isWanted ? undefined : 'The policy server of this room has not signed the event'
}

/** Current state, and where that is incomplete the auth events of the event that is judged by it. */
function currentAuthState(core: RoomCore, { head }: Draft, { auth }: References): AuthState {
  const state = core.authState(head.roomId)
  if (core.groups.isComplete(head.currentGroup)) return state
  return overAuthEvents(
    state,
    auth.map((stored) => core.roomEvent(stored, head.roomId)),
  )
}

/**
 * Current state once the event is an end of the graph; `after`: the state after it, because it is the only one. Where the resolution takes longer than the
 * transaction may last, the event is prepared for it.
 */
function groupWith(
  core: RoomCore,
  draft: Draft,
  { event, references }: Received,
  groupBefore: number,
  budget: number,
): number | 'after' | RemoteVerdict {
  const tips = extremitiesAfter(core, draft.head.extremities, references.prev)
  if (tips.length === 0) return 'after'
  const groupAfter = event.stateKey === undefined ? groupBefore : prepareEvent(core, event, groupBefore)
  const groups = [...core.events.getMany(tips).map((tip) => tip.groupAfter), groupAfter]
  try {
    return resolveGroups(core, groups, draft.head.roomId, draft.rules, budget)
  } catch (cause) {
    if (!(cause instanceof UnresolvedError)) throw cause
    // Returned, not thrown: what was prepared is kept.
    return { kind: 'unresolved', groups: cause.groups }
  }
}

/** An event with what is known of it. */
interface Received {
  readonly event: RoomEvent
  /** As it is here without a place, if it is. */
  readonly known: StoredEvent | undefined
  readonly references: References
}

interface Acceptance {
  readonly groupBefore: number
  readonly currentGroup: number | 'after'
  readonly isTip: boolean
  readonly nowMs: number
  readonly txn: string | undefined
}

/** Stores the event at the end of the timeline and moves the room on. */
function acceptLive(core: RoomCore, draft: Draft, { event, known, references }: Received, acceptance: Acceptance): StoredEvent {
  const { groupBefore, currentGroup, isTip, nowMs, txn } = acceptance
  const pos = draft.nextPos
  const extremities = extremitiesAfter(core, draft.head.extremities, references.prev)
  // Looked up again where it may have been prepared meanwhile.
  const stored = placeEvent(core, event, isTip && event.stateKey !== undefined ? core.events.findById(event.eventId) : known, {
    status: 'accepted',
    groupBefore,
    pos,
    ord: pos * ORD_STEP,
    txn,
  })
  insertGaps(core.store, pos * ORD_STEP, references.missingPrev)
  if (!isTip) deleteGap(core.store, event.eventId)
  if (references.claimed !== undefined) {
    noteTold(core, event.eventId, references.claimed, groupBefore)
    deleteClaimedState(core.store, event.eventId)
    core.past.note(groupBefore)
  }
  fillFromAuthEvents(core, references.auth)
  draft.nextPos = pos + 1
  draft.head = { ...draft.head, headPos: pos, extremities: isTip ? [...extremities, stored.nid] : draft.head.extremities }
  draft.appended.push(stored)
  if (isTip) moveCurrentState(core, draft, currentGroup === 'after' ? stored.groupAfter : currentGroup, pos)
  applyRedactions(core, draft, stored, event, nowMs)
  return stored
}
