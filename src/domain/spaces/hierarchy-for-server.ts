import { notFound } from '../../matrix/errors.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { MAX_REMOTE_CHILDREN } from './limits.ts'
import { serverIsInOneOf, viewRoom } from './viewed-room.ts'

/**
 * A space and the rooms right below it, as far as they are here and users of the asking server may get into them (server-server-api#get_matrixfederationv1hierarchyroomid).
 * @throws MatrixError M_NOT_FOUND where the server may not know of the space, or it is not here.
 */
export async function hierarchyForServer(
  ctx: RequestContext,
  serverName: string,
  roomId: string,
  suggestedOnly: boolean,
): Promise<JsonObject> {
  const isInOneOf = serverIsInOneOf(ctx, serverName)
  const room = await viewRoom(ctx, roomId, { serverName }, isInOneOf)
  if (room === undefined || room === 'denied') throw notFound('Unknown room')
  const events = room.children
    .filter(({ content }) => !suggestedOnly || (isJsonObject(content) && content.suggested === true))
    .slice(0, MAX_REMOTE_CHILDREN)
  const children: JsonObject[] = []
  const inaccessible: string[] = []
  for (const { state_key: childId } of events) {
    if (typeof childId !== 'string') continue
    const child = await viewRoom(ctx, childId, { serverName }, isInOneOf)
    if (child === 'denied') inaccessible.push(childId)
    else if (child !== undefined) children.push(child.summary)
  }
  return { room: { ...room.summary, children_state: events }, children, inaccessible_children: inaccessible }
}
