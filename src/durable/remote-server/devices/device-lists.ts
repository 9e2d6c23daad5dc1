import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { log } from '../../../runtime/log.ts'
import { addReader, withoutReader } from '../../../storage/remote-server/device-readers.ts'
import type { Witness } from '../../user/e2ee/acquaintances.ts'
import type { PublishedKeys } from '../../user/e2ee/query-keys.ts'
import { type FetchedKeys, queryUsers } from './key-fetch.ts'
import { MAX_ANSWER_CHARS, PARALLEL_QUERIES, USERS_PER_QUERY } from './limits.ts'
import type { DeviceParts } from './parts.ts'
import { Resync } from './resync.ts'
import type { TrackedLists } from './tracked-lists.ts'

/** Users of the other server whose keys a local user wants, who shares a room with each of them. */
export interface ListsRequest {
  readonly reader: string
  readonly users: readonly WitnessedUser[]
  readonly timeoutMs: number
}

/** A user of the other server, and the room by which changes of their devices are heard of. */
export interface WitnessedUser {
  readonly userId: string
  readonly witness: Witness
}

/** What could be had; users who are missing could not be asked for. */
export interface ListsAnswer {
  readonly keys: readonly (readonly [userId: string, keys: PublishedKeys])[]
}

/** A witness as it is kept: with the local user whose room it is. */
interface KeptWitness extends Witness {
  readonly reader: string
}

/** Fetched by one request: for each user whether their list is there now. */
type Flight = Promise<ReadonlySet<string>>

/**
 * Device lists of the other server's users (server-server-api#device-management): fetched when somebody asks, kept up to date by what the server tells, and
 * only believed as long as it tells: while a local user and the other have shared a room without a break.
 */
export class DeviceLists {
  readonly #parts: DeviceParts
  readonly #tracked: TrackedLists
  readonly #resync: Resync
  /** Users whose lists are being fetched. */
  readonly #flights = new Map<string, Flight>()
  /** Of those, users of whom there were changes meanwhile. */
  readonly #touched = new Set<string>()

  constructor(parts: DeviceParts, tracked: TrackedLists) {
    this.#parts = parts
    this.#tracked = tracked
    this.#resync = new Resync(parts, tracked)
  }

  /** The keys of users. Whoever asks is told of the next change. */
  async lists({ reader, users, timeoutMs }: ListsRequest): Promise<ListsAnswer> {
    const { store } = this.#parts
    const userIds = users.map(({ userId }) => userId)
    const unnoted = withoutReader(store, reader, userIds)
    // Before anything is read: a change that comes from now on is told.
    if (unnoted.length > 0) store.transaction(undefined, () => addReader(store, reader, unnoted))
    const there = await this.#current(reader, users)
    const missing = users.filter(({ userId }) => !there.has(userId))
    for (const userId of await this.#fetchAll(reader, missing, timeoutMs)) there.add(userId)
    const keys: [string, PublishedKeys][] = []
    let chars = 0
    for (const userId of userIds) {
      const user = there.has(userId) && chars <= MAX_ANSWER_CHARS ? this.#tracked.find(userId) : undefined
      if (user === undefined) continue
      const published = this.#tracked.read(user)
      for (const [, json] of published.devices) chars += json.length
      keys.push([userId, published])
    }
    return { keys }
  }

  /** Users whose lists are here and up to date: a room says that changes of them have been heard of all the time. */
  async #current(reader: string, users: readonly WitnessedUser[]): Promise<Set<string>> {
    const current = new Set<string>()
    const questions = new Map<string, { witness: KeptWitness; userIds: string[] }>()
    for (const { userId, witness } of users) {
      const user = this.#tracked.find(userId)
      if (user === undefined || user.stale) continue
      const kept: KeptWitness = JSON.parse(user.witness)
      if (user.witness === keep(reader, witness)) {
        current.add(userId)
        continue
      }
      const key = JSON.stringify([kept.roomId, kept.generation, kept.reader, kept.readerPos])
      const question = questions.get(key) ?? { witness: kept, userIds: [] }
      question.userIds.push(userId)
      questions.set(key, question)
    }
    const answers = await Promise.all([...questions.values()].map(({ witness, userIds }) => this.#stillThere(witness, userIds)))
    for (const userId of answers.flat()) current.add(userId)
    return current
  }

  /** Those of some users who are in the witness's room as they were, provided that its reader is. */
  async #stillThere({ roomId, generation, reader, readerPos }: KeptWitness, userIds: readonly string[]): Promise<string[]> {
    const since = userIds.map((userId): [string, number] => {
      const kept: KeptWitness = JSON.parse(this.#tracked.find(userId)?.witness ?? '{"pos":-1}')
      return [userId, kept.pos]
    })
    try {
      const there = await this.#parts.room(roomId).stillJoined(generation, [[reader, readerPos], ...since])
      // There may have been changes while the room was asked.
      return there.includes(reader) ? there.filter((userId) => userId !== reader && this.#tracked.find(userId)?.stale === false) : []
    } catch (cause) {
      log.warn('a room did not say who is still in it', cause)
      return []
    }
  }

  /** Fetches lists; answers the users whose lists are there then. A user's list is fetched once at a time, however many want it. */
  async #fetchAll(reader: string, users: readonly WitnessedUser[], timeoutMs: number): Promise<ReadonlySet<string>> {
    const under = new Set<Flight>()
    const free: WitnessedUser[] = []
    for (const user of users) {
      const flight = this.#flights.get(user.userId)
      if (flight === undefined) free.push(user)
      else under.add(flight)
    }
    for (let start = 0; start < free.length; start += USERS_PER_QUERY * PARALLEL_QUERIES) {
      const flights = chunks(free.slice(start, start + USERS_PER_QUERY * PARALLEL_QUERIES), USERS_PER_QUERY).map((chunk) =>
        this.#start(reader, chunk, timeoutMs),
      )
      for (const flight of flights) under.add(flight)
      await Promise.all(flights)
    }
    const there = new Set<string>()
    for (const flight of under) for (const userId of await flight) there.add(userId)
    return there
  }

  #start(reader: string, users: readonly WitnessedUser[], timeoutMs: number): Flight {
    const flight = this.#fetch(reader, users, timeoutMs).finally(() => {
      for (const { userId } of users) {
        this.#flights.delete(userId)
        this.#touched.delete(userId)
      }
    })
    for (const { userId } of users) this.#flights.set(userId, flight)
    return flight
  }

  async #fetch(reader: string, users: readonly WitnessedUser[], timeoutMs: number): Promise<ReadonlySet<string>> {
    const lacking = new Set(users.flatMap(({ userId }) => (this.#tracked.find(userId)?.stale === true ? [userId] : [])))
    let found: Map<string, FetchedKeys>
    try {
      found = await queryUsers(this.#parts, new Map(users.map(({ userId }) => [userId, []])), timeoutMs)
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      log.debug(`${this.#parts.serverName} did not answer about devices: ${cause.message}`)
      return new Set()
    }
    const there = users.filter(({ userId }) => found.has(userId))
    this.#parts.store.transaction(undefined, () => {
      for (const { userId, witness } of there) {
        const keys = found.get(userId)
        if (keys === undefined || (lacking.has(userId) && this.#isMended(userId))) continue
        this.#tracked.replace(userId, keys, keep(reader, witness), this.#touched.has(userId))
      }
    })
    return new Set(there.map(({ userId }) => userId))
  }

  /** Whether a list that lacked changes has been fetched otherwise meanwhile, with its number, which an answer about several users does not have. */
  #isMended(userId: string): boolean {
    const user = this.#tracked.find(userId)
    return user?.stale === false && user.streamId !== undefined && !this.#touched.has(userId)
  }

  /** There are changes of a user: a list that is being fetched may not have them. */
  touched(userId: string): void {
    if (this.#flights.has(userId)) this.#touched.add(userId)
    this.#resync.touched(userId)
  }

  /** Plans to fetch lists that lack changes. The caller holds the transaction and calls {@link resyncSoon} after it. */
  planResync(): void {
    this.#resync.plan()
  }

  /** Begins with that, without waiting. */
  resyncSoon(): void {
    this.#resync.begin()
  }
}

function keep(reader: string, { roomId, generation, pos, readerPos }: Witness): string {
  return JSON.stringify({ roomId, generation, pos, readerPos, reader })
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size))
}
