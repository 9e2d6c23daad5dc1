import { unknownPos } from '../../matrix/errors.ts'
import { randomString } from '../../runtime/random.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import {
  type ConnectionRow,
  deleteConnectionsOf,
  readConnection,
  readSentRoom,
  readSentRooms,
  type SentRoom,
  writeConnection,
  writeSentRoom,
} from '../../storage/user/sliding-connections.ts'
import { readToldRooms, writeToldRoom } from '../../storage/user/sliding-scopes.ts'
import type { FlushRider } from './feed-keeper.ts'
import { type ScopedRooms, ToldScopes } from './sliding-scopes.ts'

/** Connections of one device. */
const MAX_CONNECTIONS = 8
/** Connections of all devices that stay in memory without need. */
const MAX_IN_MEMORY = 32
const NONCE_CHARS = 12
/** Configurations of state that a connection remembers; with more it starts to forget what rooms were sent by. */
const MAX_CONFIGS = 64
/** Rooms that are looked up one by one; whoever asks for more gets all of them read. */
const MAX_LOOKUPS = 100

/** Where a client is on a connection, from its position. */
export interface ConnectionMark {
  readonly nonce: string
  readonly answer: number
  /** Whether a room could not be asked for that answer. */
  readonly isHeld: (roomId: string) => boolean
  /** The client has not been given the position: what led to it told nothing. It may show an earlier one still. */
  readonly isOwn: boolean
}

/**
 * What one connection has been sent (docs/design/sliding.md): what its client is known to have, and on top of it what the latest answer said. That
 * becomes known when the client shows the answer's position; a client which shows the position before gets all of it again.
 */
export class Connection {
  readonly deviceId: string
  readonly connectionId: string
  readonly nonce: string
  readonly configs: string[]
  /** The answer up to which is known what the client has. */
  answer: number
  /** The answer that the client has shown last: those since then told nothing, and it may show it again. */
  shown: number
  /** Where the feed was when the connection was opened. */
  readonly openedSeq: number
  /** What the client has been told of rooms in scope of extensions. */
  readonly scopes: ToldScopes
  readonly #sent: SentRooms
  #latest: { readonly answer: number; readonly rooms: ReadonlyMap<string, SentRoom>; readonly scoped: ScopedRooms } | undefined
  #lastAnswer: number
  #membersKey = randomString(NONCE_CHARS)
  /** Rooms that are not in the database as they are here; `undefined`: the connection itself is new. */
  readonly changed = new Set<string>()
  isUnwritten: boolean

  /** `readTold`: reads what has been written of {@link scopes}; without, the connection is new. */
  constructor(row: ConnectionRow, sent: SentRooms, readTold?: () => Map<string, number>) {
    this.deviceId = row.deviceId
    this.connectionId = row.connectionId
    this.nonce = row.nonce
    this.configs = [...row.configs]
    this.answer = row.answer
    this.shown = row.shown
    this.#lastAnswer = row.answer
    this.openedSeq = row.openedSeq
    this.#sent = sent
    this.scopes = new ToldScopes(readTold)
    this.isUnwritten = readTold === undefined
  }

  /**
   * By which name rooms remember the members that the client has: another one where an answer has not arrived, or may not have, because an earlier life
   * of the object made it.
   */
  get membersKey(): string {
    return this.#membersKey
  }

  /** What the client has of a room. */
  sent(roomId: string): SentRoom | undefined {
    return this.#sent.get(roomId)
  }

  /** The client shows where it is. @throws MatrixError M_UNKNOWN_POS where that is too long ago. */
  arrive({ answer, isHeld, isOwn }: ConnectionMark): void {
    if (answer < this.shown) throw unknownPos()
    if (answer > this.#lastAnswer) this.scopes.noteLostAnswer()
    // What was written is older than the answer before: rooms may have left a scope and come back since.
    if (answer > this.#lastAnswer + 1) this.scopes.forget()
    if (answer === this.#latest?.answer) {
      for (const [roomId, sent] of this.#latest.rooms) {
        if (isHeld(roomId)) continue
        this.#sent.set(roomId, sent)
        this.changed.add(roomId)
      }
      this.scopes.add(this.#latest.scoped, this.#latest.rooms.keys(), isHeld)
    } else if (this.#latest !== undefined) this.#membersKey = randomString(NONCE_CHARS)
    // An answer that another request has replaced, or that a life of the object made which ended: what it said will be said again.
    this.answer = Math.max(this.answer, answer)
    if (!isOwn) this.shown = answer
    this.#lastAnswer = Math.max(this.#lastAnswer, answer)
    this.#latest = undefined
  }

  /** An answer is made that says this of rooms, and in extensions everything of those that are `scoped`; its number. */
  send(rooms: ReadonlyMap<string, SentRoom>, scoped: ScopedRooms): number {
    this.#lastAnswer += 1
    this.#latest = { answer: this.#lastAnswer, rooms, scoped }
    return this.#lastAnswer
  }

  /** The index of a configuration. */
  configIndex(config: string): number {
    const index = this.configs.indexOf(config)
    if (index >= 0) return index
    if (this.configs.length >= MAX_CONFIGS) return -1
    this.configs.push(config)
    return this.configs.length - 1
  }
}

/** What a connection's client has of rooms: read as it is asked for. */
class SentRooms {
  /** `undefined`: known to be in the database no more than here. */
  #known = new Map<string, SentRoom | undefined>()
  #lookups = 0
  readonly #stored: { readonly store: ObjectStore; readonly nonce: string } | undefined

  /** Without a store: of a connection that nothing has been written of. */
  constructor(store?: ObjectStore, nonce = '') {
    this.#stored = store && { store, nonce }
  }

  get(roomId: string): SentRoom | undefined {
    const known = this.#known.get(roomId)
    if (known !== undefined || this.#stored === undefined || this.#lookups > MAX_LOOKUPS || this.#known.has(roomId)) return known
    this.#lookups += 1
    const { store, nonce } = this.#stored
    if (this.#lookups > MAX_LOOKUPS) {
      const here = [...this.#known].filter(([, sent]) => sent !== undefined)
      this.#known = new Map([...readSentRooms(store, nonce), ...here])
      return this.#known.get(roomId)
    }
    const sent = readSentRoom(store, nonce, roomId)
    this.#known.set(roomId, sent)
    return sent
  }

  set(roomId: string, sent: SentRoom): void {
    this.#known.set(roomId, sent)
  }
}

/** The connections of a user: in memory while they are used, written with the feed. */
export class Connections implements FlushRider {
  readonly #store: ObjectStore
  readonly #known = new Map<string, Connection>()
  #written: readonly Connection[] = []

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Starts a connection over. */
  open(deviceId: string, connectionId: string, openedSeq: number): Connection {
    const row = { deviceId, connectionId, nonce: randomString(NONCE_CHARS), answer: 0, shown: 0, configs: [], openedSeq }
    return this.#remember(new Connection(row, new SentRooms()))
  }

  /** The connection of a position. @throws MatrixError M_UNKNOWN_POS where it has been forgotten or started over. */
  resume(deviceId: string, connectionId: string, nonce: string): Connection {
    const known = this.#known.get(keyOf(deviceId, connectionId)) ?? this.#load(deviceId, connectionId)
    if (known === undefined || known.nonce !== nonce) throw unknownPos()
    return this.#remember(known)
  }

  /** A device is going. The caller holds the transaction. */
  forgetDevice(deviceId: string): void {
    for (const [key, connection] of this.#known) if (connection.deviceId === deviceId) this.#known.delete(key)
    deleteConnectionsOf(this.#store, deviceId)
  }

  get needsFlush(): boolean {
    return [...this.#known.values()].some(isChanged)
  }

  get flushIsUrgent(): boolean {
    return false
  }

  write(): void {
    this.#written = [...this.#known.values()].filter(isChanged)
    for (const connection of this.#written) {
      const { nonce, changed, scopes } = connection
      writeConnection(this.#store, connection, MAX_CONNECTIONS)
      for (const roomId of changed) {
        const sent = connection.sent(roomId)
        if (sent !== undefined) writeSentRoom(this.#store, nonce, roomId, sent)
      }
      for (const roomId of scopes.changed) writeToldRoom(this.#store, nonce, roomId, scopes.told(roomId))
    }
  }

  written(): void {
    for (const connection of this.#written) {
      connection.changed.clear()
      connection.isUnwritten = false
      connection.scopes.changed.clear()
    }
    this.#written = []
  }

  #load(deviceId: string, connectionId: string): Connection | undefined {
    const row = readConnection(this.#store, deviceId, connectionId)
    if (row === undefined) return undefined
    const { nonce } = row
    return new Connection(row, new SentRooms(this.#store, nonce), () => readToldRooms(this.#store, nonce))
  }

  #remember(connection: Connection): Connection {
    const key = keyOf(connection.deviceId, connection.connectionId)
    this.#known.delete(key)
    this.#known.set(key, connection)
    for (const [other, candidate] of this.#known) {
      if (this.#known.size <= MAX_IN_MEMORY) break
      if (!isChanged(candidate)) this.#known.delete(other)
    }
    return connection
  }
}

function isChanged({ changed, isUnwritten, scopes }: Connection): boolean {
  return isUnwritten || changed.size > 0 || scopes.changed.size > 0
}

function keyOf(deviceId: string, connectionId: string): string {
  return JSON.stringify([deviceId, connectionId])
}
