import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { Groups, inTurns } from '../../runtime/turns.ts'
import type { DueResult, DueTable } from '../../storage/due-table.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import {
  countOutbox,
  deleteOutboxUpTo,
  highestOutboxId,
  insertForPeers,
  insertOutboxItem,
  type OutboxRow,
  outboxItems,
  outboxPeers,
  writeOutboxHead,
} from '../../storage/peers/outbox.ts'
import type { PeerReply } from '../protocol.ts'
import { ClockIds } from './clock-ids.ts'

const DUE = 'peers'
/** Peers are asked whether they hold everything durably this long after the first item that they may not. */
const SETTLE_DELAY_MS = 25_000
/** When a peer did not answer, ask again after this. */
const RETRY_MS = 30_000
/** Items in one delivery, and their characters at most (one more item is always allowed). */
const BATCH_ITEMS = 100
const BATCH_CHARS = 4 * 1024 * 1024
/** Peers told at once, and asked at once when settling. */
const PARALLEL_PEERS = 8
/** Deliveries to one peer in a row; more than a full outbox needs. */
const MAX_DELIVERIES = 1_000
/** Attempts of one delivery before it is left to the alarm. */
const MAX_ATTEMPTS = 2
/** Items that may wait. */
export const MAX_OUTBOX_ITEMS = 50_000

/** Items for one peer, each above `after`, which is where the peer is believed to be. */
export interface OutboxDelivery {
  readonly after: number
  readonly items: readonly OutboxRow[]
  /** Make everything durable before answering. */
  readonly settle: boolean
}

/** What an outbox works with. */
export interface PeerOutboxParts {
  readonly store: ObjectStore
  readonly due: DueTable
  waitUntil(work: Promise<unknown>): void
  /** Hands items to a peer. */
  deliver(peer: string, delivery: OutboxDelivery): Promise<PeerReply>
  /** Called before peers are asked to settle. */
  beforeSettling?(): Promise<void>
}

/** What is known of one peer; all of it may be forgotten. */
interface Lane {
  /** The peer has taken everything up to here, and holds everything up to there durably. */
  accepted: number
  durable: number
  running: Promise<boolean> | undefined
}

/** What others must hear from the owner of a database, each peer in order and until it holds it durably (docs/design/to-device.md). */
export class PeerOutbox {
  readonly #parts: PeerOutboxParts
  readonly #lanes = new Map<string, Lane>()
  #idsOfLife: ClockIds | undefined
  /** Peers that wait for others to be told. */
  readonly #waiting = new Set<string>()
  #delivering = 0
  readonly #groups = new Groups(PARALLEL_PEERS)

  constructor(parts: PeerOutboxParts) {
    this.#parts = parts
    parts.due.handle(DUE, () => this.#settle())
  }

  /** The numbers of this outbox. */
  get ids(): ClockIds {
    this.#idsOfLife ??= new ClockIds(highestOutboxId(this.#parts.store))
    return this.#idsOfLife
  }

  /** Whether the outbox takes so many more items. */
  hasRoomFor(items: number): boolean {
    return countOutbox(this.#parts.store) + items <= MAX_OUTBOX_ITEMS
  }

  /** Adds an item for one peer, or for peers that are yet to be looked up. The caller holds the transaction and calls {@link deliver} after it. */
  add(peer: string | undefined, kind: OutboxRow['kind'], payload: string): number {
    const id = this.ids.next()
    insertOutboxItem(this.#parts.store, peer, { id, kind, payload })
    this.planSettling()
    return id
  }

  /** Adds the same item for several peers; see {@link insertForPeers}. The caller holds the transaction and calls {@link deliver} after it. */
  addForAll(peers: readonly string[], kind: OutboxRow['kind'], payload: string, replace: boolean): void {
    if (peers.length === 0) return
    insertForPeers(this.#parts.store, peers, this.ids.next(peers.length), kind, payload, replace)
    this.planSettling()
  }

  /** There is something in the outbox. The caller holds the transaction. */
  planSettling(): void {
    this.#parts.due.ensure(DUE, '', nowMs() + SETTLE_DELAY_MS)
  }

  /** Delivers what was added for these peers, without waiting. To be called in the turn of the transaction. */
  deliver(peers: Iterable<string>): void {
    this.#parts.waitUntil(this.#parts.due.arm())
    for (const peer of peers) this.#waiting.add(peer)
    this.#drain()
  }

  #drain(): void {
    const goOn = (): void => this.#drain()
    const stayFor = (rest: Promise<void>): void => this.#parts.waitUntil(rest)
    for (const peer of this.#waiting) {
      if (this.#delivering >= PARALLEL_PEERS || !this.#groups.mayStart(goOn, stayFor)) return
      this.#waiting.delete(peer)
      this.#delivering += 1
      this.#parts.waitUntil(this.#pushInTurn(peer))
    }
    if (this.#delivering === 0) this.#groups.allEnded()
  }

  async #pushInTurn(peer: string): Promise<void> {
    try {
      await this.#push(peer)
    } finally {
      this.#delivering -= 1
      this.#drain()
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
      const items = bounded(outboxItems(this.#parts.store, peer, lane.accepted, BATCH_ITEMS))
      if (items.length === 0) return true
      if (!(await this.#send(peer, lane, items, false))) return false
    }
    return false
  }

  async #send(peer: string, lane: Lane, items: readonly OutboxRow[], settle: boolean): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      try {
        const reply = await this.#parts.deliver(peer, { after: lane.accepted, items, settle })
        // Lower than before: the peer lost its memory and gets everything since again.
        lane.accepted = reply.accepted
        lane.durable = reply.durable
        return true
      } catch (cause) {
        log.debug('a peer could not be told', cause)
      }
    }
    return false
  }

  /** Due work: peers that may not hold everything durably. */
  async #settle(): Promise<DueResult> {
    const { store, due } = this.#parts
    await this.#parts.beforeSettling?.()
    const peers = outboxPeers(store)
    await inTurns(peers, PARALLEL_PEERS, (peer) => this.#settlePeer(peer))
    const isEmpty = store.transaction(undefined, () => {
      writeOutboxHead(store, this.ids.last)
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
