import { type Relation, relationOf } from '../../matrix/relations.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { RoomCore } from './room-core.ts'

/** The thread of everything that is in none (client-server-api#threaded-read-receipts). */
export const MAIN_THREAD = 'main'
/** Relations followed upwards from an event, as the specification recommends. */
const MAX_HOPS = 3

/**
 * Whether a receipt on an event may name a thread: the event is in it, is its root, or is related to its root. A root and what relates to it
 * otherwise than by a thread are in the main timeline as well.
 */
export function isInThread(core: RoomCore, event: StoredEvent, thread: string): boolean {
  let current: StoredEvent | undefined = event
  for (let hop = 0; hop <= MAX_HOPS && current !== undefined; hop += 1) {
    if (current.eventId === thread) return true
    const relation = relationFrom(core, current)
    if (relation?.relType === 'm.thread') return relation.eventId === thread
    current = relation === undefined ? undefined : core.events.findById(relation.eventId)
  }
  return thread === MAIN_THREAD
}

function relationFrom(core: RoomCore, event: StoredEvent): Relation | undefined {
  return event.content.includes('"m.relates_to"') ? relationOf(core.roomEvent(event, core.roomId).content) : undefined
}
