import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { createIdOfRoom } from '../../../state-resolution/auth/auth-events.ts'
import { checkAgainstAuthEvents } from '../../../state-resolution/auth/check-auth.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'

/** Stores an event as an outlier if its auth events allow it. The caller holds the transaction. */
export function importOutlier(core: RoomCore, event: RoomEvent, rules: RoomVersionRules, roomId: string): boolean {
  if (core.events.findById(event.eventId) !== undefined) return true
  const auth = event.authEvents.map((id) => core.events.findById(id))
  if (auth.includes(undefined)) return false
  const authEvents = auth.flatMap((stored) => (stored === undefined ? [] : core.roomEvent(stored, roomId)))
  const isRejected = (id: string): boolean => core.events.findById(id)?.status === 'rejected'
  if (!checkAgainstAuthEvents(event, authEvents, isRejected, rules, createOf(core, rules, roomId)).allowed) return false
  core.events.insert({
    nid: core.events.nextNid(),
    event,
    groupBefore: EMPTY_GROUP,
    groupAfter: EMPTY_GROUP,
    status: 'outlier',
    pos: undefined,
    ord: undefined,
    replaces: undefined,
    txn: undefined,
  })
  return true
}

function createOf(core: RoomCore, rules: RoomVersionRules, roomId: string): RoomEvent | undefined {
  const stored = rules.roomIdIsCreateHash ? core.events.findById(createIdOfRoom(roomId)) : undefined
  return stored === undefined ? undefined : core.roomEvent(stored, roomId)
}
