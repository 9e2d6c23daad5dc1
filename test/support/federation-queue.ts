import { Outbox, SEND_DUE } from '../../src/durable/remote-server/outbox.ts'
import type { RemoteServerParts, RoomEventsPage } from '../../src/durable/remote-server/parts.ts'
import { Received } from '../../src/durable/remote-server/received.ts'
import { Sender } from '../../src/durable/remote-server/sender.ts'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'
import { DueTable } from '../../src/storage/due-table.ts'
import { REMOTE_SERVER_MIGRATIONS } from '../../src/storage/remote-server/migrations.generated.ts'
import { NodeObjectDatabase } from './node-object-store.ts'

/** A transaction as the other server saw it. */
export interface SeenTransaction {
  readonly txnId: string
  readonly body: string
  readonly pdus: readonly JsonObject[]
  readonly edus: readonly JsonObject[]
}

const ROOM_PAGE_POSITIONS = 1_000

/** A room that has events for the other server at some positions. */
export class FakeRoom {
  readonly roomId: string
  /** Positions that hold an event for the other server. */
  readonly events = new Map<number, JsonObject>()
  headPos = 0
  /** Fails while set. */
  broken = false
  asked = 0

  constructor(roomId: string) {
    this.roomId = roomId
  }

  /** Adds events for the other server, one a position. */
  add(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.headPos += 1
      this.events.set(this.headPos, { room_id: this.roomId, pos: this.headPos })
    }
  }

  /** Adds positions that do not concern the other server. */
  skip(count: number): void {
    this.headPos += count
  }

  async eventsForServer(_serverName: string, fromPos: number, limit: number): Promise<RoomEventsPage> {
    this.asked += 1
    if (this.broken) throw new Error('the room is broken')
    const pdus: string[] = []
    const end = Math.min(this.headPos, fromPos + ROOM_PAGE_POSITIONS)
    for (let pos = fromPos + 1; pos <= end; pos += 1) {
      const event = this.events.get(pos)
      if (event === undefined) continue
      if (pdus.length === limit) return { pdus, nextPos: pos - 1, more: true }
      // Not in canonical order: the queue must not rely on that.
      pdus.push(JSON.stringify({ z: 1, ...event, a: 1 }))
    }
    return { pdus, nextPos: end, more: end < this.headPos }
  }
}

/** The queue of one other server in plain Node: a real database, a clock and a network to be scripted, and lives that end. */
export class QueueWorld {
  readonly database = new NodeObjectDatabase()
  readonly rooms = new Map<string, FakeRoom>()
  /** What the other server has seen, repeated attempts included. */
  readonly seen: SeenTransaction[] = []
  /** Answers a transaction, or throws. */
  answer: (transaction: SeenTransaction) => JsonObject | Promise<JsonObject> = () => ({ pdus: {} })
  now = 1_700_000_000_000
  alarmAt: number | undefined
  #txns = 0
  #life!: { readonly parts: RemoteServerParts; readonly outbox: Outbox; readonly sender: Sender; readonly received: Received }

  constructor() {
    this.restart()
  }

  /** Ends this life of the object and begins another on the same database. */
  restart(): void {
    const store = this.database.open(REMOTE_SERVER_MIGRATIONS)
    const storage = {
      setAlarm: async (at: number) => {
        this.alarmAt = at
      },
    }
    const parts: RemoteServerParts = {
      serverName: 'peer.example',
      ownName: 'us.example',
      store,
      due: new DueTable(store, storage as object as DurableObjectStorage),
      now: () => this.now,
      fraction: () => 0,
      newTxnId: () => {
        this.#txns += 1
        return `txn${this.#txns}`
      },
      room: (roomId) => this.room(roomId),
      send: (txnId, body) => this.#deliver(txnId, body),
    }
    const outbox = new Outbox(parts)
    const sender = new Sender(parts, outbox)
    parts.due.handle(SEND_DUE, () => sender.run())
    this.#life = { parts, outbox, sender, received: new Received(parts) }
  }

  /** What this life of the object works with. */
  get parts(): RemoteServerParts {
    return this.#life.parts
  }

  get outbox(): Outbox {
    return this.#life.outbox
  }

  get sender(): Sender {
    return this.#life.sender
  }

  get received(): Received {
    return this.#life.received
  }

  get store(): RemoteServerParts['store'] {
    return this.#life.parts.store
  }

  room(roomId: string): FakeRoom {
    let room = this.rooms.get(roomId)
    if (room === undefined) {
      room = new FakeRoom(roomId)
      this.rooms.set(roomId, room)
    }
    return room
  }

  /** Sends what there is, and sets the alarm for the rest. */
  async flush(): Promise<void> {
    await this.sender.run()
    await this.#life.parts.due.arm()
  }

  /** A room tells the queue of what it has added, and the queue sends. */
  async tell(roomId: string, fromPos = 0): Promise<void> {
    if (this.outbox.note({ roomId, fromPos, headPos: this.room(roomId).headPos })) await this.sender.run()
    await this.#life.parts.due.arm()
  }

  /** Lets time pass until the alarm, and runs it. Answers how many milliseconds that took. */
  async alarm(): Promise<number> {
    if (this.alarmAt === undefined) throw new Error('no alarm is set')
    const waited = Math.max(0, this.alarmAt - this.now)
    this.now += waited
    this.alarmAt = undefined
    await this.#life.parts.due.run(this.now, () => this.now + 30_000)
    return waited
  }

  /** Positions of a room's events as the other server accepted them. */
  positions(roomId: string): JsonValue[] {
    return this.seen.flatMap(({ pdus }) => pdus.filter((pdu) => pdu.room_id === roomId).map((pdu) => pdu.pos ?? null))
  }

  async #deliver(txnId: string, body: string): Promise<JsonObject> {
    const { pdus, edus = [] }: { pdus: JsonObject[]; edus?: JsonObject[] } = JSON.parse(body)
    const transaction = { txnId, body, pdus, edus }
    this.seen.push(transaction)
    return await this.answer(transaction)
  }
}
