import { readStaged } from '../../../storage/room/staging.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_START_EVENTS } from './limits.ts'

/** Where a room's graph ends here, and what waits to be attached to it: event IDs, the newest of each. */
export interface Frontier {
  readonly extremities: readonly string[]
  readonly staged: readonly string[]
}

/** Staged events that are looked at. */
const MAX_STAGED_LOOKED_AT = 500

/** What to ask another server for the events between. */
export function frontierOf(core: RoomCore): Frontier {
  const staged = readStaged(core.store, MAX_STAGED_LOOKED_AT).map(({ eventId }) => eventId)
  return {
    extremities: core.events.getMany(core.head.extremities.slice(-MAX_START_EVENTS)).map(({ eventId }) => eventId),
    staged: staged.slice(0, MAX_START_EVENTS),
  }
}
