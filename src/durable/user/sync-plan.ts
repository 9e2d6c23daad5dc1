import { matchesRoom } from '../../matrix/filters.ts'
import type { RoomListRow } from '../../storage/user/room-list.ts'
import { readStrippedState } from '../../storage/user/room-list.ts'
import type { PlannedRoom, SyncPlan, SyncRequest, SyncSection } from '../sync-protocol.ts'
import { e2eeNews } from './e2ee/sync-e2ee.ts'
import type { ChangedRoom } from './feed.ts'
import { isUnwantedInviter } from './invite-permissions.ts'
import type { ResolvedFilter } from './sync-filter.ts'
import { type AccountDataChanges, accountDataOf, accountDataSince } from './sync-own.ts'
import { formatSyncToken, roomKey, type SyncToken } from './sync-token.ts'
import { countsJson } from './unread.ts'
import type { UserCore } from './user-core.ts'

const NOTHING_OF_ITS_OWN = { accountData: undefined, strippedState: undefined, unread: undefined }

/** A room with news, and from where in the feed it was looked at. */
interface Candidate extends Omit<ChangedRoom, 'firstSeq'> {
  readonly sinceSeq: number
}

/** What the parts of one plan share. */
interface Planning {
  readonly core: UserCore
  readonly request: SyncRequest
  readonly filter: ResolvedFilter
  readonly since: SyncToken | undefined
  /** What the token's mark means in this life of the object; 0 without a token. */
  readonly seq: number
  readonly ignoredUsers: readonly string[]
  readonly accountData: AccountDataChanges
}

/**
 * What a client must be told after its token (docs/design/feed.md, "Sync"): synchronous, so that nothing happens between looking and parking.
 * `since` is `request.since`, parsed. Rooms that the token holds back are tried again unless nothing else is new and `retryHeld` is false.
 * @throws MatrixError for a filter that cannot be used.
 */
export function planSync(
  core: UserCore,
  deviceId: string,
  since: SyncToken | undefined,
  request: SyncRequest,
  retryHeld: boolean,
): SyncPlan {
  const { feed, ownData, filters } = core.feedKeeper
  const filter = filters.resolve(core, request.filter)
  const position = since === undefined ? undefined : feed.resolve(since)
  const planning: Planning = {
    core,
    request,
    filter,
    since,
    seq: position?.seq ?? 0,
    ignoredUsers: ownData.ignoredUsers(core),
    accountData: accountDataSince(core, since?.accountData, filter),
  }
  const fresh = freshRooms(planning)
  const freshPlanned = planRooms(planning, fresh)
  const { global, upTo } = planning.accountData
  const { toDevice, devicesChanged, keyCounts, toDevicePosition, deviceListsPosition } = e2eeNews(core, deviceId, since)
  const presence = core.presence?.eventsFor(since, filter.filter.presence, planning.ignoredUsers)
  const ownNews = global !== undefined || toDevice !== undefined || devicesChanged.length > 0 || presence !== undefined
  const nothingNew = since !== undefined && !request.fullState && freshPlanned.length === 0 && !ownNews
  const waits = nothingNew && !retryHeld
  const candidates = waits ? fresh : withHeldRooms(planning, fresh)
  const rooms = candidates === fresh ? freshPlanned : planRooms(planning, candidates)
  const held = waits ? heldSeqs(planning) : new Map<string, number>()
  const mark = { toDevice: toDevicePosition, accountData: upTo, deviceLists: deviceListsPosition, held }
  const isCurrent =
    since !== undefined && position?.tailLost === false && rooms.length === 0 && presence === undefined && covers(core, since, mark)
  return {
    userId: core.userId,
    deviceId,
    empty: nothingNew && rooms.length === 0,
    nextBatch:
      isCurrent && request.since !== undefined
        ? request.since
        : formatSyncToken(core.config, core.userId, deviceId, { ...feed.issue(), ...mark, ...presencePosition(core) }),
    rooms,
    accountData: global,
    presence,
    toDevice,
    incremental: since !== undefined,
    devicesChanged,
    keyCounts,
    roomFilter: filter.roomJson,
    ignoredUsers: planning.ignoredUsers,
  }
}

/** How far a client has been told of presences, once it has this answer. */
function presencePosition(core: UserCore): Pick<SyncToken, 'presence'> {
  const position = core.presence?.known.position
  return position === undefined ? {} : { presence: position }
}

/** Whether a token says everything that a new one would say, and as durably. */
function covers(core: UserCore, since: SyncToken, mark: Pick<SyncToken, 'toDevice' | 'accountData' | 'deviceLists'>): boolean {
  const { feed } = core.feedKeeper
  const isSame = since.toDevice === mark.toDevice && since.accountData === mark.accountData && since.deviceLists === mark.deviceLists
  return isSame && since.seq === feed.seq && (since.durable >= since.seq || feed.flushedSeq < since.seq)
}

/** Rooms of which the client has not heard everything, by what the feed and the account data say. */
function freshRooms({ core, request, since, seq, accountData }: Planning): Candidate[] {
  const { feed } = core.feedKeeper
  if (since === undefined) return feed.rooms.all().map((row) => ({ row, from: null, sinceSeq: 0 }))
  const candidates = new Map(feed.changedSince(seq).map((room): [string, Candidate] => [room.row.roomId, { ...room, sinceSeq: seq }]))
  const others = request.fullState ? feed.rooms.all() : [...accountData.byRoom.keys()].flatMap((roomId) => feed.rooms.find(roomId) ?? [])
  for (const row of others) {
    if (row.membership === 'join' && !candidates.has(row.roomId)) candidates.set(row.roomId, { row, from: row.lastPos, sinceSeq: seq })
  }
  return [...candidates.values()]
}

/** Adds rooms that could not be asked when the token was made, from where the client is in them. */
function withHeldRooms(planning: Planning, fresh: readonly Candidate[]): readonly Candidate[] {
  const held = heldSeqs(planning)
  if (held.size === 0) return fresh
  const { feed } = planning.core.feedKeeper
  const candidates = new Map(fresh.map((candidate) => [candidate.row.roomId, candidate]))
  for (const row of feed.rooms.all()) {
    const sinceSeq = held.get(roomKey(row.roomId))
    if (sinceSeq !== undefined) candidates.set(row.roomId, { row, from: feed.startOf(row, sinceSeq), sinceSeq })
  }
  return [...candidates.values()]
}

/** Where the token holds rooms back, in terms of this life of the object. */
function heldSeqs({ since, seq }: Planning): Map<string, number> {
  return new Map([...(since?.held ?? [])].map(([key, heldSeq]) => [key, Math.min(heldSeq, seq)]))
}

/** Rooms as the client wants them: filtered, in their sections, with their account data. */
function planRooms(planning: Planning, candidates: readonly Candidate[]): PlannedRoom[] {
  const { room } = planning.filter.filter
  return candidates.flatMap((candidate) => {
    const { row } = candidate
    // A client that has not heard of the end yet hears of it, even of rooms that another one of the user's has forgotten.
    if (row.forgotten && planning.since === undefined) return []
    return matchesRoom(room, row.roomId) ? (planRoom(planning, candidate) ?? []) : (planHidden(planning, candidate) ?? [])
  })
}

/** A room that the client does not want to hear of is still asked who came and went: whose devices it looks at depends on that. */
function planHidden({ since }: Planning, { row, from, sinceSeq }: Candidate): PlannedRoom | undefined {
  const section = sectionOf(row)
  const hasMoved = from === null || row.memberPos > from || section === 'leave'
  if (since === undefined || row.newSeq === 0 || !hasMoved || from === row.lastPos || (section !== 'join' && section !== 'leave'))
    return undefined
  return { ...{ roomId: row.roomId, section, sinceSeq, from, to: row.lastPos, isHidden: true }, ...NOTHING_OF_ITS_OWN }
}

function planRoom(planning: Planning, { row, from, sinceSeq }: Candidate): PlannedRoom | undefined {
  const { core, since, filter } = planning
  const section = sectionOf(row)
  const isStripped = section === 'invite' || section === 'knock'
  if (section === 'invite' && isUnwantedInviter(core, row.sender)) return undefined
  // Rooms that were left before the client came are archive, for which it has to ask.
  if (section === 'leave' && since === undefined && !filter.filter.room.includeLeave) return undefined
  const events = isStripped ? [] : accountDataFor(planning, row, from)
  return {
    roomId: row.roomId,
    section,
    sinceSeq,
    from,
    to: row.lastPos,
    accountData: events.length === 0 ? undefined : `[${events.join(',')}]`,
    strippedState: isStripped
      ? (readStrippedState(core.store, row.roomId) ?? '[]')
      : // Of a room that never was here, its end is all there is.
        section === 'leave'
        ? readStrippedState(core.store, row.roomId)
        : undefined,
    ...(section === 'join' ? unreadOf(core, row, filter.filter.room.timeline.unreadThreadNotifications) : { unread: undefined }),
    unreadChanged: section === 'join' && since !== undefined && row.unreadSeq > sinceSeq,
  }
}

/** Counts of what is unread: over the whole room, or apart by thread. */
function unreadOf(core: UserCore, { roomId }: RoomListRow, byThread: boolean): Pick<PlannedRoom, 'unread' | 'unreadThreads'> {
  if (!byThread) return { unread: countsJson(core.unread.total(roomId)) }
  const { main, threads } = core.unread.byThread(roomId)
  const entries = [...threads].map(([rootId, counts]) => `${JSON.stringify(rootId)}:${countsJson(counts)}`)
  return { unread: countsJson(main), unreadThreads: entries.length === 0 ? undefined : `{${entries.join(',')}}` }
}

function sectionOf({ membership }: RoomListRow): SyncSection {
  return membership === 'ban' ? 'leave' : membership
}

/** A room that is new to a client which was here before needs all of its account data; otherwise what changed. */
function accountDataFor({ core, since, filter, accountData }: Planning, row: RoomListRow, from: number | null): readonly string[] {
  if (since !== undefined && from === null) return accountDataOf(core, row.roomId, filter.filter.room.accountData)
  return accountData.byRoom.get(row.roomId) ?? []
}
