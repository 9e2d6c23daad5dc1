import type { RoomStub } from '../../durable/objects.ts'
import { notFound } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { roomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'

/** Rooms whose version is remembered per isolate; it never changes. */
const MAX_REMEMBERED_VERSIONS = 10_000
const versions = new Map<string, string>()

/**
 * The object of a room that another server names, once the registry knows it: naming an object creates it.
 * @throws MatrixError M_NOT_FOUND where this server has no such room.
 */
export async function requireRegisteredRoom(ctx: RequestContext, roomId: string): Promise<RoomStub> {
  if (!isRoomId(roomId) || !(await roomExists(ctx.registry, roomId))) throw notFound('Unknown room')
  return ctx.objects.room(roomId)
}

/** The rules of a room that is here. @throws MatrixError M_NOT_FOUND. */
export async function rulesOfRoom(ctx: RequestContext, roomId: string): Promise<RoomVersionRules> {
  let version = versions.get(roomId)
  if (version === undefined) {
    version = unwrap(await (await requireRegisteredRoom(ctx, roomId)).version())
    if (versions.size >= MAX_REMEMBERED_VERSIONS) versions.clear()
    versions.set(roomId, version)
  }
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw notFound('Unknown room')
  return rules
}
