import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { relationOf } from '../../matrix/relations.ts'
import type { ObjectStore, SqlValue } from '../object-store.ts'
import { ByteCache } from './byte-cache.ts'
import {
  decodeEventRow,
  EVENT_COLUMNS,
  EVENT_STATUSES,
  type EventRow,
  type EventStatus,
  encodeEventRow,
  envelopeOf,
  isPlaced,
  type NewEventRow,
  type StoredEvent,
} from './event-row.ts'
import { LatestEvents } from './latest-events.ts'
import { MAX_BOUND_PARAMETERS, MAX_CACHED_EVENT_BYTES, ORD_STEP } from './limits.ts'
import { RelationTable } from './relations.ts'

export type { EventStatus, NewEventRow, StoredEvent } from './event-row.ts'
export { isPlaced, toPdu, toRoomEvent } from './event-row.ts'

/** Event IDs of which it is remembered that they are not here. */
const MAX_ABSENT_EVENTS = 1000

/** Events of one room: rows by number, by ID and by order, through a bounded cache. */
export class EventTable {
  readonly #store: ObjectStore
  /** What events say of their relation to others: follows the events. */
  readonly relations: RelationTable
  readonly #byNid = new ByteCache<number, StoredEvent>(MAX_CACHED_EVENT_BYTES)
  readonly #nidById = new ByteCache<string, number>(MAX_CACHED_EVENT_BYTES / 4)
  /** IDs that were looked for in vain: a received event is looked for more than once before it is here. */
  readonly #absent = new Set<string>()
  #lastNid: number | undefined
  readonly #latest: LatestEvents
  /** Called whenever what is stored of an event changes; with `undefined` where it may have, of any. */
  onChange: (eventId: string | undefined) => void = () => undefined

  constructor(store: ObjectStore) {
    this.#store = store
    this.relations = new RelationTable(store)
    this.#latest = new LatestEvents(() => store.first<{ ord: number | null }>('SELECT max(ord) AS ord FROM events')?.ord ?? 0)
  }

  /** Forgets cached rows: after a rolled-back transaction they may never have existed. */
  forgetCache(): void {
    this.#byNid.clear()
    this.#nidById.clear()
    this.#absent.clear()
    this.#lastNid = undefined
    this.#latest.forget()
    this.relations.forgetCache()
    this.onChange(undefined)
  }

  /** The tables were made just now. */
  startEmpty(): void {
    this.#lastNid = 0
    this.#latest.startEmpty()
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
    if (row.ord !== undefined) this.#latest.willInsert(row.ord, row.nid)
    this.#store.run(
      `INSERT INTO events (nid, event_id, type, state_key, sender, content, origin_server_ts, depth, envelope, group_before, group_after, status, pos, ord, replaces, txn)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...encodeEventRow(row, content, envelope),
    )
    this.#absent.delete(event.eventId)
    this.onChange(event.eventId)
    // An outlier that finds its place has an old number: it says nothing about the highest.
    if (this.#lastNid !== undefined) this.#lastNid = Math.max(row.nid, this.#lastNid)
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
    const relation = row.status === 'accepted' ? relationOf(event.content) : undefined
    if (relation !== undefined && row.ord !== undefined) this.relations.insert({ ...stored, ord: row.ord }, relation)
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
    this.onChange(target.eventId)
    this.relations.remove(target.nid)
  }

  /** Takes out an event without a place that is about to be inserted in its place, under its number. The caller holds the transaction. */
  removeOutlier(event: StoredEvent): void {
    if (isPlaced(event)) throw new Error(`event ${event.eventId} is no outlier`)
    this.#store.run('DELETE FROM events WHERE nid = ?', event.nid)
    this.#byNid.delete(event.nid)
    this.#nidById.delete(event.eventId)
    this.onChange(event.eventId)
  }

  /** The event of a number; it must exist. */
  get(nid: number): StoredEvent {
    const cached = this.#byNid.get(nid)
    if (cached !== undefined) return cached
    const [event] = this.#select('WHERE nid = ?', nid)
    if (event === undefined) throw new Error(`event number ${nid} is missing`)
    return event
  }

  /** Several events by number, in the order asked. */
  getMany(nids: readonly number[]): StoredEvent[] {
    const missing = nids.filter((nid) => this.#byNid.get(nid) === undefined)
    const loaded = new Map<number, StoredEvent>()
    for (let start = 0; start < missing.length; start += MAX_BOUND_PARAMETERS) {
      const slice = missing.slice(start, start + MAX_BOUND_PARAMETERS)
      for (const event of this.#select(`WHERE nid IN (${slice.map(() => '?').join(',')})`, ...slice)) loaded.set(event.nid, event)
    }
    return nids.map((nid) => loaded.get(nid) ?? this.get(nid))
  }

  /** IDs of events by number, read without the events: states are large. */
  idsOf(nids: readonly number[]): Map<number, string> {
    const rows = this.#store.sql
      .exec('SELECT nid, event_id FROM events WHERE nid IN (SELECT value FROM json_each(?))', JSON.stringify(nids))
      .raw<[nid: number, eventId: string]>()
    return new Map(rows)
  }

  /** Numbers of events by ID; those that are not here are left out. */
  nidsOf(eventIds: readonly string[]): Map<string, number> {
    const rows = this.#store.sql
      .exec('SELECT event_id, nid FROM events WHERE event_id IN (SELECT value FROM json_each(?))', JSON.stringify(eventIds))
      .raw<[eventId: string, nid: number]>()
    return new Map(rows)
  }

  /** What a state needs of events, by their IDs; those that are not here are left out. */
  stateRows(eventIds: readonly string[]): { nid: number; type: string; stateKey: string | undefined; status: EventStatus }[] {
    const rows = this.#store.sql
      .exec('SELECT nid, type, state_key, status FROM events WHERE event_id IN (SELECT value FROM json_each(?))', JSON.stringify(eventIds))
      .raw<[nid: number, type: string, stateKey: string | null, status: number]>()
    return [...rows].map(([nid, type, stateKey, status]) => {
      const name = EVENT_STATUSES[status]
      if (name === undefined) throw new Error(`event number ${nid}: unknown status ${status}`)
      return { nid, type, stateKey: stateKey ?? undefined, status: name }
    })
  }

  /** The event of an ID, or `undefined`. */
  findById(eventId: string): StoredEvent | undefined {
    const nid = this.#nidById.get(eventId)
    if (nid !== undefined) return this.get(nid)
    if (this.#absent.has(eventId)) return undefined
    const [event] = this.#select('WHERE event_id = ?', eventId)
    if (event !== undefined) return event
    if (this.#absent.size >= MAX_ABSENT_EVENTS) this.#absent.clear()
    this.#absent.add(eventId)
    return undefined
  }

  /** The event that a local transaction created, or `undefined`. */
  findByTransaction(sender: string, txn: string): StoredEvent | undefined {
    return this.#select('WHERE sender = ? AND txn = ?', sender, txn)[0]
  }

  /**
   * Events in pagination order strictly between two bounds: newest first for `backwards`, oldest first otherwise.
   * Redacted events are included, rejected and soft-failed ones have no place in the order.
   */
  page(direction: 'backwards' | 'forwards', afterOrd: number, beforeOrd: number, limit: number): StoredEvent[] {
    const latest = this.#latest.page(direction, afterOrd, beforeOrd, limit)
    if (latest !== undefined) return this.getMany(latest)
    const order = direction === 'backwards' ? 'DESC' : 'ASC'
    // Numbers first: the latest events, which everybody asks for, are in memory, and reading their rows again costs far more.
    const nids = this.#store.sql
      .exec(`SELECT nid, ord FROM events WHERE ord > ? AND ord < ? ORDER BY ord ${order} LIMIT ?`, afterOrd, beforeOrd, limit)
      .raw<[nid: number, ord: number]>()
    const places = [...nids].map(([nid, ord]) => ({ nid, ord }))
    if (direction === 'backwards') this.#latest.learn(afterOrd, beforeOrd, limit, places)
    return this.getMany(places.map(({ nid }) => nid))
  }

  /** Events that came live after a position, oldest first. */
  livePage(afterPos: number, limit: number): StoredEvent[] {
    return this.#select('WHERE ord > ? AND pos IS NOT NULL ORDER BY ord LIMIT ?', afterPos * ORD_STEP, limit)
  }

  /** Events of a query, through the cache. */
  #select(clause: string, ...values: SqlValue[]): StoredEvent[] {
    const rows = this.#store.sql.exec(`SELECT ${EVENT_COLUMNS} FROM events ${clause}`, ...values).raw<EventRow>()
    return [...rows].map((row) => this.#byNid.get(row[0]) ?? this.#remember(decodeEventRow(row)))
  }

  #remember(event: StoredEvent): StoredEvent {
    this.#byNid.set(event.nid, event, 400 + 2 * (event.content.length + event.envelope.length))
    this.#nidById.set(event.eventId, event.nid, 160)
    return event
  }
}
