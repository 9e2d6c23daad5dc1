import { parseUserId } from '../../matrix/ids/user-id.ts'
import { isJsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import type { Caller, MemberChanges } from '../protocol.ts'
import type { RoomCore } from './room-core.ts'

/*
 * Who shares this room with whom, for whoever keeps lists of other users' devices (client-server-api#tracking-the-device-list-for-a-user).
 * Members only: to everybody else the room says that nobody is here.
 */

const MEMBER = 'm.room.member'
/** Servers read from storage at a time. */
const SERVERS_PAGE = 1_000

/** This server's joined members. Empty unless the caller is one of them. */
export function localJoined(core: RoomCore, caller: Caller): string[] {
  return isJoined(core, caller.userId) ? core.members.localJoined() : []
}

/** Which of some users are joined. Empty unless the caller is. */
export function joinedAmong(core: RoomCore, caller: Caller, userIds: readonly string[]): string[] {
  return isJoined(core, caller.userId) ? userIds.filter((userId) => isJoined(core, userId)) : []
}

/** Users and servers of a room, as a member who must tell them of something knows them. */
export interface Sharers {
  /** This server's joined members. */
  readonly users: readonly string[]
  /** Other servers with a joined member. */
  readonly servers: readonly string[]
}

/** Who is to hear that the caller's devices changed. Nobody unless the caller is joined. */
export function sharers(core: RoomCore, caller: Caller): Sharers {
  if (!isJoined(core, caller.userId)) return { users: [], servers: [] }
  const servers: string[] = []
  for (let page = core.members.joinedServers('', SERVERS_PAGE); page.length > 0; ) {
    servers.push(...page)
    page = page.length < SERVERS_PAGE ? [] : core.members.joinedServers(page.at(-1) ?? '', SERVERS_PAGE)
  }
  return { users: core.members.localJoined(), servers: servers.filter((serverName) => serverName !== core.config.serverName) }
}

/** Whether a server has a joined member, or at least one who is invited or knocks. Neither, unless the caller is joined. */
export function serverPresence(core: RoomCore, caller: Caller, serverName: string): 'joined' | 'expected' | 'none' {
  if (!isJoined(core, caller.userId)) return 'none'
  if (core.members.joinedOfServer(serverName) > 0) return 'joined'
  return core.members.isExpectedServer(serverName) ? 'expected' : 'none'
}

/** Since when users have been in a room without a break: what has the same generation and positions later has not been interrupted. */
export interface Acquaintances {
  readonly generation: string
  /** The caller's own position. */
  readonly readerPos: number
  readonly joined: readonly (readonly [userId: string, pos: number])[]
  /** Users who are invited or knock: their devices may be written to, but changes of them are not heard of. */
  readonly expected: readonly string[]
}

/** Which of some users are in the room or expected in it. Nobody unless the caller is joined. */
export function acquaintances(core: RoomCore, caller: Caller, userIds: readonly string[]): Acquaintances | undefined {
  const reader = isJoined(core, caller.userId) ? core.members.find(caller.userId) : undefined
  if (reader === undefined) return undefined
  const isHere = new Map<string | undefined, boolean>([[core.config.serverName, true]])
  const mayBeHere = (serverName: string): boolean =>
    core.members.joinedOfServer(serverName) > 0 || core.members.isExpectedServer(serverName)
  const members = userIds.flatMap((userId) => {
    const serverName = parseUserId(userId)?.serverName
    if (!isHere.has(serverName)) isHere.set(serverName, serverName !== undefined && mayBeHere(serverName))
    return isHere.get(serverName) === true ? (core.members.find(userId) ?? []) : []
  })
  return {
    generation: core.head.generation,
    readerPos: reader.pos,
    joined: members.flatMap(({ userId, membership, pos }): [string, number][] => (membership === 'join' ? [[userId, pos]] : [])),
    expected: members.flatMap(({ userId, membership }) => (membership === 'invite' || membership === 'knock' ? [userId] : [])),
  }
}

/** Which of some users are joined since the very positions named, in the room's very generation. */
export function stillJoined(core: RoomCore, generation: string, since: readonly (readonly [userId: string, pos: number])[]): string[] {
  const head = core.findHead()
  if (head?.life !== 'active' || head.generation !== generation) return []
  return since.flatMap(([userId, pos]) => {
    const member = core.members.find(userId)
    return member?.membership === 'join' && member.pos === pos ? [userId] : []
  })
}

/** This server's joined members who share the room with a user of another server; nobody if that user is not in it. */
export function localsWith(core: RoomCore, userId: string): string[] {
  return core.findHead()?.life === 'active' && core.partial.mayBeJoined(userId) ? core.members.localJoined() : []
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
 * left everybody has gone who was there then. `after` is exclusive; `null` where the room is new to the reader.
 */
export function memberChanges(
  core: RoomCore,
  caller: Caller,
  after: number | null,
  to: number,
  membership: Membership | undefined,
): MemberChanges | undefined {
  // Nobody knew who was there before the state was whole.
  const from = core.partial.isCompletedIn(after, to) ? null : after
  const { before, joined, left } = movements(core, from ?? to, to)
  const isIn = membership === 'join'
  const wasIn = from !== null && (before.get(caller.userId) ?? isIn)
  const cameIn = isIn && (!wasIn || joined.has(caller.userId))
  const wentOut = wasIn && !isIn
  if (cameIn) for (const userId of membersNow(core)) joined.add(userId)
  if (wentOut) for (const userId of membersAt(core, to)) left.add(userId)
  // Who comes in is named to themselves as well, as other servers do.
  if (!cameIn) joined.delete(caller.userId)
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
