import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import {
  countOutbox,
  deleteAnnouncements,
  deleteOutboxUpTo,
  highestOutboxId,
  insertDeviceNews,
  insertOutboxItem,
  latestAnnouncement,
  type OutboxRow,
  outboxItems,
  outboxPeers,
  writeOutboxHead,
} from '../../../storage/user/peer-outbox.ts'
import { objectsOf } from '../../objects.ts'
import type { PeerReply } from '../../protocol.ts'
import { joinedRooms } from '../notices.ts'
import type { UserCore } from '../user-core.ts'
import { ClockIds } from './clock-ids.ts'
import { usersSharingRooms } from './sharing.ts'

const DUE = 'peers'
/** Peers are asked whether they hold everything durably this long after the first item that they may not. */
const SETTLE_DELAY_MS = 25_000
/** When a peer did not answer, ask again after this. */
const RETRY_MS = 30_000
/** Items in one delivery, and their characters at most (one more item is always allowed). */
const BATCH_ITEMS = 100
const BATCH_CHARS = 4 * 1024 * 1024
/** Peers told at once, and asked at once when settling. */
const PARALLEL_PEERS = 64
/** Deliveries to one peer in a row; more than a full outbox needs. */
const MAX_DELIVERIES = 1_000
/** Attempts of one delivery before it is left to the alarm. */
const MAX_ATTEMPTS = 2
/** Items that may wait. */
export const MAX_OUTBOX_ITEMS = 50_000
/** How long something that must come after an announcement waits for it. */
const ANNOUNCEMENT_TIMEOUT_MS = 3_000

/** What is known of one peer; all of it may be forgotten. */
interface Lane {
  /** The peer has taken everything up to here, and holds everything up to there durably. */
  accepted: number
  durable: number
  running: Promise<boolean> | undefined
}

/**
 * What other local users must hear of this one, in order and until they hold it durably (docs/design/to-device.md): messages to their devices, and that this
 * user's devices changed.
 */
export class Outbox {
  readonly #core: UserCore
  readonly #lanes = new Map<string, Lane>()
  #idsOfLife: ClockIds | undefined
  #announcing: Promise<void> | undefined
  /** Peers that wait for others to be told. */
  readonly #waiting = new Set<string>()
  #delivering = 0

  constructor(core: UserCore) {
    this.#core = core
    core.due.handle(DUE, () => this.#settle())
  }

  get #ids(): ClockIds {
    this.#idsOfLife ??= new ClockIds(highestOutboxId(this.#core.store))
    return this.#idsOfLife
  }

  /** Whether the outbox takes so many more items. */
  hasRoomFor(items: number): boolean {
    return countOutbox(this.#core.store) + items <= MAX_OUTBOX_ITEMS
  }

  /** Adds an item for one peer. The caller holds the transaction and calls {@link deliver} after it. */
  add(peer: string, kind: OutboxRow['kind'], payload: string): void {
    insertOutboxItem(this.#core.store, peer, { id: this.#ids.next(), kind, payload })
    this.#core.due.ensure(DUE, '', nowMs() + SETTLE_DELAY_MS)
  }

  /** Delivers what was added for these peers, without waiting. To be called in the turn of the transaction. */
  deliver(peers: readonly string[]): void {
    this.#core.ctx.waitUntil(this.#core.due.arm())
    for (const peer of peers) this.#waiting.add(peer)
    this.#drain()
  }

  #drain(): void {
    for (const peer of this.#waiting) {
      if (this.#delivering >= PARALLEL_PEERS) return
      this.#waiting.delete(peer)
      this.#delivering += 1
      const delivery = this.#push(peer).finally(() => {
        this.#delivering -= 1
        this.#drain()
      })
      this.#core.ctx.waitUntil(delivery)
    }
  }

  /**
   * This user's devices changed: everybody who shares a room must hear of it before anything that is added later. The caller holds the transaction,
   * and adds nothing else to the account's changes after this.
   */
  announce(): void {
    if (joinedRooms(this.#core).length === 0) return
    insertOutboxItem(this.#core.store, undefined, { id: this.#ids.next(), kind: 'devices', payload: '{}' })
    this.#core.due.ensure(DUE, '', nowMs() + SETTLE_DELAY_MS)
    // After the transaction, but in its turn.
    this.#core.ctx.waitUntil(Promise.resolve().then(() => this.#startAnnouncing()))
  }

  /** Resolves when announcements stand in the outboxes of everybody concerned, or after a while. */
  async announced(): Promise<void> {
    if (latestAnnouncement(this.#core.store) === undefined) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ANNOUNCEMENT_TIMEOUT_MS)
    })
    await Promise.race([this.#startAnnouncing(), timeout])
    clearTimeout(timer)
  }

  async #startAnnouncing(): Promise<void> {
    await this.#core.due.arm()
    this.#announcing ??= this.#announceAll().finally(() => {
      this.#announcing = undefined
    })
    await this.#announcing
  }

  async #announceAll(): Promise<void> {
    const { store } = this.#core
    for (;;) {
      const upTo = latestAnnouncement(store)
      if (upTo === undefined) return
      const { users, complete } = await usersSharingRooms(this.#core)
      store.transaction(undefined, () => {
        insertDeviceNews(store, users, this.#ids.next(Math.max(users.length, 1)))
        if (complete) deleteAnnouncements(store, upTo)
        this.#core.due.ensure(DUE, '', nowMs() + SETTLE_DELAY_MS)
      })
      this.deliver(users)
      // A room that could not be asked is asked again by the alarm.
      if (!complete) return
    }
  }

  /** Delivers everything to one peer; answers whether it was taken. One delivery at a time. */
  #push(peer: string): Promise<boolean> {
    const lane = this.#lane(peer)
    // What is added while a delivery runs is seen by it, or by the one that follows.
    const deliver = (): Promise<boolean> => this.#deliverAll(peer, lane)
    lane.running = (lane.running ?? Promise.resolve(true)).then(deliver, deliver)
    return lane.running
  }

  #lane(peer: string): Lane {
    let lane = this.#lanes.get(peer)
    if (lane === undefined) {
      lane = { accepted: 0, durable: 0, running: undefined }
      this.#lanes.set(peer, lane)
    }
    return lane
  }

  async #deliverAll(peer: string, lane: Lane): Promise<boolean> {
    for (let deliveries = 0; deliveries < MAX_DELIVERIES; deliveries += 1) {
      const items = bounded(outboxItems(this.#core.store, peer, lane.accepted, BATCH_ITEMS))
      if (items.length === 0) return true
      if (!(await this.#send(peer, lane, items, false))) return false
    }
    return false
  }

  async #send(peer: string, lane: Lane, items: readonly OutboxRow[], settle: boolean): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      try {
        const delivery = { from: this.#core.userId, after: lane.accepted, items, settle }
        const reply: PeerReply = await objectsOf(this.#core.env, undefined).user(peer).peerItems(delivery)
        // Lower than before: the peer lost its memory and gets everything since again.
        lane.accepted = reply.accepted
        lane.durable = reply.durable
        return true
      } catch (cause) {
        log.debug('a user could not be told of another', cause)
      }
    }
    return false
  }

  /** Due work: announcements that were broken off, peers that may not hold everything durably. */
  async #settle(): Promise<DueResult> {
    const { store, due } = this.#core
    await this.#startAnnouncing()
    const peers = outboxPeers(store)
    for (let start = 0; start < peers.length; start += PARALLEL_PEERS) {
      await Promise.all(peers.slice(start, start + PARALLEL_PEERS).map((peer) => this.#settlePeer(peer)))
    }
    const isEmpty = store.transaction(undefined, () => {
      writeOutboxHead(store, this.#ids.last)
      for (const peer of peers) {
        const { durable } = this.#lane(peer)
        if (durable > 0) deleteOutboxUpTo(store, peer, durable)
      }
      if (countOutbox(store) > 0) return false
      due.clear(DUE, '')
      return true
    })
    if (!isEmpty) return { again: nowMs() + RETRY_MS }
    this.#lanes.clear()
    return 'settled'
  }

  async #settlePeer(peer: string): Promise<void> {
    const lane = this.#lane(peer)
    // A peer that has lost its memory says so in its answer, gets the rest, and is asked once more.
    for (let round = 0; round < MAX_ATTEMPTS; round += 1) {
      if (!(await this.#push(peer)) || !(await this.#send(peer, lane, [], true)) || lane.durable >= lane.accepted) return
    }
  }
}

function bounded(items: readonly OutboxRow[]): OutboxRow[] {
  let chars = 0
  const taken: OutboxRow[] = []
  for (const item of items) {
    chars += item.payload.length
    if (taken.length > 0 && chars > BATCH_CHARS) break
    taken.push(item)
  }
  return taken
}
