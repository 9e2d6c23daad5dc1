import { referenceHashesOf } from '../../../matrix/events/create-event.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** What room versions 1 and 2 carry beside the IDs of events that a new one refers to; `undefined` later, where nothing is read for it. */
export function referenceHashes(
  core: RoomCore,
  roomId: string,
  rules: RoomVersionRules,
  prev: readonly StoredEvent[],
  auth: readonly RoomEvent[],
): ReadonlyMap<string, string> | undefined {
  if (rules.eventReferences === 'ids') return undefined
  return referenceHashesOf([...prev.map((stored) => core.roomEvent(stored, roomId)), ...auth], rules)
}
