import { DurableObject } from 'cloudflare:workers'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { configOf } from '../../runtime/config.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { randomFraction, randomString } from '../../runtime/random.ts'
import { DUE_RETRY_MS, DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { REMOTE_SERVER_BASELINE } from '../../storage/remote-server/baseline.generated.ts'
import type { MemberMovement } from '../../storage/remote-server/member-rooms.ts'
import { REMOTE_SERVER_MIGRATIONS } from '../../storage/remote-server/migrations.generated.ts'
import { knownRooms } from '../../storage/remote-server/watermarks.ts'
import { objectsOf } from '../objects.ts'
import type { OutgoingEdu, PeerReply, ServerDelivery } from '../protocol.ts'
import type { ListsAnswer, ListsRequest } from './devices/device-lists.ts'
import { takeFromUser } from './devices/local-devices.ts'
import type { ReceivedDeviceEdu } from './devices/received-edus.ts'
import { RemoteDevices } from './devices/remote-devices.ts'
import { SEND_MAX_ANSWER_BYTES, SEND_TIMEOUT_MS } from './limits.ts'
import { Outbox, SEND_DUE } from './outbox.ts'
import type { RemoteServerParts, RoomNews } from './parts.ts'
import { Received, type Reception } from './received.ts'
import { RecentRooms } from './recent-rooms.ts'
import { roomEventsOf } from './room-events.ts'
import { Sender } from './sender.ts'

/** Rooms remembered for presence. */
const MAX_PRESENCE_ROOMS = 500
/** Letters and digits of a transaction ID: 119 bits. */
const TXN_ID_CHARS = 20

/** One other homeserver, named by its server name: what it has to be sent, and what it has sent. A thin shell; each concern has its own file. */
export class RemoteServer extends DurableObject<Env> {
  readonly #parts: RemoteServerParts
  /** Rooms in which users here have said how they are, in this life of the object. */
  readonly #presenceRooms = new Set<string>()
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #received: Received
  readonly #devices: RemoteDevices
  readonly #recent = new RecentRooms()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    const store = new ObjectStore(ctx.storage, REMOTE_SERVER_MIGRATIONS, REMOTE_SERVER_BASELINE)
    this.#parts = {
      serverName: ctx.id.name ?? '',
      ownName: configOf(env).serverName,
      store,
      due: new DueTable(store, ctx.storage),
      now: nowMs,
      fraction: randomFraction,
      newTxnId: () => randomString(TXN_ID_CHARS),
      room: (roomId) => roomEventsOf(env, roomId),
      send: (txnId, canonicalBody) => this.#send(txnId, canonicalBody),
    }
    this.#outbox = new Outbox(this.#parts)
    this.#sender = new Sender(this.#parts, this.#outbox)
    this.#received = new Received(this.#parts)
    const objects = objectsOf(env, undefined)
    this.#devices = new RemoteDevices({
      ...this.#parts,
      waitUntil: (work) => ctx.waitUntil(work),
      room: (roomId) => objects.room(roomId),
      deliver: (userId, delivery) => objects.user(userId).peerItems(delivery),
      ask: (request) => outboundOf(env).client.json(this.#parts.serverName, request, 'any'),
    })
    this.#parts.due.handle(SEND_DUE, () => this.#sender.run())
  }

  /** A room has something for the server. Durable when this answers. */
  async roomNews(news: RoomNews): Promise<void> {
    this.#recent.note(news.roomId)
    if (this.#outbox.note(news)) await this.#begin()
  }

  /** The server has asked about a room that it is in. */
  noteRoom(roomId: string): void {
    this.#recent.note(roomId)
  }

  /** Rooms that the server was told of or asked about lately, the latest first: where it may have heard of events that the registry does not know of. */
  recentRooms(): string[] {
    return this.#recent.list()
  }

  /** EDUs that must arrive, in order. Durable when this answers. */
  async sendEdus(edus: readonly OutgoingEdu[]): Promise<void> {
    this.#outbox.add(edus)
    await this.#begin()
  }

  /** What a local user has for the server: messages to devices, changed devices. Durable when this answers. */
  async peerItems(delivery: ServerDelivery): Promise<PeerReply> {
    const reply = takeFromUser(this.#parts, this.#outbox, delivery)
    await this.#begin()
    return reply
  }

  /** What the server says about devices. Durable when this answers; `false`: there is no room for it now. */
  takeEdus(edus: readonly ReceivedDeviceEdu[]): Promise<boolean> {
    return this.#devices.take(edus)
  }

  /** The keys of users of the server, for a local user who shares a room with each of them. */
  deviceLists(request: ListsRequest): Promise<ListsAnswer> {
    return this.#devices.lists(request)
  }

  /** A room tells which users of the server came and went. */
  noteMembers(roomId: string, movements: readonly MemberMovement[]): void {
    this.#devices.noteMembers(roomId, movements)
  }

  /** How users are, an EDU for each, and in which rooms the server has to do with them. */
  async sendPresence(roomIds: readonly string[], ...edus: readonly (OutgoingEdu & { readonly key: string })[]): Promise<void> {
    for (const roomId of roomIds) if (this.#presenceRooms.size < MAX_PRESENCE_ROOMS) this.#presenceRooms.add(roomId)
    await this.sendFleetingEdus(edus)
  }

  /** Rooms that the server is known to share: first those of users here who are online. */
  sharedRooms(limit: number): string[] {
    const known = this.#parts.store.exists() ? knownRooms(this.#parts.store, limit) : []
    return [...new Set([...this.#presenceRooms, ...known])].slice(0, limit)
  }

  /** EDUs that are worth something only now: typing, presence. */
  async sendFleetingEdus(edus: readonly (OutgoingEdu & { readonly key: string })[]): Promise<void> {
    this.#outbox.addFleeting(edus)
    await this.#begin()
  }

  /** The server has been in contact: if it was given up, it is tried again. */
  async contact(): Promise<void> {
    if (this.#sender.wake()) await this.#begin()
  }

  /** A transaction of the server has come. */
  beginTransaction(txnId: string): Reception {
    return this.#received.begin(txnId)
  }

  /** A transaction of the server has been processed; `response` is its answer as JSON text. Durable when this answers. */
  finishTransaction(txnId: string, response: string): void {
    this.#received.finish(txnId, response)
    // It is up: what waits for it need not wait longer.
    this.ctx.waitUntil(this.contact())
  }

  /** A transaction of the server could not be processed; it may come again. */
  abandonTransaction(txnId: string): void {
    this.#received.abandon(txnId)
  }

  /** Deferred work: sending after a pause or a crash. */
  override async alarm(): Promise<void> {
    if (!this.#parts.store.exists()) return
    await this.#parts.due.run(nowMs(), (kind, cause) => {
      log.warn(`deferred work for another server failed: ${kind}`, cause)
      return nowMs() + DUE_RETRY_MS
    })
  }

  /** Ends this life of the object, as a crash would. Reached only through the control routes and tests. */
  abortForTest(): void {
    this.ctx.abort('ended by a test')
  }

  /** Starts sending without making anybody wait for it; the alarm is the safety net. */
  async #begin(): Promise<void> {
    await this.#parts.due.arm()
    const work = this.#sender.run().then(
      () => this.#parts.due.arm(),
      (cause: unknown) => log.warn('sending to another server failed', cause),
    )
    this.ctx.waitUntil(work)
  }

  #send(txnId: string, canonicalBody: string): Promise<JsonObject> {
    return outboundOf(this.env).client.json(
      this.#parts.serverName,
      {
        method: 'PUT',
        path: `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`,
        canonicalBody,
        timeoutMs: SEND_TIMEOUT_MS,
        maxBytes: SEND_MAX_ANSWER_BYTES,
      },
      'any',
    )
  }
}
