import { isJsonObject } from '../../matrix/json.ts'
import { accountDataOfType, readAccountData } from '../../storage/user/account-data.ts'
import type { RoomListRow } from '../../storage/user/room-list.ts'
import type { RoomConfig, SlidingFilters, SlidingRequest } from '../sliding-protocol.ts'
import type { Connection } from './sliding-connection.ts'
import type { UserCore } from './user-core.ts'

/** Rooms of a space that are looked at. */
export const MAX_SPACES = 50

/** A room that a request asks for, and by which rules. */
export interface RelevantRoom {
  readonly row: RoomListRow
  readonly configs: readonly RoomConfig[]
  readonly lists: readonly string[]
  readonly isSubscribed: boolean
}

/** What of the account filters look at. */
export interface FilterFacts {
  readonly dms: ReadonlySet<string>
  /** Names of tags by room. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>
  /** Rooms by the space that names them; spaces that the user is not in are absent. */
  readonly spaces: ReadonlyMap<string, ReadonlySet<string>>
}

/** Rooms in windows and subscriptions, and how long each list is. */
export interface Selection {
  readonly counts: readonly { readonly name: string; readonly count: number }[]
  /** In order of activity, subscriptions that are in no list last. */
  readonly rooms: ReadonlyMap<string, RelevantRoom>
}

/** Applies the rules of a request to the user's own list (MSC4186, "Lists" and "Subscriptions"). Asks no room. */
export function selectRooms(core: UserCore, connection: Connection, request: SlidingRequest, facts: FilterFacts): Selection {
  const { feed } = core.feedKeeper
  const relevant = new Map<string, RelevantRoom>()
  const add = (row: RoomListRow, config: RoomConfig, list: string | undefined): void => {
    const before = relevant.get(row.roomId)
    const lists = list === undefined ? [] : [list]
    relevant.set(row.roomId, {
      row,
      configs: [...(before?.configs ?? []), config],
      lists: [...(before?.lists ?? []), ...lists],
      isSubscribed: before?.isSubscribed === true || list === undefined,
    })
  }
  const ignored = core.feedKeeper.ownData.ignoredUsers(core)
  const isListed = (row: RoomListRow): boolean =>
    belongsToList(core, connection, row) && !(row.membership === 'invite' && ignored.includes(row.sender))
  const ordered = request.lists.length === 0 ? [] : feed.rooms.all().filter(isListed).sort(byActivity)
  const counts = request.lists.map(({ name, filters, ranges, config }) => {
    const rows = ordered.filter((row) => matches(row, filters, facts))
    for (const [first, last] of ranges ?? [[0, rows.length - 1]])
      for (const row of rows.slice(first, last + 1)) {
        if (relevant.get(row.roomId)?.lists.includes(name) !== true) add(row, config, name)
      }
    return { name, count: rows.length }
  })
  for (const { roomId, config } of request.subscriptions) {
    const row = feed.rooms.find(roomId)
    if (row !== undefined && !row.forgotten) add(row, config, undefined)
  }
  return { counts, rooms: relevant }
}

/** Rooms that the user left by themselves are in no list, except to tell a connection that knows them; those that they were thrown out of stay. */
function belongsToList(core: UserCore, connection: Connection, row: RoomListRow): boolean {
  if (row.forgotten) return false
  if (row.membership !== 'leave' && row.membership !== 'ban') return true
  const sent = connection.sent(row.roomId)
  if (sent !== undefined && sent.seq < row.lastSeq) return true
  return row.newSeq > 0 && row.sender !== core.userId
}

function byActivity(left: RoomListRow, right: RoomListRow): number {
  return right.activityTs - left.activityTs || right.lastSeq - left.lastSeq || (left.roomId < right.roomId ? -1 : 1)
}

function matches(row: RoomListRow, filters: SlidingFilters, { dms, tags, spaces }: FilterFacts): boolean {
  if (filters.isDm !== undefined && filters.isDm !== dms.has(row.roomId)) return false
  if (filters.isInvite !== undefined && filters.isInvite !== (row.membership === 'invite')) return false
  if (filters.isEncrypted !== undefined && filters.isEncrypted !== row.encrypted) return false
  if (filters.notRoomTypes?.includes(row.roomType) === true) return false
  if (filters.roomTypes !== undefined && !filters.roomTypes.includes(row.roomType)) return false
  const tagged = (names: readonly string[]): boolean => names.some((name) => tags.get(row.roomId)?.has(name) === true)
  if (filters.notTags !== undefined && tagged(filters.notTags)) return false
  if (filters.tags !== undefined && !tagged(filters.tags)) return false
  return filters.spaces === undefined || filters.spaces.some((space) => spaces.get(space)?.has(row.roomId) === true)
}

/** Direct rooms by `m.direct` (client-server-api#direct-messaging). */
export function directRooms(core: UserCore): ReadonlySet<string> {
  const text = readAccountData(core.store, '', 'm.direct')
  const content: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!isJsonObject(content)) return new Set()
  return new Set(Object.values(content).flatMap((rooms) => (Array.isArray(rooms) ? rooms.filter((room) => typeof room === 'string') : [])))
}

/** Tags of all rooms, where a filter asks for them. */
export function tagsFor(core: UserCore, request: SlidingRequest): ReadonlyMap<string, ReadonlySet<string>> {
  const isAsked = request.lists.some(({ filters }) => filters.tags !== undefined || filters.notTags !== undefined)
  if (!isAsked) return new Map()
  return new Map(accountDataOfType(core.store, 'm.tag').map(({ roomId, content }) => [roomId, tagNames(JSON.parse(content))]))
}

function tagNames(content: unknown): ReadonlySet<string> {
  const tags = isJsonObject(content) ? content.tags : undefined
  return new Set(isJsonObject(tags) ? Object.keys(tags) : [])
}
