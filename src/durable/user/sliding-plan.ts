import { isJsonObject } from '../../matrix/json.ts'
import { type RoomListRow, readStrippedState } from '../../storage/user/room-list.ts'
import type { SentRoom } from '../../storage/user/sliding-connections.ts'
import type { RequiredState, ScopedNews, SlidingPlan, SlidingPlannedRoom, SlidingRequest } from '../sliding-protocol.ts'
import { isCovered, needsMembers } from './sliding-config.ts'
import type { Connection } from './sliding-connection.ts'
import { selectRooms } from './sliding-lists.ts'
import { type OwnNews, ownNews } from './sliding-own.ts'
import type { RelevantRoom, Rule } from './sliding-rules.ts'
import { ROOM_EXTENSIONS, type ScopedRooms, type ScopesOfRequest, scopesOf } from './sliding-scopes.ts'
import { formatSlidingToken, isHeldBy, type SlidingToken } from './sliding-token.ts'
import type { UserCore } from './user-core.ts'

/** Rooms in one response; what is left comes with the next, at once. */
export const MAX_ROOMS_PER_RESPONSE = 200

/** What the parts of one plan share. */
interface Planning {
  readonly core: UserCore
  readonly connection: Connection
  readonly request: SlidingRequest
  readonly since: SlidingToken | undefined
  /** What the position means in this life of the object; 0 without one. */
  readonly seq: number
  readonly dms: ReadonlySet<string>
  /** Of rules, whether what was sent by a configuration of the connection is enough. */
  readonly covered: Map<Rule, Map<number, boolean>>
  /** What the request has in scope of extensions. */
  readonly scopes: ScopesOfRequest
}

/** A room that is to be sent, and what the connection then has of it. */
interface Sending {
  readonly room: SlidingPlannedRoom
  readonly sent: SentRoom
}

/**
 * What a client must be told on a connection after its position (docs/design/sliding.md): synchronous, so that nothing happens between looking and
 * parking. `since` is the position of the request, parsed; `spaces` the rooms of the spaces that filters name.
 * @throws MatrixError M_UNKNOWN_POS where the connection does not know the position any more.
 */
export function planSliding(
  core: UserCore,
  deviceId: string,
  request: SlidingRequest,
  since: SlidingToken | undefined,
  spaces: ReadonlyMap<string, ReadonlySet<string>>,
): SlidingPlan {
  const connection = connectionFor(core, deviceId, request, since)
  const { feed, ownData } = core.feedKeeper
  const position = since === undefined ? undefined : feed.resolve(since.sync)
  const dms = ownData.lists.directRooms(core)
  const selection = selectRooms(core, connection, request, { dms, tags: tagsFor(core, request), spaces })
  const scopes = scopesOf(request, selection.rooms)
  if (since !== undefined) connection.scopes.keep(scopes)
  const planning: Planning = { core, connection, request, since, seq: position?.seq ?? 0, dms, covered: new Map(), scopes }
  const sending: Sending[] = []
  for (const relevant of selection.rooms) {
    const next = hasNothing(planning, relevant) ? undefined : planRoom(planning, relevant)
    if (next === undefined) continue
    sending.push(next)
    if (sending.length >= MAX_ROOMS_PER_RESPONSE) break
  }
  const rooms = sending.map(({ room }) => room)
  const own = ownNews(core, deviceId, request, planning, rooms)
  const isNothing = since !== undefined && rooms.length === 0 && !own.hasNews
  const acknowledged = connection.shown
  const scoped = { ...scopedIn(rooms), accountData: own.accountDataTold }
  const answer = isNothing ? connection.answer : connection.send(new Map(sending.map(({ room, sent }) => [room.roomId, sent])), scoped)
  return {
    ...{ userId: core.userId, deviceId, empty: isNothing, lists: selection.counts, rooms },
    pos: positionAfter(planning, deviceId, answer, isNothing && position?.tailLost === false, own),
    ...{ connection: connection.membersKey, acknowledged, answer },
    ignoredUsers: ownData.ignoredUsers(core),
    ...{ accountData: own.accountData, roomAccountData: own.roomAccountData, toDevice: own.toDevice, e2ee: own.e2ee },
    threadSubscriptions: own.threadSubscriptions,
    incremental: since !== undefined,
  }
}

/** Rooms of an answer of which extensions that rooms are asked for say what there is to say. */
function scopedIn(rooms: readonly SlidingPlannedRoom[]): Omit<ScopedRooms, 'accountData'> {
  const told = (wanted: (window: NonNullable<SlidingPlannedRoom['window']>) => ScopedNews): string[] =>
    rooms.flatMap(({ roomId, window }) => (window === undefined || wanted(window) === 'nothing' ? [] : [roomId]))
  return { typing: told(({ withTyping }) => withTyping), receipts: told(({ withReceipts }) => withReceipts) }
}

function connectionFor(core: UserCore, deviceId: string, request: SlidingRequest, since: SlidingToken | undefined): Connection {
  const connection =
    since === undefined
      ? core.sliding.open(deviceId, request.connectionId, core.feedKeeper.feed.seq)
      : core.sliding.resume(deviceId, request.connectionId, since.nonce)
  if (since !== undefined)
    connection.arrive({ nonce: since.nonce, answer: since.answer, isHeld: isHeldBy(since), isOwn: request.goesOn === true })
  if (core.sliding.needsFlush) core.feedKeeper.flushSoon()
  return connection
}

/** The position after this answer: the same where nothing has happened and a new one would say no more. */
function positionAfter(
  { core, connection, request, since }: Planning,
  deviceId: string,
  answer: number,
  isSame: boolean,
  own: OwnNews,
): string {
  const { feed } = core.feedKeeper
  const { accountDataPosition: accountData, deviceListsPosition: deviceLists, threadsPosition: threads, memberSeq } = own
  if (isSame && since !== undefined && request.pos !== undefined) {
    const covers = since.sync.seq === feed.seq && (since.sync.durable >= since.sync.seq || feed.flushedSeq < since.sync.seq)
    const isSameOwn = since.sync.accountData === accountData && since.sync.deviceLists === deviceLists && since.threads === threads
    if (covers && isSameOwn && (since.memberSeq ?? since.sync.seq) === memberSeq && since.sync.held.size === 0) return request.pos
  }
  const sync = { ...feed.issue(), toDevice: 0, accountData, deviceLists, held: new Map<string, number>() }
  return formatSlidingToken(core.config, core.userId, deviceId, { nonce: connection.nonce, answer, sync, memberSeq, threads })
}

/** Tags of all rooms, where a filter asks for them. */
function tagsFor(core: UserCore, request: SlidingRequest): ReadonlyMap<string, ReadonlySet<string>> {
  const isAsked = request.lists.some(({ filters }) => filters.tags !== undefined || filters.notTags !== undefined)
  return isAsked ? core.feedKeeper.ownData.lists.tags(core) : new Map()
}

/** The quick answer for most rooms of a long window: nothing about them has changed. */
function hasNothing(planning: Planning, { room, rule }: RelevantRoom): boolean {
  const { connection, dms } = planning
  const before = connection.sent(room.roomId)
  if (before === undefined || room.lastSeq > before.seq || rule.config.timelineLimit > before.timelineLimit) return false
  return dms.has(room.roomId) === before.isDm && hasState(planning, rule, before.config) && !hasEnteredScope(planning, room.roomId)
}

/** Whether an extension has to tell everything of a room because it has come into its scope. */
function hasEnteredScope({ connection, scopes }: Planning, roomId: string): boolean {
  return ROOM_EXTENSIONS.some((extension) => connection.scopes.hasEntered(extension, scopes, roomId))
}

/** Whether clients that were sent state by a configuration of the connection have what a rule asks for. */
function hasState({ connection, covered }: Planning, rule: Rule, config: number): boolean {
  if (connection.configs[config] === rule.stateText) return true
  const known = covered.get(rule) ?? new Map<number, boolean>()
  covered.set(rule, known)
  const answer = known.get(config) ?? isCovered(rule.config.requiredState, stateOf(connection, config))
  known.set(config, answer)
  return answer
}

function planRoom(planning: Planning, { room: { roomId }, rule }: RelevantRoom): Sending | undefined {
  const { core, connection, dms } = planning
  const { feed } = core.feedKeeper
  const row = feed.rooms.find(roomId)
  if (row === undefined) return undefined
  const before = connection.sent(roomId)
  const { config } = rule
  const isDm = dms.has(roomId)
  const from = before === undefined ? null : feed.startOf(row, before.seq)
  const isInitial = before === undefined || from === null
  const hasNews = isInitial || row.lastSeq > before.seq
  const changesState = !isInitial && !hasState(planning, rule, before.config)
  const expandTimeline = !isInitial && config.timelineLimit > before.timelineLimit
  const dmChanged = before !== undefined && before.isDm !== isDm
  const isAsIs = !hasNews && !changesState && !expandTimeline && !dmChanged
  if (isAsIs && !hasEnteredScope(planning, roomId)) return undefined
  const sent = { seq: feed.seq, timelineLimit: config.timelineLimit, config: connection.configIndex(rule.stateText), isDm }
  const isStripped = row.membership === 'invite' || row.membership === 'knock'
  const isOut = row.membership === 'leave' || row.membership === 'ban'
  // Of a room that never was here, its end is all there is.
  const strippedState = row.membership === 'join' ? undefined : (readStrippedState(core.store, roomId) ?? (isStripped ? '[]' : undefined))
  const total = row.membership === 'join' ? core.unread.total(row.roomId) : { notifications: 0, highlights: 0 }
  const room: SlidingPlannedRoom = {
    roomId: row.roomId,
    membership: row.membership,
    isInitial,
    window:
      strippedState !== undefined
        ? undefined
        : windowOf(planning, row, rule, {
            from,
            previousState: changesState ? stateOf(connection, before.config) : undefined,
            neededMembers: before !== undefined && neededMembers(planning, rule, before.config),
            expandTimeline,
          }),
    lists: rule.lists,
    bumpStamp: row.membership === 'join' ? row.bumpTs : row.activityTs,
    isDm,
    ...total,
    hasOwnNews: isInitial || isStripped || dmChanged || isOut || row.unreadSeq > before.seq,
    strippedState,
  }
  return { room, sent }
}

function windowOf(
  planning: Planning,
  row: RoomListRow,
  { config }: Rule,
  asked: {
    readonly from: number | null
    readonly previousState: readonly RequiredState[] | undefined
    readonly neededMembers: boolean
    readonly expandTimeline: boolean
  },
): SlidingPlannedRoom['window'] {
  const { core, connection, since, seq, scopes } = planning
  const isInitial = asked.from === null
  const inScope = (extension: (typeof ROOM_EXTENSIONS)[number]): ScopedNews => {
    if (scopes[extension]?.has(row.roomId) !== true) return 'nothing'
    if (!isInitial && !connection.scopes.hasEntered(extension, scopes, row.roomId)) return 'changes'
    return !isInitial && connection.scopes.hasMissedReceipts(row.roomId) ? 'all' : 'everything'
  }
  return {
    ...asked,
    config,
    needsMembers: needsMembers(config.requiredState, core.config.serverName),
    to: row.lastPos,
    // What came since the connection's last answer is live even in a room that is new to it.
    liveFrom: since === undefined ? row.lastPos : (core.feedKeeper.feed.startOf(row, seq) ?? row.membershipPos - 1),
    withReceipts: inScope('receipts'),
    withTyping: inScope('typing'),
  }
}

/** Whether members were asked for by a configuration of the connection. Of one that it has forgotten, they may have been. */
function neededMembers({ core, connection }: Planning, rule: Rule, config: number): boolean {
  if (connection.configs[config] === undefined) return true
  const state = connection.configs[config] === rule.stateText ? rule.config.requiredState : stateOf(connection, config)
  return needsMembers(state, core.config.serverName)
}

function stateOf(connection: Connection, index: number): readonly RequiredState[] {
  const text = connection.configs[index]
  const states: unknown = text === undefined ? [] : JSON.parse(text)
  // Written by `planRoom`.
  return Array.isArray(states) ? states.filter((state): state is RequiredState => isJsonObject(state)) : []
}
