import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { randomFraction, randomString } from '../../runtime/random.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { Feed } from './feed.ts'
import type { FeedMark } from './feed-marks.ts'
import { SyncFilters } from './sync-filter.ts'
import { OwnDataCache } from './sync-own.ts'

/** The user flushes when nothing has come for this long, plus up to as much again so that users do not flush together: one commit for a burst. */
const SELF_FLUSH_QUIET_MS = 5_000
/** Where it never grows quiet, the user flushes this long after the first hint that is not durable. */
const MAX_UNFLUSHED_MS = 60_000
/** Letters and digits in the name of one life of the object. */
const BOOT_CHARS = 12
/** Without a poll for this long, and without a parked one, the user sleeps. */
const AWAKE_AFTER_POLL_MS = 5 * 60_000

/** Something that is kept in memory and written together with the feed. */
export interface FlushRider {
  readonly needsFlush: boolean
  /** So much is unwritten that the next turn should write it. */
  readonly flushIsUrgent: boolean
  /** Inside the transaction. */
  write(): void
  /** The transaction has succeeded. */
  written(): void
}

/** Where rooms leave news: it counts as news that they left it, and it is written with the rest. */
export interface NewsBox {
  readonly lastMs: number
  takeIn(): void
  putOut(): void
}

const NO_LETTERS: NewsBox = { lastMs: 0, takeIn: () => undefined, putOut: () => undefined }

/** Owns the feed of one object's life: when it is written, and what else this life remembers of its clients. */
export class FeedKeeper {
  readonly #store: ObjectStore
  readonly #ctx: DurableObjectState
  readonly #isParked: () => boolean
  readonly #letters: NewsBox
  #feed: Feed | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastPollMs: number | undefined
  /** When the first and the latest of what is not durable came. */
  #unflushedSinceMs: number | undefined
  #lastNewsMs = 0
  /** Asking every joined room where it is, once it has begun. */
  resumption: Promise<void> | undefined
  /** Every joined room has been asked in this life of the object. */
  isResumed = false
  /** What changes of account data make stale; read again when needed. */
  readonly ownData = new OwnDataCache()
  readonly filters = new SyncFilters()
  /** What else is written whenever the feed is. */
  readonly riders: FlushRider[] = []

  /** `isParked` tells whether a poll waits. */
  constructor(store: ObjectStore, ctx: DurableObjectState, isParked: () => boolean, letters: NewsBox = NO_LETTERS) {
    this.#letters = letters
    this.#store = store
    this.#ctx = ctx
    this.#isParked = isParked
  }

  /** The feed. Its reads need the account's schema: check `store.exists()` first where there may be no account. */
  get feed(): Feed {
    this.#feed ??= new Feed(this.#store, randomString(BOOT_CHARS))
    return this.#feed
  }

  /** A client polls or is about to wait. */
  notePoll(nowMs: number): void {
    this.#lastPollMs = nowMs
  }

  /** Whether a client has polled lately in this life of the object. */
  polledLately(nowMs: number): boolean {
    return this.#lastPollMs !== undefined && nowMs - this.#lastPollMs < AWAKE_AFTER_POLL_MS
  }

  /** Whether no plan should be made for a token before every joined room has been asked where it is. */
  mustResume(since: FeedMark | undefined): boolean {
    return !this.isResumed && (since === undefined || this.feed.resolve(since).tailLost)
  }

  /** Writes what is only in memory once it has been quiet, unless somebody writes it before. The timer never outlives what it is for. */
  flushSoon(): void {
    if (!this.feed.needsFlush && !this.riders.some((rider) => rider.needsFlush)) return
    this.#lastNewsMs = nowMs()
    this.#unflushedSinceMs ??= this.#lastNewsMs
    if (this.feed.flushIsUrgent || this.riders.some((rider) => rider.flushIsUrgent)) this.flush()
    else this.#timer ??= setTimeout(() => this.#flushIfQuiet(), SELF_FLUSH_QUIET_MS * (1 + randomFraction()))
  }

  /**
   * Runs something that writes the feed, and writes whatever rides along in the same commit. If storage fails, memory and database disagree, and this
   * life of the object ends.
   */
  write(body: (feed: Feed) => void, requestId?: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#unflushedSinceMs = undefined
    const riders = this.riders.filter((rider) => rider.needsFlush)
    try {
      if (riders.length === 0) body(this.feed)
      else {
        this.#store.transaction(requestId, () => {
          body(this.feed)
          for (const rider of riders) rider.write()
        })
        for (const rider of riders) rider.written()
      }
    } catch (cause) {
      this.#ctx.abort('the feed could not be written')
      throw cause
    }
  }

  /** Writes everything that is only in memory, in one commit; costs nothing where there is nothing. */
  flush(requestId?: string): void {
    this.write((feed) => feed.flush(requestId), requestId)
  }

  #flushIfQuiet(): void {
    this.#timer = undefined
    const now = nowMs()
    const quietMs = now - Math.max(this.#lastNewsMs, this.#letters.lastMs)
    const since = this.#unflushedSinceMs ?? now
    if (quietMs < SELF_FLUSH_QUIET_MS && now - since < MAX_UNFLUSHED_MS) {
      this.#timer = setTimeout(() => this.#flushIfQuiet(), SELF_FLUSH_QUIET_MS * (1 + randomFraction()) - quietMs)
      return
    }
    try {
      this.#letters.takeIn()
      const isWatched = this.#isParked() || (this.#lastPollMs !== undefined && this.#lastPollMs >= since)
      if (!isWatched) this.feed.markNewsDirty()
      this.flush()
      this.#letters.putOut()
    } catch (cause) {
      log.error('the feed could not be written', cause)
    }
  }
}
