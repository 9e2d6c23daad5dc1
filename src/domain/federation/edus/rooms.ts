import type { RoomStub } from '../../../durable/objects.ts'
import { isRoomId } from '../../../matrix/ids/room-id.ts'
import { log } from '../../../runtime/log.ts'
import { roomExists } from '../../../storage/d1/rooms.ts'
import type { RequestContext } from '../../context.ts'
import { inParallel } from '../../e2ee/in-parallel.ts'

/** Rooms of one transaction's EDUs of a kind; further ones are left out. */
const MAX_ROOMS = 200
/** Rooms told at once. */
const PARALLEL_ROOMS = 16

/** Tells rooms what servers say of them. Rooms that are not here are left out; one that fails does not hold the others: all of it is worth something only now. */
export async function inRooms<T>(
  ctx: RequestContext,
  byRoom: ReadonlyMap<string, T>,
  tell: (room: RoomStub, what: T) => Promise<unknown>,
): Promise<void> {
  await inParallel(PARALLEL_ROOMS, [...byRoom].slice(0, MAX_ROOMS), async ([roomId, what]) => {
    if (!isRoomId(roomId) || !(await roomExists(ctx.registry, roomId))) return
    try {
      await tell(ctx.objects.room(roomId), what)
    } catch (cause) {
      log.warn('a room did not take what another server said of it', cause)
    }
  })
}
