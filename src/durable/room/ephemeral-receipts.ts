import { invalidParam } from '../../matrix/errors.ts'
import { log } from '../../runtime/log.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import { MAX_RECEIPTS_SHOWN } from '../../storage/room/limits.ts'
import {
  findReceipt,
  newestReceiptPos,
  pruneReceipts,
  type Receipt,
  readReceipts,
  readReceiptsOf,
  writeReceipts,
} from '../../storage/room/receipts.ts'
import type { Caller } from '../protocol.ts'
import { EarlyReceipts } from './ephemeral-early-receipts.ts'
import { isInThread } from './ephemeral-threads.ts'
import type { FanOut } from './fan-out.ts'
import type { RemoteReceipt } from './federation/remote-ephemeral.ts'
import type { RoomCore } from './room-core.ts'

/** Receipts are written at the latest after this, or with the room's next commit. */
const FLUSH_DELAY_MS = 10_000
/** Receipts held in memory; more are written at once. */
const MAX_UNWRITTEN = 1_000

/** A receipt that a client sets. */
export interface ReceiptRequest {
  readonly kind: Receipt['kind']
  readonly eventId: string
  /** `main` or a thread root's event ID; absent for a receipt that covers the whole room. */
  readonly thread: string | undefined
}

/** A read marker that a client wants to move. It is account data; the room only knows the order of events. */
export interface MarkerMovement {
  readonly to: string
  readonly from: string | undefined
}

/** Whether a read marker moves forwards, or names an event that the room does not know. */
export type MarkerOutcome = 'moves' | 'stays' | 'unknown'

/** How far members have read (client-server-api#receipts). New receipts stay in memory until they are written together. */
export class Receipts {
  readonly #core: RoomCore
  readonly #fanOut: FanOut
  readonly #onPublic: (receipt: Receipt) => void
  readonly #early = new EarlyReceipts()
  /** What is not in the table yet, by user, kind and thread. */
  readonly #unwritten = new Map<string, Receipt>()
  /** Entries of {@link #unwritten} that a transaction in progress writes. */
  #writing: readonly [string, Receipt][] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Nothing in the table is newer; most windows are. */
  #newestStored: number | undefined

  /** @param onPublic hears of receipts of this server's users that everybody may see. */
  constructor(core: RoomCore, fanOut: FanOut, onPublic: (receipt: Receipt) => void) {
    this.#core = core
    this.#fanOut = fanOut
    this.#onPublic = onPublic
    core.riders.push({ write: () => this.#write(), committed: () => this.#written() })
  }

  /** Sets receipts of one user. Those for events that the room does not know, and those that would move backwards, are left out. */
  set(caller: Caller, requests: readonly ReceiptRequest[]): void {
    let moved: 'nothing' | 'private' | 'public' = 'nothing'
    for (const request of requests) {
      const event = this.#core.events.findById(request.eventId)
      if (event?.ord === undefined) continue
      const { kind, thread } = request
      if (thread !== undefined && !isInThread(this.#core, event, thread)) {
        throw invalidParam('The event does not belong to that thread')
      }
      if (!this.#moves(caller.userId, kind, thread ?? '', event)) continue
      const pos = this.#core.takeMemoryPos(caller.requestId)
      const receipt = { userId: caller.userId, kind, thread: thread ?? '', eventId: event.eventId, ts: this.#core.nowMs(), pos }
      this.#unwritten.set(keyOf(receipt), receipt)
      this.#core.recentUnread.receipt(receipt, event.ord)
      if (kind === 'm.read') {
        moved = 'public'
        this.#onPublic(receipt)
      } else if (moved === 'nothing') moved = 'private'
    }
    if (moved === 'nothing') return
    if (this.#unwritten.size >= MAX_UNWRITTEN) this.#flush(caller.requestId)
    else this.#timer ??= setTimeout(() => this.#onTimer(), FLUSH_DELAY_MS)
    if (moved === 'public') this.#fanOut.ring()
    else this.#fanOut.ringOnly(caller.userId)
  }

  /**
   * Sets receipts of members of other servers. One for an event that is not here yet waits for it; one for another thread is left out. A server
   * that dates them in the future has them dated now.
   */
  setRemote(reported: readonly RemoteReceipt[]): void {
    const { events } = this.#core
    const now = this.#core.nowMs()
    let moved = false
    for (const report of reported) {
      const event = events.findById(report.eventId)
      if (event?.ord === undefined) {
        this.#early.add(report)
        continue
      }
      const { userId, eventId, thread = '' } = report
      if (thread !== '' && !isInThread(this.#core, event, thread)) continue
      if (!this.#moves(userId, 'm.read', thread, event)) continue
      const receipt: Receipt = {
        userId,
        kind: 'm.read',
        thread,
        eventId,
        ts: Math.min(report.ts ?? now, now),
        pos: this.#core.takeMemoryPos(undefined),
      }
      this.#unwritten.set(keyOf(receipt), receipt)
      moved = true
    }
    if (!moved) return
    if (this.#unwritten.size >= MAX_UNWRITTEN) this.#flush(undefined)
    else this.#timer ??= setTimeout(() => this.#onTimer(), FLUSH_DELAY_MS)
    this.#fanOut.ring()
  }

  /** Events have come: receipts that waited for them count from now on. To be called before members are rung for the commit. */
  eventsCame(appended: readonly StoredEvent[]): void {
    const reported = this.#early.take(appended.map(({ eventId }) => eventId))
    if (reported.length > 0) this.setRemote(reported.filter(({ userId }) => this.#core.members.find(userId)?.membership === 'join'))
  }

  /**
   * Content of one `m.receipt` event: receipts that changed in `afterPos < pos ≤ toPos` (`null`: all), at most {@link MAX_RECEIPTS_SHOWN}: the reader's
   * own, and the newest. Private ones are shown to their owner only.
   */
  content(readerId: string, afterPos: number | null, toPos: number, ignoredUsers: readonly string[]): string | undefined {
    const after = afterPos ?? 0
    const found = new Map<string, Receipt>()
    this.#newestStored ??= newestReceiptPos(this.#core.store)
    const stored = after < this.#newestStored ? readReceipts(this.#core.store, readerId, after, toPos, MAX_RECEIPTS_SHOWN) : []
    for (const receipt of stored) found.set(keyOf(receipt), receipt)
    // However many others have read since, the reader hears of where they are themselves.
    const own = stored.length < MAX_RECEIPTS_SHOWN ? [] : readReceiptsOf(this.#core.store, readerId, after)
    for (const receipt of own) if (receipt.pos <= toPos) found.set(keyOf(receipt), receipt)
    for (const [key, receipt] of this.#unwritten) {
      const visible = receipt.kind === 'm.read' || receipt.userId === readerId
      if (visible && receipt.pos > after && receipt.pos <= toPos) found.set(key, receipt)
    }
    const shown = [...found.values()].filter(({ userId }) => !ignoredUsers.includes(userId))
    const rank = ({ userId }: Receipt): number => (userId === readerId ? 0 : 1)
    shown.sort((left, right) => rank(left) - rank(right) || right.pos - left.pos)
    return shown.length === 0 ? undefined : render(shown.slice(0, MAX_RECEIPTS_SHOWN))
  }

  /** Receipts that are not in the table yet. */
  get unwritten(): ReadonlyMap<string, Receipt> {
    return this.#unwritten
  }

  /** Whether a read marker would move forwards. */
  judgeMarker({ to, from }: MarkerMovement): MarkerOutcome {
    const { events } = this.#core
    const target = events.findById(to)?.ord
    if (target === undefined) return 'unknown'
    const current = from === undefined ? undefined : events.findById(from)?.ord
    return current === undefined || target > current ? 'moves' : 'stays'
  }

  /** Whether a receipt would move forwards (client-server-api#receipts: "up to" markers). */
  #moves(userId: string, kind: Receipt['kind'], thread: string, event: StoredEvent): boolean {
    const { store, events } = this.#core
    const current = this.#unwritten.get(keyOf({ userId, kind, thread })) ?? findReceipt(store, userId, kind, thread)
    const before = current === undefined ? undefined : events.findById(current.eventId)?.ord
    return before === undefined || event.ord === undefined || event.ord > before
  }

  #onTimer(): void {
    this.#timer = undefined
    try {
      this.#flush(undefined)
    } catch (cause) {
      log.warn('receipts could not be written', cause)
      this.#timer ??= setTimeout(() => this.#onTimer(), FLUSH_DELAY_MS)
    }
  }

  /** Writes in a commit of its own. The head follows, so that a restarted room knows that it has told of these positions. */
  #flush(requestId: string | undefined): void {
    if (this.#unwritten.size === 0) return
    this.#core.commitRiders(requestId)
  }

  #write(): void {
    this.#writing = [...this.#unwritten]
    const receipts = this.#writing.map(([, receipt]) => receipt)
    writeReceipts(this.#core.store, receipts)
    this.#newestStored = undefined
    for (const userId of new Set(receipts.filter(({ thread }) => thread !== '').map(({ userId }) => userId))) {
      pruneReceipts(this.#core.store, userId)
    }
  }

  #written(): void {
    for (const [key, receipt] of this.#writing) {
      if (this.#unwritten.get(key) === receipt) this.#unwritten.delete(key)
    }
    this.#writing = []
    if (this.#unwritten.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function keyOf({ userId, kind, thread }: Pick<Receipt, 'userId' | 'kind' | 'thread'>): string {
  return JSON.stringify([userId, kind, thread])
}

/** `{event: {kind: {user: {ts, thread_id}}}}`. Where one user has several on one event, the one that covers the whole room is shown. */
function render(receipts: readonly Receipt[]): string {
  const events = new Map<string, Map<string, Map<string, Receipt>>>()
  for (const receipt of receipts) {
    const kinds = getOrInsert(events, receipt.eventId, () => new Map<string, Map<string, Receipt>>())
    const users = getOrInsert(kinds, receipt.kind, () => new Map<string, Receipt>())
    if (receipt.thread === '' || !users.has(receipt.userId)) users.set(receipt.userId, receipt)
  }
  return object(events, (kinds) =>
    object(kinds, (users) =>
      object(users, ({ ts, thread }) => (thread === '' ? `{"ts":${ts}}` : `{"ts":${ts},"thread_id":${JSON.stringify(thread)}}`)),
    ),
  )
}

function object<V>(entries: ReadonlyMap<string, V>, value: (entry: V) => string): string {
  return `{${[...entries].map(([key, entry]) => `${JSON.stringify(key)}:${value(entry)}`).join(',')}}`
}

function getOrInsert<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
