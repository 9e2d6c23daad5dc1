import { Buffer } from 'node:buffer'
import { sha256 } from '../../matrix/crypto.ts'
import { isJsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { ParkedMessage } from '../sync-protocol.ts'
import { type WaitingPoll, waitingPolls } from '../waiting-polls.ts'
import type { PresenceNote } from './presence/presence.ts'
import type { UserCore } from './user-core.ts'

/** Close codes, for whoever watches: the Worker goes by messages, and by their absence. */
const CLOSE_ANSWERED = 1000
/** Something went wrong here; asking again will tell. */
const CLOSE_FAILED = 1011

/** What survives hibernation of one parked poll. */
export interface Attachment {
  readonly deviceId: string
  readonly connectionId: string
  readonly parkedMs: number
  readonly since: string
  /** The filter as the client gave it. Absent: none, unless `again`. */
  readonly filter?: string | undefined
  /** The filter was too long to keep: the Worker has to ask again whenever something happens. */
  readonly again?: true
  /** A poll of sliding sync: the connection as the client named it. */
  readonly sliding?: string
  /** How the user was, for the object's next life. */
  readonly presence?: PresenceNote
}

/** A poll that waits: on a socket, or in the memory of the isolate that it shares with its Worker. */
export interface ParkedPoll {
  /** What was attached, unparsed. */
  readonly attachment: unknown
  /** Attaches something else. */
  attach(attachment: Attachment): void
  /** Says the one thing that the poll waits for. */
  answer(message: ParkedMessage): void
  /** Lets go of a poll that could not be answered: its Worker asks again. Never throws. */
  drop(): void
}

class SocketPoll implements ParkedPoll {
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get attachment(): unknown {
    return this.#socket.deserializeAttachment()
  }

  attach(attachment: Attachment): void {
    this.#socket.serializeAttachment(attachment)
  }

  answer(message: ParkedMessage): void {
    this.#socket.send(JSON.stringify(message))
    this.#socket.close(CLOSE_ANSWERED)
  }

  drop(): void {
    this.#socket.close(CLOSE_FAILED)
  }
}

class MemoryPoll implements ParkedPoll {
  readonly #core: UserCore
  readonly #poll: WaitingPoll

  constructor(core: UserCore, poll: WaitingPoll) {
    this.#core = core
    this.#poll = poll
  }

  get attachment(): unknown {
    return this.#poll.attachment
  }

  attach(attachment: Attachment): void {
    this.#poll.attachment = attachment
  }

  answer(message: ParkedMessage): void {
    const { userId, presence } = this.#core
    waitingPolls.tell(userId, this.#poll.id, message)
    // Of a socket the platform says that it has closed.
    presence?.closed(this.#poll.attachment)
  }

  drop(): void {
    waitingPolls.tell(this.#core.userId, this.#poll.id, { kind: 'again' })
  }
}

/** What a poll waits on: the object's end of a socket, or the ID of a request in the same isolate. */
export type Place = WebSocket | string

/** Keeps a poll waiting. */
export function keepParked(core: UserCore, place: Place, attachment: Attachment): void {
  if (typeof place === 'string') {
    waitingPolls.park(core.userId, { id: place, sinceMs: nowMs(), attachment })
    return
  }
  core.ctx.acceptWebSocket(place, [deviceTag(attachment.deviceId)])
  place.serializeAttachment(attachment)
}

/** Parked polls that have not been answered, of one device or of all. */
export function parkedPolls(core: UserCore, deviceId?: string): ParkedPoll[] {
  if (core.config.isolates === 'one') {
    const polls = waitingPolls.of(core.userId, nowMs())
    const wanted = deviceId === undefined ? polls : polls.filter(({ attachment }) => readAttachment(attachment)?.deviceId === deviceId)
    return wanted.map((poll) => new MemoryPoll(core, poll))
  }
  const sockets = deviceId === undefined ? core.ctx.getWebSockets() : core.ctx.getWebSockets(deviceTag(deviceId))
  // Closed sockets are listed by the platform until the other side has closed too.
  return sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).map((socket) => new SocketPoll(socket))
}

/** How many polls wait. */
export function parkedCount(core: UserCore): number {
  return core.config.isolates === 'one' ? waitingPolls.of(core.userId, nowMs()).length : parkedPolls(core).length
}

/** Device IDs that are their own tags; the platform takes tags of 256 characters. */
const SIMPLE_DEVICE_ID = /^[\x21-\x7e]{1,200}$/

/** The tag of a device's sockets; device IDs themselves may be longer than tags. */
function deviceTag(deviceId: string): string {
  if (SIMPLE_DEVICE_ID.test(deviceId)) return `id:${deviceId}`
  return `device:${Buffer.from(sha256(deviceId)).toString('base64url')}`
}

/** What was attached when the poll was parked. How the user was is not looked at. */
export function readAttachment(value: unknown): Omit<Attachment, 'presence'> | undefined {
  if (!isJsonObject(value)) return undefined
  const { deviceId, connectionId, parkedMs, since, filter, again, sliding } = value
  if (typeof deviceId !== 'string' || typeof connectionId !== 'string' || typeof parkedMs !== 'number' || typeof since !== 'string') {
    return undefined
  }
  const attachment = { deviceId, connectionId, parkedMs, since, filter: typeof filter === 'string' ? filter : undefined }
  if (typeof sliding === 'string') return { ...attachment, sliding }
  return again === true ? { ...attachment, again } : attachment
}
