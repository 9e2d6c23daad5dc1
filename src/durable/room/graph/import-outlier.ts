import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { createIdOfRoom } from '../../../state-resolution/auth/auth-events.ts'
import { checkAgainstAuthEvents } from '../../../state-resolution/auth/check-auth.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'

/** What became of an event that is kept for others to refer to. `missing`: its own auth events are not here, and it was not stored. */
export type OutlierVerdict = { readonly kind: 'kept' | 'rejected' } | { readonly kind: 'missing'; readonly auth: readonly string[] }

/**
 * Stores an event without a place in the graph, as others refer to it: as an outlier if its auth events allow it, else as rejected, so that what
 * rests on it is rejected too. The caller holds the transaction.
 * @param refusal why it is rejected whatever its auth events say.
 */
export function importOutlier(core: RoomCore, event: RoomEvent, rules: RoomVersionRules, roomId: string, refusal?: string): OutlierVerdict {
  const known = core.events.findById(event.eventId)
  if (known !== undefined) return { kind: known.status === 'rejected' ? 'rejected' : 'kept' }
  const auth = event.authEvents.map((id) => ({ id, stored: core.events.findById(id) }))
  const missing = auth.flatMap(({ id, stored }) => (stored === undefined ? [id] : []))
  if (missing.length > 0) return { kind: 'missing', auth: missing }
  const authEvents = auth.flatMap(({ stored }) => (stored === undefined ? [] : core.roomEvent(stored, roomId)))
  const isRejected = (id: string): boolean => core.events.findById(id)?.status === 'rejected'
  const verdict = checkAgainstAuthEvents(event, authEvents, isRejected, rules, createOf(core, rules, roomId))
  const isKept = refusal === undefined && verdict.allowed
  core.events.insert({
    nid: core.events.nextNid(),
    event,
    groupBefore: EMPTY_GROUP,
    groupAfter: EMPTY_GROUP,
    status: isKept ? 'outlier' : 'rejected',
    pos: undefined,
    ord: undefined,
    replaces: undefined,
    txn: undefined,
  })
  return { kind: isKept ? 'kept' : 'rejected' }
}

function createOf(core: RoomCore, rules: RoomVersionRules, roomId: string): RoomEvent | undefined {
  const stored = rules.roomIdIsCreateHash ? core.events.findById(createIdOfRoom(roomId)) : undefined
  return stored === undefined ? undefined : core.roomEvent(stored, roomId)
}
