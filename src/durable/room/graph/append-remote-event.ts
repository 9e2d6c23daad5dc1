import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { mayApplyRedaction } from '../../../state-resolution/auth/redaction.ts'
import type { EventStatus, StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import { takePendingRedactions } from '../../../storage/room/pending-redactions.ts'
import type { Draft } from '../append/draft.ts'
import { redactTarget } from '../append/redact-target.ts'
import type { RoomCore } from '../room-core.ts'
import { groupAuthState } from './group-auth-state.ts'
import { moveCurrentState } from './move-current-state.ts'
import { resolveGroups } from './resolve-groups.ts'

/** What became of a received event. `missing`: nothing was stored, these events must be had first. */
export type RemoteVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'missing'; readonly eventIds: readonly string[] }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'soft_failed' | 'rejected'; readonly reason: string }

/**
 * Receives an event of another server whose format, signatures and content hash have been checked (server-server-api#checks-performed-on-receipt-of-a-pdu, steps 4
 * to 6): by its auth events and by the state before it, or it is rejected; by current state, or it is soft-failed. Then current state is resolved over
 * all extremities. The caller holds a savepoint and a draft of its own.
 */
export function appendRemoteEvent(core: RoomCore, draft: Draft, event: RoomEvent, nowMs: number): RemoteVerdict {
  const known = core.events.findById(event.eventId)
  if (known !== undefined && known.status !== 'outlier') return { kind: 'known' }
  // A room has one create event, and everything else builds on something (E6, E19). Neither may ask for a state out of nothing.
  if (event.type === 'm.room.create') return { kind: 'rejected', reason: 'The room has another create event' }
  if (event.prevEvents.length === 0) return { kind: 'rejected', reason: 'The event builds on nothing' }
  const prev = event.prevEvents.map((id) => ({ id, stored: findInGraph(core, id) }))
  const auth = event.authEvents.map((id) => ({ id, stored: core.events.findById(id) }))
  const missing = [...prev, ...auth].filter(({ stored }) => stored === undefined).map(({ id }) => id)
  if (missing.length > 0) return { kind: 'missing', eventIds: [...new Set(missing)] }
  const roomId = draft.head.roomId
  const groupBefore = resolveGroups(
    core,
    prev.flatMap(({ stored }) => stored?.groupAfter ?? []),
    roomId,
    draft.rules,
  )
  const refusal = refusalBeforePersisting(
    core,
    draft,
    event,
    auth.flatMap(({ stored }) => stored ?? []),
    groupBefore,
  )
  if (refusal !== undefined) {
    persist(core, event, known, { status: 'rejected', groupBefore, groupAfter: groupBefore, pos: undefined })
    return { kind: 'rejected', reason: refusal }
  }
  const now = checkAuth(event, core.authState(roomId), draft.rules)
  const pos = now.allowed ? draft.nextPos : undefined
  const status = now.allowed ? 'accepted' : 'soft_failed'
  const stored = persist(core, event, known, { status, groupBefore, groupAfter: undefined, pos })
  if (pos === undefined) return { kind: 'soft_failed', reason: now.allowed ? '' : now.message }
  const consumed = new Set(prev.map(({ stored: before }) => before?.nid))
  const extremities = [...draft.head.extremities.filter((nid) => !consumed.has(nid)), stored.nid]
  draft.nextPos = pos + 1
  draft.head = { ...draft.head, headPos: pos, extremities }
  draft.appended.push(stored)
  const groups = core.events.getMany(extremities).map(({ groupAfter }) => groupAfter)
  moveCurrentState(core, draft, resolveGroups(core, groups, roomId, draft.rules), pos)
  if (event.redacts !== undefined) applyRedaction(core, draft, stored, event.redacts, nowMs)
  applyWaitingRedactions(core, draft, stored, nowMs)
  return { kind: 'accepted' }
}

/** An event that has a place in the graph; outliers are known only as somebody's auth events. */
function findInGraph(core: RoomCore, eventId: string): StoredEvent | undefined {
  const stored = core.events.findById(eventId)
  return stored?.status === 'outlier' ? undefined : stored
}

/** Steps 4 and 5: why the event is rejected, if it is. */
function refusalBeforePersisting(
  core: RoomCore,
  draft: Draft,
  event: RoomEvent,
  auth: readonly StoredEvent[],
  groupBefore: number,
): string | undefined {
  const roomId = draft.head.roomId
  const authEvents = auth.map((stored) => core.roomEvent(stored, roomId))
  const isRejected = (id: string): boolean => core.events.findById(id)?.status === 'rejected'
  const before = groupAuthState(core, groupBefore, roomId)
  const byAuthEvents = checkAgainstAuthEvents(event, authEvents, isRejected, draft.rules, core.authState(roomId).create)
  if (!byAuthEvents.allowed) return byAuthEvents.message
  const byState = checkAuth(event, before, draft.rules)
  return byState.allowed ? undefined : byState.message
}

interface Placement {
  readonly status: EventStatus
  readonly groupBefore: number
  /** `undefined`: the state before with the event applied. */
  readonly groupAfter: number | undefined
  readonly pos: number | undefined
}

function persist(core: RoomCore, event: RoomEvent, known: StoredEvent | undefined, placement: Placement): StoredEvent {
  const nid = known?.nid ?? core.events.nextNid()
  const { groupBefore, status, pos } = placement
  const kid = event.stateKey === undefined ? undefined : core.keys.intern(event.type, event.stateKey)
  const extended = kid === undefined ? groupBefore : core.groups.extend(groupBefore, [{ kid, nid }])
  const row = {
    nid,
    event,
    groupBefore,
    groupAfter: placement.groupAfter ?? extended,
    status,
    pos,
    ord: pos === undefined ? undefined : pos * ORD_STEP,
    replaces: kid === undefined ? undefined : core.groups.lookup(groupBefore, kid),
    txn: undefined,
  }
  // An outlier that now finds its place keeps its number: others refer to it.
  if (known !== undefined) core.events.removeOutlier(known)
  return core.events.insert(row)
}

/** Lets a redaction take effect on its target if it may (rooms/v3#handling-redactions), by the state before the redaction. */
function applyRedaction(core: RoomCore, draft: Draft, redaction: StoredEvent, targetId: string, nowMs: number): void {
  const target = core.events.findById(targetId)
  const roomId = draft.head.roomId
  const state = groupAuthState(core, redaction.groupBefore, roomId)
  const decided =
    target === undefined || mayApplyRedaction(core.roomEvent(redaction, roomId), core.roomEvent(target, roomId), state, draft.rules)
  // Without its target it is remembered, and decided when that arrives.
  if (decided) redactTarget(core, draft, redaction, targetId, nowMs)
}

function applyWaitingRedactions(core: RoomCore, draft: Draft, target: StoredEvent, nowMs: number): void {
  for (const nid of takePendingRedactions(core.store, target.eventId)) {
    applyRedaction(core, draft, core.events.get(nid), target.eventId, nowMs)
  }
}
