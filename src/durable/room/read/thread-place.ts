import { MatrixError, notFound } from '../../../matrix/errors.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { threadOf } from '../unread-items.ts'
import { Visibility } from './visibility.ts'

/** Worker → room: a thread, and an event in it because of which a client subscribes by itself. */
export interface ThreadPlaceRequest {
  readonly root: string
  readonly cause: string | undefined
}

/** Room → Worker: where the room is, and where the cause came. */
export interface ThreadPlace {
  readonly headPos: number
  readonly causePos: number | undefined
}

/**
 * What subscriptions to a thread need to know of its room (MSC4306). @throws M_NOT_FOUND for a root that the caller may not see, 400
 * IO.ELEMENT.MSC4306.M_NOT_IN_THREAD for a cause that is not in the thread, as far as the caller may see.
 */
export function threadPlace(core: RoomCore, caller: Caller, { root, cause }: ThreadPlaceRequest): ThreadPlace {
  const visibility = new Visibility(core, caller.userId)
  const rootEvent = core.events.findById(root)
  if (rootEvent === undefined || !visibility.mayRead(rootEvent)) throw notFound('Event not found')
  const headPos = core.lastPos
  if (cause === undefined) return { headPos, causePos: undefined }
  const event = core.events.findById(cause)
  if (event?.ord === undefined || !visibility.mayRead(event) || threadOf(core, event) !== root) {
    throw new MatrixError(400, 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD', 'That event is not in the thread')
  }
  return { headPos, causePos: Math.floor(event.ord / ORD_STEP) }
}
