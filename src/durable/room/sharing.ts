import { isJsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import type { Caller, MemberChanges } from '../protocol.ts'
import type { RoomCore } from './room-core.ts'

/*
 * Who shares this room with whom, for whoever keeps lists of other users' devices (client-server-api#tracking-the-device-list-for-a-user).
 * Members only: to everybody else the room says that nobody is here.
 */

const MEMBER = 'm.room.member'

/** This server's joined members. Empty unless the caller is one of them. */
export function localJoined(core: RoomCore, caller: Caller): string[] {
  return isJoined(core, caller.userId) ? core.members.localJoined() : []
}

/** Which of some users are joined. Empty unless the caller is. */
export function joinedAmong(core: RoomCore, caller: Caller, userIds: readonly string[]): string[] {
  return isJoined(core, caller.userId) ? userIds.filter((userId) => isJoined(core, userId)) : []
}

function isJoined(core: RoomCore, userId: string): boolean {
  return core.findHead()?.life === 'active' && core.members.find(userId)?.membership === 'join'
}

/** Movements of memberships in a range of the log. */
interface Movements {
  /** Users whose membership moved, and whether they were joined before. */
  readonly before: ReadonlyMap<string, boolean>
  /** Users who became joined at some time in the range and were at its end. */
  readonly joined: Set<string>
  /** Users who were joined before and not at the end. */
  readonly left: Set<string>
}

/**
 * Who came and went between two positions, as a reader must hear of it: to somebody who came themselves everybody is new, from somebody who
 * left everybody has gone who was there then. `from` is exclusive; `null` where the room is new to the reader.
 */
export function memberChanges(
  core: RoomCore,
  caller: Caller,
  from: number | null,
  to: number,
  membership: Membership | undefined,
): MemberChanges | undefined {
  const { before, joined, left } = movements(core, from ?? to, to)
  const isIn = membership === 'join'
  const wasIn = from !== null && (before.get(caller.userId) ?? isIn)
  const cameIn = isIn && (!wasIn || joined.has(caller.userId))
  const wentOut = wasIn && !isIn
  if (cameIn) for (const userId of membersNow(core)) joined.add(userId)
  if (wentOut) for (const userId of membersAt(core, to)) left.add(userId)
  joined.delete(caller.userId)
  left.delete(caller.userId)
  // Whoever is out hears no more of who comes.
  if (!isIn) joined.clear()
  if (!isIn && !wentOut) left.clear()
  return joined.size === 0 && left.size === 0 ? undefined : { joined: [...joined], left: [...left] }
}

function membersNow(core: RoomCore): string[] {
  return core.members.list(['join'], '', Number.MAX_SAFE_INTEGER).map(({ userId }) => userId)
}

/** Who was joined at a position: not those who came after somebody left. */
function membersAt(core: RoomCore, pos: number): string[] {
  const { before } = movements(core, pos, core.lastPos)
  const stayed = membersNow(core).filter((userId) => !before.has(userId))
  return [...stayed, ...[...before].flatMap(([userId, wasJoined]) => (wasJoined ? [userId] : []))]
}

function movements(core: RoomCore, from: number, to: number): Movements {
  const before = new Map<string, boolean>()
  const joined = new Set<string>()
  const left = new Set<string>()
  if (to <= from) return { before, joined, left }
  for (const { oldNid, newNid } of core.state.changes(from, to)) {
    const userId = memberOf(core, newNid) ?? memberOf(core, oldNid)
    if (userId === undefined) continue
    const was = isJoin(core, oldNid)
    const is = isJoin(core, newNid)
    if (!before.has(userId)) before.set(userId, was)
    if (is && !was) joined.add(userId)
    if (is) left.delete(userId)
    else {
      joined.delete(userId)
      if (before.get(userId) === true) left.add(userId)
    }
  }
  return { before, joined, left }
}

function memberOf(core: RoomCore, nid: number): string | undefined {
  if (nid === 0) return undefined
  const event = core.events.get(nid)
  return event.type === MEMBER ? event.stateKey : undefined
}

function isJoin(core: RoomCore, nid: number): boolean {
  if (nid === 0) return false
  const content: unknown = JSON.parse(core.events.get(nid).content)
  return isJsonObject(content) && content.membership === 'join'
}
