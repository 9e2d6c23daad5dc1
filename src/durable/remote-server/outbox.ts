import { log } from '../../runtime/log.ts'
import { deleteEdus, insertEdu, pruneEdus, readEdus } from '../../storage/remote-server/edus.ts'
import { deleteInFlight, type InFlight, readInFlight, writeInFlight } from '../../storage/remote-server/in-flight.ts'
import { MAX_EDU_BYTES } from '../../storage/remote-server/limits.ts'
import { findWatermark, writeWatermark } from '../../storage/remote-server/watermarks.ts'
import type { OutgoingEdu } from '../protocol.ts'
import { Collector } from './collect.ts'
import { FleetingEdus } from './fleeting-edus.ts'
import { MAX_EDU_CHARS, MAX_EDUS, SAFETY_MS } from './limits.ts'
import { type RemoteServerParts, type RoomNews, ready } from './parts.ts'

/** `due` kind of the work of sending. */
export const SEND_DUE = 'send'

/** What becomes of the next step of sending. */
export type NextTransaction =
  | { readonly kind: 'transaction'; readonly inFlight: InFlight }
  | { readonly kind: 'nothing'; readonly retryRoomsAt: number | undefined }

/** What waits for the other server: rooms by watermark, EDUs, and the one transaction that is on its way. */
export class Outbox {
  readonly #parts: RemoteServerParts
  readonly #collector: Collector
  readonly #fleeting = new FleetingEdus()
  /** Newest position of rooms, as far as they have told in this life of the object. */
  readonly #heads = new Map<string, number>()
  /** Heads that rooms were asked for again, once each. */
  readonly #askedFor = new Map<string, number>()

  constructor(parts: RemoteServerParts) {
    this.#parts = parts
    this.#collector = new Collector(parts)
  }

  /** Notes that a room has something. Durable when the transaction is; writes nothing for a room that waits already. */
  note({ roomId, fromPos, headPos }: RoomNews): boolean {
    const store = ready(this.#parts)
    const known = findWatermark(store, roomId)
    if (known !== undefined && headPos <= known.sentPos) return false
    this.#heads.set(roomId, Math.max(headPos, this.#heads.get(roomId) ?? 0))
    if (known?.dirty === true) return true
    store.transaction(undefined, () => {
      writeWatermark(store, { roomId, sentPos: known?.sentPos ?? fromPos, dirty: true })
      this.#plan()
    })
    return true
  }

  /**
   * Adds EDUs that must arrive: durable when the transaction is. Too large ones are left out.
   * @param alongside writes of the same commit.
   */
  add(edus: readonly OutgoingEdu[], alongside: () => void = () => undefined): void {
    const store = ready(this.#parts)
    store.transaction(undefined, () => {
      alongside()
      for (const { type, key, body } of edus) {
        if (body.length <= MAX_EDU_BYTES) insertEdu(store, type, key, body)
        else log.warn(`an EDU of ${body.length} characters is not sent: ${type}`)
      }
      const given = pruneEdus(store)
      if (given > 0) log.warn(`gave up ${given} EDUs for a server that does not take them`)
      this.#plan()
    })
  }

  /** Adds EDUs that nobody misses if they do not arrive. */
  addFleeting(edus: readonly (OutgoingEdu & { readonly key: string })[]): void {
    for (const { type, key, body } of edus) this.#fleeting.add(type, key, body)
  }

  /** Forgets what would be stale after a pause. */
  forgetFleeting(): void {
    this.#fleeting.clear()
  }

  /** The transaction to send now: the one on its way, else a new one, whose ID and body are durable before it is answered. */
  async next(catchingUp: boolean): Promise<NextTransaction> {
    const store = ready(this.#parts)
    const known = readInFlight(store)
    if (known !== undefined) return { kind: 'transaction', inFlight: known }
    const { pdus, marks, retryRoomsAt } = await this.#collector.collect(catchingUp)
    const waiting = this.#edus()
    const fleeting = this.#fleeting.take(MAX_EDUS - waiting.bodies.length)
    const edus = [...waiting.bodies, ...fleeting]
    if (pdus.length === 0 && edus.length === 0) {
      if (marks.length === 0) return { kind: 'nothing', retryRoomsAt }
      // Positions without anything for this server: nothing to send, but they need not be looked at again.
      store.transaction(undefined, () => this.#advance(marks))
      return marks.some(({ roomId }) => findWatermark(store, roomId)?.dirty)
        ? await this.next(catchingUp)
        : { kind: 'nothing', retryRoomsAt }
    }
    const inFlight = { txnId: this.#parts.newTxnId(), body: this.#body(pdus, edus), marks, pdus: pdus.length }
    store.transaction(undefined, () => {
      writeInFlight(store, inFlight)
      deleteEdus(store, waiting.ids)
      this.#plan()
    })
    return { kind: 'transaction', inFlight }
  }

  /** The other server has the transaction. The caller holds the transaction of the database. */
  acknowledge({ marks }: InFlight): void {
    deleteInFlight(this.#parts.store)
    this.#advance(marks)
  }

  #advance(marks: InFlight['marks']): void {
    for (const { roomId, toPos, more } of marks) {
      const dirty = more || this.#expectsMore(roomId, toPos)
      writeWatermark(this.#parts.store, { roomId, sentPos: toPos, dirty })
      if (!dirty) this.#heads.delete(roomId)
    }
  }

  /**
   * Whether a room that says it has no more is to be asked again, because it was heard of beyond that. News that came while it was asked is
   * found the next time; a room that then still does not reach what was heard (restored from a backup) is believed, or this would never end.
   */
  #expectsMore(roomId: string, toPos: number): boolean {
    const head = this.#heads.get(roomId) ?? 0
    if (head <= toPos || this.#askedFor.get(roomId) === head) {
      this.#askedFor.delete(roomId)
      return false
    }
    this.#askedFor.set(roomId, head)
    return true
  }

  #edus(): { readonly ids: number[]; readonly bodies: string[] } {
    let chars = 0
    const taken = readEdus(this.#parts.store, MAX_EDUS).filter(({ body }) => {
      chars += body.length
      return chars <= MAX_EDU_CHARS
    })
    return { ids: taken.map(({ id }) => id), bodies: taken.map(({ body }) => body) }
  }

  /** Canonical JSON: keys in order, parts canonical already. */
  #body(pdus: readonly string[], edus: readonly string[]): string {
    const { ownName, now } = this.#parts
    const start = edus.length === 0 ? '{' : `{"edus":[${edus.join(',')}],`
    return `${start}"origin":${JSON.stringify(ownName)},"origin_server_ts":${now()},"pdus":[${pdus.join(',')}]}`
  }

  #plan(): void {
    this.#parts.due.ensure(SEND_DUE, '', this.#parts.now() + SAFETY_MS)
  }
}
