import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { mayApplyRedaction } from '../../../state-resolution/auth/redaction.ts'
import { type EventStatus, isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { takePendingRedactions } from '../../../storage/room/pending-redactions.ts'
import type { Draft } from '../append/draft.ts'
import { redactTarget } from '../append/redact-target.ts'
import type { RoomCore } from '../room-core.ts'
import { groupAuthState } from './group-auth-state.ts'

/** Where a received event belongs. */
export interface Placement {
  readonly status: EventStatus
  readonly groupBefore: number
  readonly pos: number | undefined
  readonly ord: number | undefined
  /** Of a local event; see `LocalEvent.txn`. */
  readonly txn?: string | undefined
}

/**
 * Stores a received event with the states around it. An outlier that now finds its place keeps its number, because others refer to it. The
 * caller holds the transaction.
 * @param known the event as it is here without a place, if it is.
 */
export function placeEvent(core: RoomCore, event: RoomEvent, known: StoredEvent | undefined, placement: Placement): StoredEvent {
  if (known !== undefined && isPlaced(known)) throw new Error(`event ${event.eventId} has its place already`)
  const nid = known?.nid ?? core.events.nextNid()
  const { groupBefore, status, pos, ord } = placement
  const kid = event.stateKey === undefined ? undefined : core.keys.intern(event.type, event.stateKey)
  const row = {
    nid,
    event,
    groupBefore,
    groupAfter: status === 'rejected' ? groupBefore : groupAfterOf(core, event, nid, known, groupBefore),
    status,
    pos,
    ord,
    replaces: kid === undefined ? undefined : core.groups.lookup(groupBefore, kid),
    txn: placement.txn,
  }
  if (known !== undefined) {
    core.events.removeOutlier(known)
    // What was here may have been the redacted form.
    core.forgetRoomEvent(nid)
  }
  core.partial.note(nid, groupBefore)
  return core.events.insert(row)
}

/** The state after an event; one that was prepared stays what it is, because resolutions of it may be under way (see {@link prepareEvent}). */
function groupAfterOf(core: RoomCore, event: RoomEvent, nid: number, known: StoredEvent | undefined, groupBefore: number): number {
  if (event.stateKey === undefined) return groupBefore
  const isPrepared = known?.status === 'outlier' && known.groupAfter !== known.groupBefore && known.groupBefore === groupBefore
  if (isPrepared) return known.groupAfter
  return core.groups.extend(groupBefore, [{ kid: core.keys.intern(event.type, event.stateKey), nid }])
}

/**
 * Gives an event that has no place yet its number and the states around it, so that these exist while its consequences are worked out. It stays an
 * outlier. Answers the state after it. The caller holds the transaction.
 */
export function prepareEvent(core: RoomCore, event: RoomEvent, groupBefore: number): number {
  const known = core.events.findById(event.eventId)
  const nid = known?.nid ?? core.events.nextNid()
  const groupAfter = groupAfterOf(core, event, nid, known, groupBefore)
  if (known !== undefined) core.events.removeOutlier(known)
  const nowhere = { status: 'outlier', pos: undefined, ord: undefined, replaces: undefined, txn: undefined } as const
  core.events.insert({ nid, event, groupBefore, groupAfter, ...nowhere })
  return groupAfter
}

/** What follows from an accepted event: it redacts, or is redacted by what came before it. The caller holds the transaction. */
export function applyRedactions(core: RoomCore, draft: Draft, stored: StoredEvent, event: RoomEvent, nowMs: number): void {
  if (event.redacts !== undefined) applyRedaction(core, draft, stored, event.redacts, nowMs)
  for (const nid of takePendingRedactions(core.store, stored.eventId)) {
    applyRedaction(core, draft, core.events.get(nid), stored.eventId, nowMs)
  }
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
