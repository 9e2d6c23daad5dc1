import { isRoomId } from '../../../matrix/ids/room-id.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { isServerAllowed } from '../federation/server-access.ts'
import type { RoomCore } from '../room-core.ts'
import { allowedRooms, isWorldReadable, joinRuleOf, roomSummary } from './summary.ts'

/** Children of one space that are shown; more are left out. */
export const MAX_SPACE_CHILDREN = 500

/** Who looks at a room that they need not be in: a user (`''` for nobody in particular), or another server for all of its users. */
export type Viewer = { readonly userId: string } | { readonly serverName: string }

/** Room → Worker: the room as summaries and hierarchies show it. */
export interface SpaceAnswer {
  /** Whether the viewer may know of the room; or they may if they are in one of these rooms. */
  readonly access: 'granted' | 'denied' | { readonly needsMembershipIn: readonly string[] }
  /** A user's membership. */
  readonly membership: string | undefined
  readonly summary: JsonObject
  /** The events that name the children of a space, in the order in which they are shown (client-server-api#ordering-of-children-within-a-space). */
  readonly children: readonly JsonObject[]
}

/** The room for a viewer. @throws MatrixError M_NOT_FOUND where it is not known here as it is now. */
export function spaceAnswer(core: RoomCore, viewer: Viewer): SpaceAnswer {
  if (!core.members.hasLocalJoined()) throw core.unknownRoom()
  const summary = roomSummary(core)
  return {
    access: accessOf(core, viewer),
    membership: 'userId' in viewer ? core.members.find(viewer.userId)?.membership : undefined,
    summary,
    children: summary.room_type === 'm.space' ? spaceChildEvents(core) : [],
  }
}

/** Who may know of a room is whoever may join it or read it (client-server-api#get_matrixclientv1roomsroomidhierarchy). */
function accessOf(core: RoomCore, viewer: Viewer): SpaceAnswer['access'] {
  if ('serverName' in viewer && !isServerAllowed(core, viewer.serverName)) return 'denied'
  const rule = joinRuleOf(core)
  if (rule === 'public' || rule === 'knock' || rule === 'knock_restricted' || isWorldReadable(core)) return 'granted'
  if (takesPart(core, viewer)) return 'granted'
  const allowed = allowedRooms(core)
  return allowed === undefined || allowed.length === 0 ? 'denied' : { needsMembershipIn: allowed }
}

function takesPart(core: RoomCore, viewer: Viewer): boolean {
  if ('userId' in viewer) {
    const membership = core.members.find(viewer.userId)?.membership
    return membership === 'join' || membership === 'invite'
  }
  return core.members.joinedOfServer(viewer.serverName) > 0 || core.members.isServerInvited(viewer.serverName)
}

function spaceChildEvents(core: RoomCore): JsonObject[] {
  const events = core.events.getMany([...core.state.all(['m.space.child']).values()])
  return events
    .flatMap((event) => childOf(core, event) ?? [])
    .sort(inOrder)
    .slice(0, MAX_SPACE_CHILDREN)
    .map(({ event }) => event)
}

interface Child {
  readonly order: string | undefined
  readonly originServerTs: number
  readonly roomId: string
  readonly event: JsonObject
}

/** A child, if the event names a room and servers that may have it. */
function childOf(core: RoomCore, stored: StoredEvent): Child | undefined {
  const { content, stateKey: roomId = '', originServerTs, sender } = core.roomEvent(stored, core.roomId)
  const { via, order } = content
  const servers = Array.isArray(via) ? via.filter((name) => typeof name === 'string' && isServerName(name)) : []
  if (!isRoomId(roomId) || servers.length === 0) return undefined
  return {
    order: typeof order === 'string' && /^[\x20-\x7e]{1,50}$/.test(order) ? order : undefined,
    originServerTs,
    roomId,
    event: { type: 'm.space.child', state_key: roomId, content, sender, origin_server_ts: originServerTs },
  }
}

function inOrder(a: Child, b: Child): number {
  if (a.order !== b.order) {
    if (a.order === undefined) return 1
    if (b.order === undefined) return -1
    return a.order < b.order ? -1 : 1
  }
  return a.originServerTs - b.originServerTs || (a.roomId < b.roomId ? -1 : 1)
}
