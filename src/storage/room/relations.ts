import type { Relation } from '../../matrix/relations.ts'
import type { ObjectStore, SqlValue } from '../object-store.ts'
import { ByteCache } from './byte-cache.ts'
import { MAX_CACHED_RELATION_BYTES, MAX_RECURSED_RELATIONS, RELATION_DEPTH } from './limits.ts'
import { ThreadTable } from './threads.ts'

/** Longest event ID and relation type that are looked at, in characters: no event can have a longer ID. */
const MAX_NAME_CHARS = 255
const THREAD = 'm.thread'
/** Replacements of one event that are looked at to find one that is valid and may be read: the latest. */
const MAX_EDITS_LOOKED_AT = 32

/** Which aggregations a parent has: bits of {@link EDITED}, {@link REFERENCED} and {@link THREADED}. */
export type RelationKinds = number
/** Something claims to replace the event. */
export const EDITED = 1
/** Something references the event. */
export const REFERENCED = 2
/** The event is named as the root of a thread. */
export const THREADED = 4

/** The child of a relation, as its row is made from it. */
export interface RelatingEvent {
  readonly nid: number
  readonly type: string
  readonly sender: string
  readonly ord: number
  readonly originServerTs: number
}

/** A child's place. */
export interface RelatedEvent {
  readonly nid: number
  readonly ord: number
}

/** Which children of a parent are wanted, strictly between two places. */
export interface RelationQuery {
  readonly parent: string
  readonly relType: string | undefined
  readonly eventType: string | undefined
  /** Also children of children, to a depth of {@link RELATION_DEPTH}. */
  readonly recurse: boolean
  readonly direction: 'backwards' | 'forwards'
  readonly afterOrd: number
  readonly beforeOrd: number
  readonly limit: number
}

/**
 * What events of a room say of their relation to others. Rows follow the event table, which writes and removes them in its own statements; nothing here
 * knows who may see what.
 */
export class RelationTable {
  readonly #store: ObjectStore
  readonly threads: ThreadTable
  /** What is known of parents, which most often is that nothing relates to them. */
  readonly #kinds = new ByteCache<string, RelationKinds>(MAX_CACHED_RELATION_BYTES)
  /** Replacements of events by those who sent them. */
  readonly #edits = new ByteCache<string, { readonly sender: string; readonly nids: readonly number[] }>(MAX_CACHED_RELATION_BYTES)

  constructor(store: ObjectStore) {
    this.#store = store
    this.threads = new ThreadTable(store)
  }

  /** Forgets cached rows: after a rolled-back transaction they may never have existed. */
  forgetCache(): void {
    this.#kinds.clear()
    this.#edits.clear()
    this.threads.forgetCache()
  }

  /** An event that states a relation has taken its place. The caller holds the transaction. */
  insert({ nid, type, sender, ord, originServerTs }: RelatingEvent, { eventId: parent, relType, key }: Relation): void {
    if (parent.length > MAX_NAME_CHARS || relType.length > MAX_NAME_CHARS) return
    this.#store.run(
      'INSERT INTO relations (nid, parent, rel_type, type, sender, key, ord, origin_server_ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[nid, parent, relType, type, sender, key ?? null, ord, originServerTs],
    )
    if (relType === THREAD) this.threads.add(parent, ord)
    this.#forget(parent)
  }

  /** An event was redacted: what it stated holds no longer. The caller holds the transaction. */
  remove(nid: number): void {
    const row = this.#store.first<{ parent: string; rel_type: string }>('SELECT parent, rel_type FROM relations WHERE nid = ?', nid)
    if (row === undefined) return
    this.#store.run('DELETE FROM relations WHERE nid = ?', nid)
    if (row.rel_type === THREAD) this.threads.recount(row.parent)
    this.#forget(row.parent)
  }

  #forget(parent: string): void {
    this.#kinds.delete(parent)
    this.#edits.delete(parent)
  }

  /** Which aggregations some events have; those without any may be absent. One statement for all that are not remembered. */
  kindsOf(parents: readonly string[]): ReadonlyMap<string, RelationKinds> {
    const kinds = new Map<string, RelationKinds>()
    const unknown: string[] = []
    for (const parent of parents) {
      const known = this.#kinds.get(parent)
      if (known === undefined) unknown.push(parent)
      else kinds.set(parent, known)
    }
    if (unknown.length === 0) return kinds
    const rows = this.#store.all<{ parent: string; edited: number; referenced: number; threaded: number }>(
      `SELECT p.value AS parent,
         EXISTS (SELECT 1 FROM relations r WHERE r.parent = p.value AND r.rel_type = 'm.replace') AS edited,
         EXISTS (SELECT 1 FROM relations r WHERE r.parent = p.value AND r.rel_type = 'm.reference') AS referenced,
         EXISTS (SELECT 1 FROM threads t WHERE t.root = p.value) AS threaded
       FROM json_each(?) p`,
      JSON.stringify(unknown),
    )
    for (const { parent, edited, referenced, threaded } of rows) {
      const found = edited * EDITED + referenced * REFERENCED + threaded * THREADED
      this.#kinds.set(parent, found, 100 + 2 * parent.length)
      kinds.set(parent, found)
    }
    return kinds
  }

  /** Children in order of their places. In a circle, which only the oldest room versions allow, an event may come more than once. */
  page(query: RelationQuery): RelatedEvent[] {
    const { parent, relType, eventType, afterOrd, beforeOrd, limit } = query
    const wanted: string[] = []
    const values: SqlValue[] = [parent]
    if (relType !== undefined) values.push(relType)
    if (relType !== undefined) wanted.push(`AND r.rel_type = ?${values.length}`)
    if (eventType !== undefined) values.push(eventType)
    if (eventType !== undefined) wanted.push(`AND r.type = ?${values.length}`)
    const place = values.length
    const order = query.direction === 'backwards' ? 'DESC' : 'ASC'
    const range = `ord > ?${place + 1} AND ord < ?${place + 2} ORDER BY ord ${order} LIMIT ?${place + 3}`
    const text = query.recurse
      ? `${descendants(wanted.join(' '), order)} SELECT nid, ord FROM related WHERE ${range}`
      : `SELECT nid, ord FROM relations r WHERE r.parent = ?1 ${wanted.join(' ')} AND ${range}`
    return this.#store.all<{ nid: number; ord: number }>(text, ...values, afterOrd, beforeOrd, limit)
  }

  /** Replacements of an event by one sender, the most recent first (client-server-api#server-side-aggregation-of-mreplace-relationships). */
  edits(parent: string, sender: string): readonly number[] {
    const known = this.#edits.get(parent)
    if (known !== undefined && known.sender === sender) return known.nids
    const nids = this.#store
      .all<{ nid: number }>(
        `SELECT r.nid FROM relations r JOIN events e ON e.nid = r.nid WHERE r.parent = ? AND r.sender = ? AND r.rel_type = 'm.replace'
         ORDER BY r.origin_server_ts DESC, e.event_id DESC LIMIT ?`,
        parent,
        sender,
        MAX_EDITS_LOOKED_AT,
      )
      .map(({ nid }) => nid)
    this.#edits.set(parent, { sender, nids }, 200 + 2 * parent.length + 8 * nids.length)
    return nids
  }

  /** Whether a user has related to an event in this way; with `content` in exactly this way. */
  hasFrom(parent: string, sender: string, relType: string, content?: { readonly type: string; readonly key: string | undefined }): boolean {
    const exactly = content === undefined ? '' : ' AND type = ? AND key IS ?'
    const values = content === undefined ? [] : [content.type, content.key ?? null]
    const found = this.#store.first(
      `SELECT 1 AS found FROM relations WHERE parent = ? AND sender = ? AND rel_type = ?${exactly} LIMIT 1`,
      ...[parent, sender, relType, ...values],
    )
    return found !== undefined
  }

  /** How many relations of a type to an event some users have stated. */
  countFrom(parent: string, relType: string, senders: readonly string[]): number {
    if (senders.length === 0) return 0
    const row = this.#store.first<{ count: number }>(
      'SELECT count(*) AS count FROM json_each(?) s JOIN relations r ON r.parent = ? AND r.sender = s.value AND r.rel_type = ?',
      ...[JSON.stringify(senders), parent, relType],
    )
    return row?.count ?? 0
  }

  /** Children with one of some types, by one of some senders; each list restricts only where it is given. The latest first. */
  relatedBy(parent: string, relTypes: readonly string[] | undefined, senders: readonly string[] | undefined, limit: number): number[] {
    const byType = relTypes === undefined ? '' : 'AND rel_type IN (SELECT value FROM json_each(?))'
    const bySender = senders === undefined ? '' : 'AND sender IN (SELECT value FROM json_each(?))'
    const lists = [relTypes, senders].flatMap((list) => (list === undefined ? [] : [JSON.stringify(list)]))
    return this.#store
      .all<{ nid: number }>(
        `SELECT nid FROM relations WHERE parent = ? ${byType} ${bySender} ORDER BY ord DESC LIMIT ?`,
        parent,
        ...lists,
        limit,
      )
      .map(({ nid }) => nid)
  }
}

/**
 * Children and their children: every step goes through what is wanted, as the specification has it. Bounded in depth and number; those that are read
 * first are found first.
 */
function descendants(wanted: string, order: 'ASC' | 'DESC'): string {
  return `WITH RECURSIVE related (nid, ord, depth) AS (
    SELECT r.nid, r.ord, 1 FROM relations r WHERE r.parent = ?1 ${wanted}
    UNION ALL
    SELECT r.nid, r.ord, p.depth + 1 FROM related p JOIN events e ON e.nid = p.nid JOIN relations r ON r.parent = e.event_id
    WHERE p.depth < ${RELATION_DEPTH} ${wanted}
    ORDER BY 2 ${order} LIMIT ${MAX_RECURSED_RELATIONS})`
}
