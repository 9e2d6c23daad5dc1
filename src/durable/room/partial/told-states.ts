import { writeToldState } from '../../../storage/room/partial-room.ts'
import type { RoomCore } from '../room-core.ts'
import { PARTIAL_DUE } from './begin-partial.ts'
import { PARTIAL_WATCH_MS } from './limits.ts'

/**
 * An event was placed on a state that another server told and that is not whole, by itself or because of others that it was resolved with: it is kept, or
 * fetched again, for when the event gets its state anew. The caller holds the transaction.
 */
export function noteTold(core: RoomCore, eventId: string, claimed: number, groupBefore: number): void {
  if (core.groups.isComplete(groupBefore)) return
  writeToldState(core.store, { eventId, afterId: '', group: core.groups.isComplete(claimed) ? claimed : 0 })
  core.due.ensure(PARTIAL_DUE, '', core.nowMs() + PARTIAL_WATCH_MS)
}
