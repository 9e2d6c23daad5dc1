import type { SentPush } from '../../../federation/outbound/push/push-gateways.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { deleteQueuedPushes, insertQueuedPush, type QueuedPush, readPushQueue } from '../../../storage/user/push-queue.ts'
import { type Pusher, type PusherStanding, readPushers } from '../../../storage/user/pushers.ts'
import type { FlushRider } from '../feed-keeper.ts'
import type { UserCore } from '../user-core.ts'

/** `due` kind of delivering what waits. */
export const PUSH_DUE = 'push'
/** When the alarm looks after notifications that were written because they were not delivered at once. */
const SAFETY_MS = 30_000
/** Notifications that wait for one pusher; of more the oldest go. */
const MAX_QUEUED_PER_PUSHER = 100

/** One notification in a lane. */
export interface LaneItem {
  readonly push: QueuedPush
  /** Number of its row, once it has one. */
  rowId: number | undefined
  /** It is being made, or on its way. */
  way: Way | undefined
}

/** A notification on its way to a gateway. */
export interface Way {
  /** Absent while the room is asked what it says. */
  sent: SentPush | undefined
  readonly sinceMs: number
  /** The count of unread events that it tells. */
  badge: number
}

/** One pusher and what waits for it. */
export interface Lane {
  pusher: Pusher
  standing: PusherStanding
  readonly items: LaneItem[]
  /** It was removed: nothing more may be sent. */
  isGone: boolean
  /** When it failed last in this life of the object. */
  failedMs: number | undefined
  /** The count of unread events that was told last, where known. */
  toldBadge: number | undefined
  /** A count that is being told by itself. */
  badgeWay: Way | undefined
}

/**
 * The account's pushers and what waits for each: in memory, because most notifications are delivered before anything is written. What still waits when
 * the feed is written is written with it, in the same commit as the unread marks that it follows from, so that a crash leaves both or neither.
 */
export class PushLanes implements FlushRider {
  readonly #core: UserCore
  #lanes: Map<string, Lane> | undefined
  /** Rows of notifications that need no row any more. */
  #gone: number[] = []
  #written: { readonly items: readonly [LaneItem, number][]; readonly deleted: number } | undefined

  constructor(core: UserCore) {
    this.#core = core
  }

  /** Lanes by pusher, the oldest first. */
  all(): Lane[] {
    return [...this.#load().values()]
  }

  /** Whether there are any pushers: then rooms keep ringing. */
  get any(): boolean {
    return this.#load().size > 0
  }

  /** Adds a notification to every lane. */
  add(push: QueuedPush): void {
    for (const lane of this.#load().values()) this.addTo(lane, push, undefined)
  }

  /** Adds a notification to one lane; it may be on its way already. */
  addTo(lane: Lane, push: QueuedPush, way: Way | undefined): void {
    lane.items.push({ push, rowId: undefined, way })
    const [oldest] = lane.items
    if (lane.items.length > MAX_QUEUED_PER_PUSHER && oldest !== undefined) this.drop(lane, oldest)
  }

  /** Takes a notification out: it was delivered, or is not worth delivering. */
  drop(lane: Lane, item: LaneItem): void {
    const index = lane.items.indexOf(item)
    if (index < 0) return
    lane.items.splice(index, 1)
    if (item.rowId !== undefined) this.#gone.push(item.rowId)
  }

  /** Pushers were set or removed in the transaction that has just ended, or not: the database says which there are. */
  reload(): void {
    // A box that is out has the pushers of before.
    this.#core.letters.takeIn()
    const lanes = this.#lanes
    if (lanes === undefined) return
    const before = new Map(lanes)
    lanes.clear()
    for (const { pusher, standing } of readPushers(this.#core.store)) {
      const key = keyOf(pusher)
      const lane = before.get(key) ?? newLane(pusher, standing)
      before.delete(key)
      Object.assign(lane, { pusher, standing })
      lanes.set(key, lane)
    }
    for (const lane of before.values()) lane.isGone = true
  }

  get needsFlush(): boolean {
    if (this.#gone.length > 0) return true
    return this.#lanes !== undefined && this.all().some(({ items }) => items.some(needsRow))
  }

  get flushIsUrgent(): boolean {
    return false
  }

  write(): void {
    const { store, due } = this.#core
    const written: [LaneItem, number][] = []
    for (const { pusher, standing, items } of this.all()) {
      const unwritten = items.filter(needsRow)
      for (const item of unwritten) written.push([item, insertQueuedPush(store, pusher, item.push)])
      if (unwritten.length > 0) due.ensure(PUSH_DUE, '', standing.retryTs ?? nowMs() + SAFETY_MS)
    }
    deleteQueuedPushes(store, this.#gone)
    this.#written = { items: written, deleted: this.#gone.length }
  }

  written(): void {
    const { items, deleted } = this.#written ?? { items: [], deleted: 0 }
    this.#written = undefined
    for (const [item, rowId] of items) item.rowId = rowId
    this.#gone = this.#gone.slice(deleted)
    if (items.length > 0) this.#core.ctx.waitUntil(this.#core.due.arm())
  }

  #load(): Map<string, Lane> {
    if (this.#lanes !== undefined) return this.#lanes
    const { store } = this.#core
    const lanes = new Map<string, Lane>()
    if (!store.exists()) return lanes
    for (const { pusher, standing } of readPushers(store)) lanes.set(keyOf(pusher), newLane(pusher, standing))
    if (lanes.size > 0) {
      for (const { id, push, ...key } of readPushQueue(store)) lanes.get(keyOf(key))?.items.push({ push, rowId: id, way: undefined })
    }
    this.#lanes = lanes
    return lanes
  }
}

/** What the gateway has taken need not be written, though nobody has looked yet. */
function needsRow({ rowId, way }: LaneItem): boolean {
  const verdict = way?.sent?.verdict
  return rowId === undefined && (verdict === undefined || verdict === 'failed')
}

function newLane(pusher: Pusher, standing: PusherStanding): Lane {
  return { pusher, standing, items: [], isGone: false, failedMs: undefined, toldBadge: undefined, badgeWay: undefined }
}

function keyOf({ appId, pushkey }: Pick<Pusher, 'appId' | 'pushkey'>): string {
  return JSON.stringify([appId, pushkey])
}

/** What a pusher's client has set, taken apart: where to send, what to send along, and whether events are only named. */
export interface PushTarget {
  readonly url: string
  /** What all messages say of the device, besides its key. */
  readonly device: JsonObject
  readonly namesOnly: boolean
}

const targets = new WeakMap<Pusher, PushTarget>()

/** Where a pusher leads; taken apart once. */
export function targetOf(pusher: Pusher): PushTarget {
  let target = targets.get(pusher)
  if (target === undefined) {
    const parsed: unknown = JSON.parse(pusher.data)
    const { url, ...data } = isJsonObject(parsed) ? parsed : {}
    const device = { app_id: pusher.appId, data }
    target = { url: typeof url === 'string' ? url : '', device, namesOnly: data.format === 'event_id_only' }
    targets.set(pusher, target)
  }
  return target
}
