import { DurableObject } from 'cloudflare:workers'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { configOf } from '../../runtime/config.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { randomFraction, randomString } from '../../runtime/random.ts'
import { DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { REMOTE_SERVER_MIGRATIONS } from '../../storage/remote-server/migrations.generated.ts'
import { SEND_MAX_ANSWER_BYTES, SEND_TIMEOUT_MS } from './limits.ts'
import { Outbox, type OutgoingEdu, SEND_DUE } from './outbox.ts'
import type { RemoteServerParts, RoomNews } from './parts.ts'
import { Received, type Reception } from './received.ts'
import { RecentRooms } from './recent-rooms.ts'
import { roomEventsOf } from './room-events.ts'
import { Sender } from './sender.ts'

/** When deferred work that failed is tried again. */
const DUE_RETRY_MS = 30_000
/** Letters and digits of a transaction ID: 119 bits. */
const TXN_ID_CHARS = 20

/** One other homeserver, named by its server name: what it has to be sent, and what it has sent. A thin shell; each concern has its own file. */
export class RemoteServer extends DurableObject<Env> {
  readonly #parts: RemoteServerParts
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #received: Received
  readonly #recent = new RecentRooms()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    const store = new ObjectStore(ctx.storage, REMOTE_SERVER_MIGRATIONS)
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
    this.#parts.due.handle(SEND_DUE, () => this.#sender.run())
  }

  /** A room has something for the server. Durable when this answers. */
  async roomNews(news: RoomNews): Promise<void> {
    this.#recent.note(news.roomId)
    if (this.#outbox.note(news)) await this.#begin()
  }

  /** Rooms that the server was told of lately, the latest first: where it may have heard of events that the registry does not know of yet. */
  recentRooms(): string[] {
    return this.#recent.list()
  }

  /** EDUs that must arrive, in order. Durable when this answers. */
  async sendEdus(edus: readonly OutgoingEdu[]): Promise<void> {
    this.#outbox.add(edus)
    await this.#begin()
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
