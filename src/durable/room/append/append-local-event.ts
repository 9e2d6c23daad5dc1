import { badJson, forbidden } from '../../../matrix/errors.ts'
import { createEvent } from '../../../matrix/events/create-event.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { PowerLevels } from '../../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { chosenEventId } from '../../../runtime/event-signer.ts'
import { authTypesFor } from '../../../state-resolution/auth/auth-types.ts'
import { checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { MAX_PREV_EVENTS, ORD_STEP } from '../../../storage/room/limits.ts'
import type { RoomHead } from '../../../storage/room/room-row.ts'
import { groupAuthState } from '../graph/group-auth-state.ts'
import { appendJudged, policyServerFor } from '../policy/policy-round.ts'
import type { RoomCore } from '../room-core.ts'
import { checkRelation } from './check-relation.ts'
import type { Draft } from './draft.ts'
import { followMember } from './follow-member.ts'
import { placeOnTips, type Tips, tipsOf } from './place-on-tips.ts'
import { redactTarget } from './redact-target.ts'
import { referenceHashes } from './reference-hashes.ts'

/** What a local user wants to add to the room. */
export interface LocalEvent {
  readonly type: string
  readonly stateKey?: string | undefined
  readonly sender: string
  readonly content: JsonObject
  readonly redacts?: string | undefined
  /** JSON array [device, endpoint, transaction ID]; makes the event idempotent per sender. */
  readonly txn?: string | undefined
  readonly originServerTs: number
}

/**
 * Authorizes an event of a local user against current state and persists it; the caller holds a savepoint and a draft of its own.
 * Local events see the resolved state of all extremities, so state before and current state are the same.
 * @throws MatrixError M_FORBIDDEN with the rule's message, or M_TOO_LARGE; nothing was written then. @throws PolicyQuestion, only inside `enqueueLocal`.
 */
export function appendLocalEvent(core: RoomCore, draft: Draft, local: LocalEvent): StoredEvent {
  if (local.txn !== undefined) {
    const known = core.events.findByTransaction(local.sender, local.txn)
    if (known !== undefined) return known
  }
  const tips = tipsOf(core, draft)
  const event = authorizedEvent(core, draft.head, draft.rules, local, tips)
  if (tips !== undefined) requireAllowedNow(core, draft, event)
  checkRelation(core, draft.head.roomId, local)
  if (local.redacts !== undefined) checkRedactionOfLocalUser(core, draft, local.sender, local.redacts)
  const policy = policyServerFor(core, draft, event)
  if (policy !== undefined) return appendJudged(core, draft, event, local.txn, policy)
  const stored =
    tips === undefined
      ? persistLive(core, draft, event, { txn: local.txn, replaces: undefined })
      : placeOnTips(core, draft, event, tips, local.txn)
  if (local.redacts !== undefined) redactTarget(core, draft, stored, local.redacts, local.originServerTs)
  return stored
}

/** What builds on some of the ends only must be allowed by what all of them say, too. */
function requireAllowedNow(core: RoomCore, draft: Draft, event: RoomEvent): void {
  const verdict = checkAuth(event, core.authState(draft.head.roomId), draft.rules)
  if (!verdict.allowed) throw forbidden(verdict.message)
}

/**
 * An event of a local user at the end of the room, if the rules allow it now; nothing is written.
 * @param tips what it builds on, where it cannot build on all ends of the graph.
 * @throws MatrixError M_FORBIDDEN, M_TOO_LARGE.
 */
export function authorizedEvent(core: RoomCore, head: RoomHead, rules: RoomVersionRules, local: LocalEvent, tips?: Tips): RoomEvent {
  const { roomId } = head
  const state = tips === undefined ? core.authState(roomId) : groupAuthState(core, tips.group, roomId)
  const authEvents: RoomEvent[] = []
  for (const [type, stateKey] of authTypesFor({ ...local, stateKey: local.stateKey }, rules)) {
    const event = state.get(type, stateKey)
    if (event !== undefined && !authEvents.includes(event)) authEvents.push(event)
  }
  const prev = tips?.events ?? core.events.getMany(head.extremities.slice(-MAX_PREV_EVENTS))
  const event = createEvent(
    {
      roomId,
      eventId: chosenEventId(core.config, rules),
      type: local.type,
      stateKey: local.stateKey,
      sender: local.sender,
      content: local.content,
      originServerTs: local.originServerTs,
      depth: prev.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1,
      prevEvents: prev.map(({ eventId }) => eventId),
      authEvents: authEvents.map(({ eventId }) => eventId),
      referenceHashes: referenceHashes(core, roomId, rules, prev, authEvents),
      redacts: local.redacts,
    },
    rules,
    core.signer,
  )
  const verdict = checkAuth(event, state, rules)
  if (!verdict.allowed) {
    // No power would change that: the request is wrong in itself (MSC4289, MSC3757).
    const isWrong = verdict.reason === 'power_levels_name_creator' || verdict.reason === 'state_key_without_owner'
    throw isWrong ? badJson(verdict.message) : forbidden(verdict.message)
  }
  return event
}

/** Persists an accepted event at the end of the room: row, state group, current state, log, members, notices, extremities. */
export function persistLive(
  core: RoomCore,
  draft: Draft,
  event: Parameters<RoomCore['events']['insert']>[0]['event'],
  options: { readonly txn: string | undefined; readonly replaces: string | undefined },
): StoredEvent {
  const nid = core.events.nextNid()
  const pos = draft.nextPos
  const groupBefore = draft.head.currentGroup
  let groupAfter = groupBefore
  let replaces: number | undefined
  if (event.stateKey !== undefined) {
    const kid = core.keys.intern(event.type, event.stateKey)
    replaces = core.state.find(kid)
    groupAfter = core.groups.extend(groupBefore, [{ kid, nid }])
    core.state.move(kid, nid, pos)
  }
  const stored = core.events.insert({
    nid,
    event,
    groupBefore,
    groupAfter,
    status: 'accepted',
    pos,
    ord: pos * ORD_STEP,
    replaces,
    txn: options.txn,
  })
  core.partial.note(nid, groupBefore)
  draft.nextPos = pos + 1
  draft.head = {
    ...draft.head,
    headPos: pos,
    currentGroup: groupAfter,
    extremities: [...draft.head.extremities.slice(0, -MAX_PREV_EVENTS), nid],
  }
  draft.appended.push(stored)
  draft.outgoing = true
  if (event.type === 'm.room.member' && event.stateKey !== undefined) {
    followMember(core, draft, event.stateKey, stored, pos)
  }
  return stored
}

function checkRedactionOfLocalUser(core: RoomCore, draft: Draft, sender: string, targetId: string): void {
  const target = core.events.findById(targetId)
  // Targets that we do not know are left to whoever does; they have no effect here (E13).
  if (target === undefined || target.sender === sender) return
  const state = core.authState(draft.head.roomId)
  const levels = new PowerLevels(state.create, state.get('m.room.power_levels', '')?.content, draft.rules)
  if (levels.userLevel(sender) < levels.redact) throw forbidden('You may not redact the events of others')
}
