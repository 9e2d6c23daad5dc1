import { canonicalJson } from '../../matrix/canonical-json.ts'
import { isJsonObject } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import type { Mark } from '../../storage/remote-server/in-flight.ts'
import { dirtyRooms, type Watermark } from '../../storage/remote-server/watermarks.ts'
import { CATCH_UP_PDUS, MAX_EMPTY_PAGES, MAX_PDUS, MAX_ROOMS_PER_TRANSACTION, ROOM_RETRY_MS } from './limits.ts'
import type { RemoteServerParts } from './parts.ts'

/** PDUs for a transaction, and how far the rooms will be once it is acknowledged. */
export interface Collected {
  /** Canonical JSON. */
  readonly pdus: readonly string[]
  readonly marks: readonly Mark[]
  /** When a room that could not be asked is to be asked again, in milliseconds since the epoch. */
  readonly retryRoomsAt: number | undefined
}

/** Collects what rooms have for a server: each room's events in order, rooms in turn so that none starves, one that fails held back alone. */
export class Collector {
  readonly #parts: RemoteServerParts
  /** The room after which the next round begins. */
  #cursor = ''
  readonly #failedUntil = new Map<string, number>()

  constructor(parts: RemoteServerParts) {
    this.#parts = parts
  }

  /** @param catchingUp only the end of each backlog is taken. */
  async collect(catchingUp: boolean): Promise<Collected> {
    const pdus: string[] = []
    const marks: Mark[] = []
    const now = this.#parts.now()
    let retryRoomsAt: number | undefined
    for (const watermark of this.#rooms()) {
      if (pdus.length >= MAX_PDUS) break
      const { roomId } = watermark
      const failedUntil = this.#failedUntil.get(roomId) ?? 0
      const page = failedUntil > now ? undefined : await this.#page(watermark, MAX_PDUS - pdus.length, catchingUp)
      this.#cursor = roomId
      if (page === undefined) {
        retryRoomsAt = Math.min(retryRoomsAt ?? Number.POSITIVE_INFINITY, this.#failedUntil.get(roomId) ?? now + ROOM_RETRY_MS)
        continue
      }
      pdus.push(...page.pdus)
      marks.push(page.mark)
    }
    return { pdus, marks, retryRoomsAt }
  }

  #rooms(): Watermark[] {
    const { store } = this.#parts
    const after = dirtyRooms(store, this.#cursor, MAX_ROOMS_PER_TRANSACTION)
    if (after.length === MAX_ROOMS_PER_TRANSACTION || this.#cursor === '') return after
    const around = dirtyRooms(store, '', MAX_ROOMS_PER_TRANSACTION - after.length)
    return [...after, ...around.filter(({ roomId }) => roomId <= this.#cursor)]
  }

  async #page(watermark: Watermark, limit: number, catchingUp: boolean): Promise<{ pdus: string[]; mark: Mark } | undefined> {
    const { roomId } = watermark
    try {
      const found = await this.#read(watermark, limit, catchingUp)
      this.#failedUntil.delete(roomId)
      return found
    } catch (cause) {
      log.warn('a room did not say what it has for another server', cause)
      this.#failedUntil.set(roomId, this.#parts.now() + ROOM_RETRY_MS)
      return undefined
    }
  }

  async #read({ roomId, sentPos }: Watermark, limit: number, catchingUp: boolean): Promise<{ pdus: string[]; mark: Mark }> {
    const room = this.#parts.room(roomId)
    const pdus: string[] = []
    let toPos = sentPos
    for (let page = 0; ; page += 1) {
      const { pdus: found, nextPos, more } = await room.eventsForServer(this.#parts.serverName, toPos, catchingUp ? MAX_PDUS : limit)
      if (nextPos < toPos || (more && nextPos === toPos)) throw new Error('a room does not get on')
      toPos = nextPos
      for (const text of found) pdus.push(canonicalPdu(text))
      const enough = catchingUp ? page >= MAX_EMPTY_PAGES : pdus.length > 0 || page >= MAX_EMPTY_PAGES
      if (catchingUp) pdus.splice(0, Math.max(0, pdus.length - Math.min(CATCH_UP_PDUS, limit)))
      // Of a long backlog only the end is of use; this page was not it.
      if (!more || enough) return { pdus: catchingUp && more ? [] : pdus, mark: { roomId, toPos, more } }
    }
  }
}

/** A PDU in the form in which the signature of the request covers it. */
function canonicalPdu(text: string): string {
  const pdu: unknown = JSON.parse(text)
  if (!isJsonObject(pdu)) throw new Error('a room gave something that is no PDU')
  return canonicalJson(pdu, 'legacy')
}
