import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import { inTurns } from '../../../runtime/turns.ts'
import type { Receipt } from '../../../storage/room/receipts.ts'
import type { OutgoingEdu } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { isServerAllowed } from './server-access.ts'

/** A receipt that another server reports. */
export interface RemoteReceipt {
  readonly userId: string
  readonly eventId: string
  /** `main` or a thread root's event ID; absent for a receipt that covers the whole room. */
  readonly thread: string | undefined
  /** Milliseconds since the epoch, as the other server says. */
  readonly ts: number | undefined
}

/** Somebody of another server has begun to type, goes on typing, or has stopped. */
export interface RemoteTyping {
  readonly userId: string
  readonly typing: boolean
}

/** What the queue of another server offers for what is not part of a room's history. */
export interface EphemeralQueue {
  sendEdus(edus: readonly OutgoingEdu[]): Promise<unknown>
  sendFleetingEdus(edus: readonly (OutgoingEdu & { readonly key: string })[]): Promise<unknown>
}

/** Servers that hear who types, and how far users have read. In rooms of more, nobody elsewhere does. */
const MAX_SERVERS_TYPING = 100
const MAX_SERVERS_RECEIPTS = 500
/** Servers told at once. */
const PARALLEL_SERVERS = 16
/** Receipts of this long go together. The first goes at once. */
const RECEIPT_PAUSE_MS = 2_000
/** Receipts that wait for that. */
const MAX_WAITING_RECEIPTS = 1_000
/** Somebody who goes on typing is reported again after this. */
const TYPING_REPEAT_MS = 20_000

/** Users of a server who may speak of a room: of the server, joined, and the server not denied (SECURITY D1, D2). */
export function mayReport(core: RoomCore, serverName: string, userId: string): boolean {
  return parseUserId(userId)?.serverName === serverName && core.partial.mayBeJoined(userId)
}

/** Tells other servers in the room who types and how far users here have read. */
export class RemoteEphemeral {
  readonly #core: RoomCore
  readonly #queueOf: (serverName: string) => EphemeralQueue
  readonly #receipts = new Map<string, Receipt>()
  #receiptsSentAt = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When each user who types was last reported. */
  readonly #typing = new Map<string, number>()

  constructor(core: RoomCore, queueOf: (serverName: string) => EphemeralQueue) {
    this.#core = core
    this.#queueOf = queueOf
  }

  /** A user of this server has read up to an event, and everybody may know. */
  receipt(receipt: Receipt): void {
    if (!this.#core.members.hasRemoteJoined()) return
    this.#receipts.set(keyOf(receipt), receipt)
    const waitMs = this.#receiptsSentAt + RECEIPT_PAUSE_MS - this.#core.nowMs()
    if (waitMs <= 0 || this.#receipts.size >= MAX_WAITING_RECEIPTS) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), waitMs)
  }

  /** A user of this server types, or has stopped. */
  typing(userId: string, isTyping: boolean): void {
    const reportedAt = this.#typing.get(userId)
    const now = this.#core.nowMs()
    if (isTyping ? reportedAt !== undefined && now - reportedAt < TYPING_REPEAT_MS : reportedAt === undefined) return
    if (isTyping) this.#typing.set(userId, now)
    else this.#typing.delete(userId)
    const roomId = this.#core.roomId
    const body = edu('m.typing', { room_id: roomId, user_id: userId, typing: isTyping })
    const edus = [{ type: 'm.typing', key: JSON.stringify([roomId, userId]), body }]
    this.#tell(MAX_SERVERS_TYPING, (queue) => queue.sendFleetingEdus(edus))
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { roomId } = this.#core
    const edus = [...this.#receipts].map(([key, { userId, eventId, ts, thread }]) => {
      const data = thread === '' ? { ts } : { ts, thread_id: thread }
      const content = { [roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data } } } }
      return { type: 'm.receipt', key: JSON.stringify([roomId, key]), body: edu('m.receipt', content) }
    })
    this.#receipts.clear()
    this.#receiptsSentAt = this.#core.nowMs()
    this.#tell(MAX_SERVERS_RECEIPTS, (queue) => queue.sendEdus(edus))
  }

  #tell(maxServers: number, tell: (queue: EphemeralQueue) => Promise<unknown>): void {
    const servers = this.#core.members.joinedServers('', maxServers + 1)
    if (servers.length > maxServers) return
    const allowed = servers.filter((serverName) => isServerAllowed(this.#core, serverName))
    const work = async (serverName: string): Promise<void> => {
      try {
        await tell(this.#queueOf(serverName))
      } catch (cause) {
        log.debug('the queue of another server did not take what is worth something only now', cause)
      }
    }
    this.#core.ctx.waitUntil(inTurns(allowed, PARALLEL_SERVERS, work))
  }
}

function keyOf({ userId, thread }: Receipt): string {
  return JSON.stringify([userId, thread])
}

function edu(type: string, content: JsonObject): string {
  return canonicalJson({ edu_type: type, content })
}
