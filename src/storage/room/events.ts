import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { JsonObject, JsonValue } from '../../matrix/json.ts'
import { isJsonObject } from '../../matrix/json.ts'
import type { ObjectStore, SqlValue } from '../object-store.ts'
import { ByteCache } from './byte-cache.ts'
import { MAX_BOUND_PARAMETERS, MAX_CACHED_EVENT_BYTES } from './limits.ts'

/** What became of an event: part of the room, refused by the rules, hidden from clients, or known only as somebody's reference. */
export type EventStatus = 'accepted' | 'rejected' | 'soft_failed' | 'outlier'
const STATUSES: readonly EventStatus[] = ['accepted', 'rejected', 'soft_failed', 'outlier']

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

interface EventRow extends Record<string, SqlStorageValue> {
  nid: number
  event_id: string
  type: string
  state_key: string | null
  sender: string
  content: string
  origin_server_ts: number
  depth: number
  envelope: string
  group_before: number
  group_after: number
  status: number
  pos: number | null
  ord: number | null
  replaces: number | null
  redacted_by: number | null
  txn: string | null
}

const CLIENT_FIELDS: ReadonlySet<string> = new Set(['type', 'state_key', 'sender', 'content', 'origin_server_ts', 'depth'])

/** What clients do not see. The room ID is the same in every event and put back by {@link toPdu}; only create events may lack it and keep theirs. */
function envelopeOf(pdu: JsonObject): JsonObject {
  const isCreate = pdu.type === 'm.room.create'
  return Object.fromEntries(Object.entries(pdu).filter(([key]) => !CLIENT_FIELDS.has(key) && (isCreate || key !== 'room_id')))
}

function decode(row: EventRow): StoredEvent {
  const status = STATUSES[row.status]
  if (status === undefined) throw new Error(`event ${row.event_id}: unknown status ${row.status}`)
  return {
    nid: row.nid,
    eventId: row.event_id,
    type: row.type,
    stateKey: row.state_key ?? undefined,
    sender: row.sender,
    content: row.content,
    originServerTs: row.origin_server_ts,
    depth: row.depth,
    envelope: row.envelope,
    groupBefore: row.group_before,
    groupAfter: row.group_after,
    status,
    pos: row.pos ?? undefined,
    ord: row.ord ?? undefined,
    replaces: row.replaces ?? undefined,
    redactedBy: row.redacted_by ?? undefined,
    txn: row.txn ?? undefined,
  }
}

/** Events of one room: rows by number, by ID and by order, through a bounded cache. */
export class EventTable {
  readonly #store: ObjectStore
  readonly #byNid = new ByteCache<number, StoredEvent>(MAX_CACHED_EVENT_BYTES)
  readonly #nidById = new ByteCache<string, number>(MAX_CACHED_EVENT_BYTES / 4)
  #lastNid: number | undefined

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Forgets cached rows: after a rolled-back transaction they may never have existed. */
  forgetCache(): void {
    this.#byNid.clear()
    this.#nidById.clear()
    this.#lastNid = undefined
  }

  /** The number that the next inserted event will have. */
  nextNid(): number {
    this.#lastNid ??= this.#store.first<{ nid: number | null }>('SELECT max(nid) AS nid FROM events')?.nid ?? 0
    return this.#lastNid + 1
  }

  /** Inserts an event. The caller holds the transaction. */
  insert(row: NewEventRow): StoredEvent {
    const { event } = row
    const content = JSON.stringify(event.content)
    const envelope = JSON.stringify(envelopeOf(event.pdu))
    const values: SqlValue[] = [
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
      STATUSES.indexOf(row.status),
      row.pos ?? null,
      row.ord ?? null,
      row.replaces ?? null,
      row.txn ?? null,
    ]
    this.#store.run(
      `INSERT INTO events (nid, event_id, type, state_key, sender, content, origin_server_ts, depth, envelope, group_before, group_after, status, pos, ord, replaces, txn)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...values,
    )
    this.#lastNid = row.nid
    const stored: StoredEvent = {
      nid: row.nid,
      eventId: event.eventId,
      type: event.type,
      stateKey: event.stateKey,
      sender: event.sender,
      content,
      originServerTs: event.originServerTs,
      depth: event.depth,
      envelope,
      groupBefore: row.groupBefore,
      groupAfter: row.groupAfter,
      status: row.status,
      pos: row.pos,
      ord: row.ord,
      replaces: row.replaces,
      redactedBy: undefined,
      txn: row.txn,
    }
    this.#remember(stored)
    return stored
  }

  /** Replaces content and envelope by their redacted form and keeps the originals aside. The caller holds the transaction. */
  redact(target: StoredEvent, redactedPdu: JsonObject, redactedBy: number, nowMs: number): void {
    const content = isJsonObject(redactedPdu.content) ? redactedPdu.content : {}
    this.#store.run(
      'INSERT OR IGNORE INTO redacted_originals (nid, content, envelope, redacted_ts) VALUES (?, ?, ?, ?)',
      target.nid,
      target.content,
      target.envelope,
      nowMs,
    )
    this.#store.run(
      'UPDATE events SET content = ?, envelope = ?, redacted_by = ? WHERE nid = ?',
      JSON.stringify(content),
      JSON.stringify(envelopeOf(redactedPdu)),
      redactedBy,
      target.nid,
    )
    this.#byNid.delete(target.nid)
  }

  /** The event of a number; it must exist. */
  get(nid: number): StoredEvent {
    const cached = this.#byNid.get(nid)
    if (cached !== undefined) return cached
    const row = this.#store.first<EventRow>('SELECT * FROM events WHERE nid = ?', nid)
    if (row === undefined) throw new Error(`event number ${nid} is missing`)
    return this.#remember(decode(row))
  }

  /** Several events by number, in the order asked. */
  getMany(nids: readonly number[]): StoredEvent[] {
    const missing = nids.filter((nid) => this.#byNid.get(nid) === undefined)
    const loaded = new Map<number, StoredEvent>()
    for (let start = 0; start < missing.length; start += MAX_BOUND_PARAMETERS) {
      const slice = missing.slice(start, start + MAX_BOUND_PARAMETERS)
      const marks = slice.map(() => '?').join(',')
      for (const row of this.#store.sql.exec<EventRow>(`SELECT * FROM events WHERE nid IN (${marks})`, ...slice)) {
        loaded.set(row.nid, this.#remember(decode(row)))
      }
    }
    return nids.map((nid) => loaded.get(nid) ?? this.get(nid))
  }

  /** The event of an ID, or `undefined`. */
  findById(eventId: string): StoredEvent | undefined {
    const nid = this.#nidById.get(eventId)
    if (nid !== undefined) return this.get(nid)
    const row = this.#store.first<EventRow>('SELECT * FROM events WHERE event_id = ?', eventId)
    return row === undefined ? undefined : this.#remember(decode(row))
  }

  /** The event that a local transaction created, or `undefined`. */
  findByTransaction(sender: string, txn: string): StoredEvent | undefined {
    const row = this.#store.first<EventRow>('SELECT * FROM events WHERE sender = ? AND txn = ?', sender, txn)
    return row === undefined ? undefined : this.#remember(decode(row))
  }

  /**
   * Events in pagination order strictly between two bounds: newest first for `backwards`, oldest first otherwise.
   * Redacted events are included, rejected and soft-failed ones have no place in the order.
   */
  page(direction: 'backwards' | 'forwards', afterOrd: number, beforeOrd: number, limit: number): StoredEvent[] {
    const order = direction === 'backwards' ? 'DESC' : 'ASC'
    const rows = this.#store.all<EventRow>(
      `SELECT * FROM events WHERE ord > ? AND ord < ? ORDER BY ord ${order} LIMIT ?`,
      afterOrd,
      beforeOrd,
      limit,
    )
    return rows.map((row) => this.#byNid.get(row.nid) ?? this.#remember(decode(row)))
  }

  #remember(event: StoredEvent): StoredEvent {
    this.#byNid.set(event.nid, event, 400 + 2 * (event.content.length + event.envelope.length))
    this.#nidById.set(event.eventId, event.nid, 160)
    return event
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
