import { MatrixError } from '../../../matrix/errors.ts'
import { relationOf } from '../../../matrix/relations.ts'
import type { RoomCore } from '../room-core.ts'
import type { LocalEvent } from './append-local-event.ts'

/**
 * Refuses relations that clients of this server should not make: the same annotation twice (client-server-api#avoiding-duplicate-annotations), and threads
 * on what relates to something itself (client-server-api#validation-of-mthread-relationships). Other servers' events may have either.
 * @throws MatrixError M_DUPLICATE_ANNOTATION, 400 M_UNKNOWN.
 */
export function checkRelation(core: RoomCore, roomId: string, { type, sender, content }: LocalEvent): void {
  const relation = relationOf(content)
  if (relation === undefined) return
  const { relType, eventId, key } = relation
  if (relType === 'm.annotation' && core.events.relations.hasFrom(eventId, sender, relType, { type, key })) {
    throw new MatrixError(400, 'M_DUPLICATE_ANNOTATION', 'You have sent that annotation already')
  }
  const parent = relType === 'm.thread' ? core.events.findById(eventId) : undefined
  if (parent !== undefined && relationOf(core.roomEvent(parent, roomId).content) !== undefined) {
    throw new MatrixError(400, 'M_UNKNOWN', 'An event that relates to another cannot be the root of a thread')
  }
}
