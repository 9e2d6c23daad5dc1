import { badJson } from './errors.ts'
import type { GlobMatcher } from './glob.ts'
import { compileGlob } from './glob.ts'
import { isBoundedText } from './ids/domain-id.ts'
import { isUserId } from './ids/user-id.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'

/*
 * Filters of `/sync` and the paginated endpoints (client-server-api#filtering). Parsed filters are plain data: they can be stored and sent
 * to another object as they are.
 */

/** Events per timeline or page where a filter does not say. */
export const DEFAULT_FILTER_LIMIT = 10
/** Most events per timeline or page; larger limits are lowered to it. */
export const MAX_FILTER_LIMIT = 1_000
/** Most entries of each list in a filter. */
export const MAX_FILTER_ENTRIES = 1_000
/** Most entries of the lists about related events. */
export const MAX_RELATED_ENTRIES = 100

/** Which events of a kind are wanted. An absent list does not restrict; `not…` lists win. */
export interface EventFilter {
  /** Between 0 and {@link MAX_FILTER_LIMIT}. */
  readonly limit: number
  /** Event types, in which `*` stands for any sequence of characters. */
  readonly types: readonly string[] | undefined
  readonly notTypes: readonly string[]
  readonly senders: readonly string[] | undefined
  readonly notSenders: readonly string[]
}

/** An {@link EventFilter} for events in rooms. */
export interface RoomEventFilter extends EventFilter {
  readonly rooms: readonly string[] | undefined
  readonly notRooms: readonly string[]
  /** Whether events must (`true`) or must not (`false`) have a `url` in their content. */
  readonly containsUrl: boolean | undefined
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly unreadThreadNotifications: boolean
  /** Only events to which another one relates: with one of these types, by one of these senders (MSC3440). An absent list does not restrict. */
  readonly relatedByRelTypes: readonly string[] | undefined
  readonly relatedBySenders: readonly string[] | undefined
  /** Only events that relate to others in one of these ways, or in none of those (MSC3874, unstable). An absent list does not restrict. */
  readonly relTypes: readonly string[] | undefined
  readonly notRelTypes: readonly string[] | undefined
}

/** What of the rooms is wanted. */
export interface RoomFilter {
  readonly rooms: readonly string[] | undefined
  readonly notRooms: readonly string[]
  readonly includeLeave: boolean
  readonly timeline: RoomEventFilter
  readonly state: RoomEventFilter
  readonly ephemeral: RoomEventFilter
  readonly accountData: RoomEventFilter
}

/** A whole filter as clients define it. */
export interface SyncFilter {
  /** Dot-separated paths of the event properties to send; everything if absent. */
  readonly eventFields: readonly string[] | undefined
  readonly eventFormat: 'client' | 'federation'
  readonly presence: EventFilter
  readonly accountData: EventFilter
  readonly room: RoomFilter
}

/**
 * Reads a filter as posted to `/filter` or given inline to `/sync`. Unknown keys are ignored; `null` counts as absent.
 * @throws MatrixError M_BAD_JSON if a known key has the wrong shape, or a list more than {@link MAX_FILTER_ENTRIES} entries.
 */
export function parseSyncFilter(json: JsonValue): SyncFilter {
  const filter = asObject(json, 'filter')
  const format = filter.event_format ?? 'client'
  if (format !== 'client' && format !== 'federation') throw badJson('event_format is neither client nor federation')
  return {
    eventFields: stringList(filter, 'event_fields'),
    eventFormat: format,
    presence: parseEventFilter(filter.presence ?? {}, 'presence'),
    accountData: parseEventFilter(filter.account_data ?? {}, 'account_data'),
    room: parseRoomFilter(asObject(filter.room ?? {}, 'room')),
  }
}

/** Reads a filter of `/messages`, `/context` and the like. Throws as {@link parseSyncFilter} does. */
export function parseRoomEventFilter(json: JsonValue, name = 'filter'): RoomEventFilter {
  const filter = asObject(json, name)
  return {
    ...parseEventFilter(filter, name),
    rooms: stringList(filter, 'rooms', isRoomIdLike),
    notRooms: stringList(filter, 'not_rooms', isRoomIdLike) ?? [],
    containsUrl: flag(filter, 'contains_url'),
    lazyLoadMembers: flag(filter, 'lazy_load_members') ?? false,
    includeRedundantMembers: flag(filter, 'include_redundant_members') ?? false,
    unreadThreadNotifications: flag(filter, 'unread_thread_notifications') ?? false,
    relatedByRelTypes: shortList(filter, 'related_by_rel_types'),
    relatedBySenders: shortList(filter, 'related_by_senders', isUserId),
    relTypes: shortList(filter, 'org.matrix.msc3874.rel_types'),
    notRelTypes: shortList(filter, 'org.matrix.msc3874.not_rel_types'),
  }
}

function parseEventFilter(json: JsonValue, name: string): EventFilter {
  const filter = asObject(json, name)
  return {
    limit: parseLimit(filter.limit ?? DEFAULT_FILTER_LIMIT),
    types: stringList(filter, 'types'),
    notTypes: stringList(filter, 'not_types') ?? [],
    senders: stringList(filter, 'senders', isUserId),
    notSenders: stringList(filter, 'not_senders', isUserId) ?? [],
  }
}

function parseRoomFilter(filter: JsonObject): RoomFilter {
  return {
    rooms: stringList(filter, 'rooms', isRoomIdLike),
    notRooms: stringList(filter, 'not_rooms', isRoomIdLike) ?? [],
    includeLeave: flag(filter, 'include_leave') ?? false,
    timeline: parseRoomEventFilter(filter.timeline ?? {}, 'timeline'),
    state: parseRoomEventFilter(filter.state ?? {}, 'state'),
    ephemeral: parseRoomEventFilter(filter.ephemeral ?? {}, 'ephemeral'),
    accountData: parseRoomEventFilter(filter.account_data ?? {}, 'account_data'),
  }
}

/** A filter that restricts nothing. */
export const EMPTY_SYNC_FILTER: SyncFilter = parseSyncFilter({})

/** What filters look at in an event. */
export interface FilterableEvent {
  readonly type: string
  /** Absent on events that have no sender, such as account data. */
  readonly sender?: string | undefined
  readonly roomId?: string | undefined
  /** Whether the event's content has a `url`. */
  readonly hasUrl?: boolean | undefined
}

/** Whether a filter lets an event through; `limit` is not its business. Compiled once per filter object. */
export function matchesEventFilter(filter: EventFilter | RoomEventFilter, event: FilterableEvent): boolean {
  let matcher = COMPILED.get(filter)
  if (matcher === undefined) {
    matcher = compileEventFilter(filter)
    COMPILED.set(filter, matcher)
  }
  return matcher(event)
}

/** Whether a room filter lets a room through at all; the filters within it come afterwards. */
export function matchesRoom(
  filter: { readonly rooms: readonly string[] | undefined; readonly notRooms: readonly string[] },
  roomId: string,
): boolean {
  return !filter.notRooms.includes(roomId) && (filter.rooms === undefined || filter.rooms.includes(roomId))
}

const COMPILED = new WeakMap<EventFilter, (event: FilterableEvent) => boolean>()

function compileEventFilter(filter: EventFilter | RoomEventFilter): (event: FilterableEvent) => boolean {
  const types = compileMatcher(filter.types, compileTypes)
  const notTypes = compileTypes(filter.notTypes)
  const senders = compileMatcher(filter.senders, compileNames)
  const notSenders = compileNames(filter.notSenders)
  const inRooms = 'rooms' in filter ? compileRooms(filter) : () => true
  return (event) => {
    const { type, sender = '' } = event
    return types(type) && !notTypes(type) && senders(sender) && !notSenders(sender) && inRooms(event)
  }
}

function compileRooms(filter: RoomEventFilter): (event: FilterableEvent) => boolean {
  const rooms = compileMatcher(filter.rooms, compileNames)
  const notRooms = compileNames(filter.notRooms)
  return ({ roomId = '', hasUrl = false }) =>
    rooms(roomId) && !notRooms(roomId) && (filter.containsUrl === undefined || filter.containsUrl === hasUrl)
}

function compileMatcher(list: readonly string[] | undefined, compile: (list: readonly string[]) => GlobMatcher): GlobMatcher {
  return list === undefined ? () => true : compile(list)
}

function compileNames(names: readonly string[]): GlobMatcher {
  const set = new Set(names)
  return (name) => set.has(name)
}

function compileTypes(types: readonly string[]): GlobMatcher {
  const exact = new Set(types.filter((type) => !type.includes('*')))
  const globs = types.filter((type) => type.includes('*')).map((type) => compileGlob(type, { wildcards: 'star' }))
  return (type) => exact.has(type) || globs.some((matches) => matches(type))
}

function parseLimit(value: JsonValue): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw badJson('limit is not a positive integer')
  return Math.min(value, MAX_FILTER_LIMIT)
}

function flag(filter: JsonObject, key: string): boolean | undefined {
  const value = filter[key] ?? undefined
  if (value !== undefined && typeof value !== 'boolean') throw badJson(`${key} is not a boolean`)
  return value
}

function stringList(filter: JsonObject, key: string, isValid: (text: string) => boolean = () => true): readonly string[] | undefined {
  const value = filter[key] ?? undefined
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length > MAX_FILTER_ENTRIES)
    throw badJson(`${key} is not a list of at most ${MAX_FILTER_ENTRIES} entries`)
  return value.map((entry: JsonValue) => {
    if (typeof entry !== 'string' || !isValid(entry)) throw badJson(`${key} has an entry that is not valid`)
    return entry
  })
}

/** A list that is looked at for each event in storage. */
function shortList(filter: JsonObject, key: string, isValid?: (text: string) => boolean): readonly string[] | undefined {
  const list = stringList(filter, key, isValid)
  if (list !== undefined && list.length > MAX_RELATED_ENTRIES) throw badJson(`${key} has more than ${MAX_RELATED_ENTRIES} entries`)
  return list
}

/** Any form of room ID, also of room versions to come. */
function isRoomIdLike(text: string): boolean {
  return text.length > 1 && text.startsWith('!') && isBoundedText(text)
}

function asObject(json: JsonValue, name: string): JsonObject {
  if (!isJsonObject(json)) throw badJson(`${name} is not an object`)
  return json
}
