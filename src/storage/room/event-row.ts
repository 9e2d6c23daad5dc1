import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { SqlValue } from '../object-store.ts'

/** What became of an event: part of the room, refused by the rules, hidden from clients, or known only as somebody's reference. */
export type EventStatus = 'accepted' | 'rejected' | 'soft_failed' | 'outlier'
/** Statuses by their number in the database. */
export const EVENT_STATUSES: readonly EventStatus[] = ['accepted', 'rejected', 'soft_failed', 'outlier']

/** An event as its row holds it. `content` and `envelope` are JSON text: reads for clients join them without parsing. */
export interface StoredEvent {
  readonly nid: number
  readonly eventId: string
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: string
  readonly originServerTs: number
  readonly depth: number
  readonly envelope: string
  readonly groupBefore: number
  readonly groupAfter: number
  readonly status: EventStatus
  readonly pos: number | undefined
  readonly ord: number | undefined
  readonly replaces: number | undefined
  readonly redactedBy: number | undefined
  readonly txn: string | undefined
}

/**
 * Whether an event has its place in the graph, with a state before and after it. Outliers have none, nor have events that were rejected by their auth
 * events alone, as somebody's reference.
 */
export function isPlaced(event: StoredEvent): boolean {
  return event.status !== 'outlier' && event.groupAfter !== NO_GROUP
}

/** The group of events without a place: the empty state, after which no event is. */
const NO_GROUP = 0

/** What `insertEvent` needs beyond the event itself. */
export interface NewEventRow {
  /** Number from {@link EventTable.nextNid}. */
  readonly nid: number
  readonly event: RoomEvent
  readonly groupBefore: number
  readonly groupAfter: number
  readonly status: EventStatus
  readonly pos: number | undefined
  readonly ord: number | undefined
  readonly replaces: number | undefined
  readonly txn: string | undefined
}

/** Columns of a row, in the order of {@link EventRow}. */
export const EVENT_COLUMNS =
  'nid, event_id, type, state_key, sender, content, origin_server_ts, depth, envelope, group_before, group_after, status, pos, ord, replaces, redacted_by, txn'

/** The row as SQLite has it: an array, because objects with named columns take twice as long to make, and rooms read pages of them. */
export type EventRow = [
  nid: number,
  eventId: string,
  type: string,
  stateKey: string | null,
  sender: string,
  content: string,
  originServerTs: number,
  depth: number,
  envelope: string,
  groupBefore: number,
  groupAfter: number,
  status: number,
  pos: number | null,
  ord: number | null,
  replaces: number | null,
  redactedBy: number | null,
  txn: string | null,
]

const CLIENT_FIELDS: ReadonlySet<string> = new Set(['type', 'state_key', 'sender', 'content', 'origin_server_ts', 'depth'])

/** What clients do not see. The room ID is the same in every event and put back by {@link toPdu}; only create events may lack it and keep theirs. */
export function envelopeOf(pdu: JsonObject): JsonObject {
  const isCreate = pdu.type === 'm.room.create'
  return Object.fromEntries(Object.entries(pdu).filter(([key]) => !CLIENT_FIELDS.has(key) && (isCreate || key !== 'room_id')))
}

/** The values of a new row, in the order of the insert statement: that of {@link EventRow} without the redaction. */
export function encodeEventRow(row: NewEventRow, content: string, envelope: string): SqlValue[] {
  const { event } = row
  return [
    row.nid,
    event.eventId,
    event.type,
    event.stateKey ?? null,
    event.sender,
    content,
    event.originServerTs,
    event.depth,
    envelope,
    row.groupBefore,
    row.groupAfter,
    EVENT_STATUSES.indexOf(row.status),
    row.pos ?? null,
    row.ord ?? null,
    row.replaces ?? null,
    row.txn ?? null,
  ]
}

/** Reads a row. */
export function decodeEventRow(row: EventRow): StoredEvent {
  const status = EVENT_STATUSES[row[11]]
  if (status === undefined) throw new Error(`event ${row[1]}: unknown status ${row[11]}`)
  return {
    nid: row[0],
    eventId: row[1],
    type: row[2],
    stateKey: row[3] ?? undefined,
    sender: row[4],
    content: row[5],
    originServerTs: row[6],
    depth: row[7],
    envelope: row[8],
    groupBefore: row[9],
    groupAfter: row[10],
    status,
    pos: row[12] ?? undefined,
    ord: row[13] ?? undefined,
    replaces: row[14] ?? undefined,
    redactedBy: row[15] ?? undefined,
    txn: row[16] ?? undefined,
  }
}

function parseObject(text: string, what: string): JsonObject {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new Error(`${what} is not an object`)
  return value
}

function stringList(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) return []
  // Pairs of ID and hashes in room versions 1 and 2.
  return value.flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Array.isArray(entry) && typeof entry[0] === 'string' ? [entry[0]] : [],
  )
}

/** The event as the rules see it. */
export function toRoomEvent(stored: StoredEvent, roomId: string): RoomEvent {
  const content = parseObject(stored.content, stored.eventId)
  const envelope = parseObject(stored.envelope, stored.eventId)
  const redacts = envelope.redacts ?? (stored.type === 'm.room.redaction' ? content.redacts : undefined)
  return {
    eventId: stored.eventId,
    roomId,
    type: stored.type,
    stateKey: stored.stateKey,
    sender: stored.sender,
    content,
    originServerTs: stored.originServerTs,
    depth: stored.depth,
    prevEvents: stringList(envelope.prev_events),
    authEvents: stringList(envelope.auth_events),
    redacts: typeof redacts === 'string' ? redacts : undefined,
    pdu: toPdu(stored, roomId, content, envelope),
  }
}

/** The PDU as it travels between servers. */
export function toPdu(
  stored: StoredEvent,
  roomId: string,
  content: JsonObject = parseObject(stored.content, stored.eventId),
  envelope: JsonObject = parseObject(stored.envelope, stored.eventId),
): JsonObject {
  return {
    ...(stored.type === 'm.room.create' ? {} : { room_id: roomId }),
    ...envelope,
    type: stored.type,
    ...(stored.stateKey === undefined ? {} : { state_key: stored.stateKey }),
    sender: stored.sender,
    content,
    origin_server_ts: stored.originServerTs,
    depth: stored.depth,
  }
}
