import { Buffer } from 'node:buffer'
import { sha256 } from '../../matrix/crypto.ts'
import { isJsonObject } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import type { ParkedMessage } from '../sync-protocol.ts'
import { hasSlidingNews } from './sliding-wake.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import type { UserCore } from './user-core.ts'

/** Close codes, for whoever watches: the Worker goes by messages. */
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
}

/** How many polls wait. */
export function parkedCount(core: UserCore): number {
  return openSockets(core).length
}

/** Something happened: answers every parked poll whose token is older. */
export function wakeParked(core: UserCore): void {
  for (const socket of openSockets(core)) {
    try {
      wake(core, socket)
    } catch (cause) {
      log.error('a parked poll could not be answered', cause)
      socket.close(CLOSE_FAILED)
    }
  }
}

/** The same after the current transaction, for changes whose transaction somebody else holds. */
export function wakeParkedSoon(core: UserCore): void {
  queueMicrotask(() => wakeParked(core))
}

/** The device is going: whoever waits for it must ask again, and will be refused. Called inside the transaction. */
export function closeParkedOf(core: UserCore, deviceId: string): void {
  queueMicrotask(() => {
    for (const socket of openSockets(core, deviceTag(deviceId))) answer(socket, { kind: 'again' })
  })
}

function wake(core: UserCore, socket: WebSocket): void {
  const attachment = readAttachment(socket)
  if (attachment === undefined) throw new Error('a parked poll without its attachment')
  const { deviceId, since: text, filter, sliding } = attachment
  if (sliding !== undefined) {
    if (hasSlidingNews(core, { deviceId, connectionId: sliding, pos: text })) answer(socket, { kind: 'again' })
    return
  }
  const since = parseSyncToken(core.config, core.userId, deviceId, text)
  if (attachment.again || core.feedKeeper.mustResume(since)) {
    answer(socket, { kind: 'again' })
    return
  }
  const plan = planSync(core, deviceId, since, { since: text, fullState: false, filter }, false)
  if (plan.empty) return
  // Counts must come with the events that they count.
  const isBehind = plan.rooms.some(({ roomId }) => core.unread.behind.has(roomId))
  answer(socket, isBehind ? { kind: 'again' } : { kind: 'plan', plan })
}

/** Answers polls of one connection whose client has gone on without them. */
export function replaceParked(core: UserCore, deviceId: string, connectionId: string): void {
  for (const socket of openSockets(core, deviceTag(deviceId))) {
    if (readAttachment(socket)?.connectionId === connectionId) answer(socket, { kind: 'replaced' })
  }
}

/** Says the one thing that a parked poll is waiting for. */
export function answer(socket: WebSocket, message: ParkedMessage): void {
  socket.send(JSON.stringify(message))
  socket.close(CLOSE_ANSWERED)
}

/** Parked polls that have not been answered; closed sockets are listed by the platform until the other side has closed too. */
export function openSockets(core: UserCore, tag?: string): WebSocket[] {
  const sockets = tag === undefined ? core.ctx.getWebSockets() : core.ctx.getWebSockets(tag)
  return sockets.filter((socket) => socket.readyState === WebSocket.OPEN)
}

/** Device IDs that are their own tags; the platform takes tags of 256 characters. */
const SIMPLE_DEVICE_ID = /^[\x21-\x7e]{1,200}$/

/** The tag of a device's sockets; device IDs themselves may be longer than tags. */
export function deviceTag(deviceId: string): string {
  if (SIMPLE_DEVICE_ID.test(deviceId)) return `id:${deviceId}`
  return `device:${Buffer.from(sha256(deviceId)).toString('base64url')}`
}

/** What was attached when the poll was parked. */
export function readAttachment(socket: WebSocket): Attachment | undefined {
  const value: unknown = socket.deserializeAttachment()
  if (!isJsonObject(value)) return undefined
  const { deviceId, connectionId, parkedMs, since, filter, again, sliding } = value
  if (typeof deviceId !== 'string' || typeof connectionId !== 'string' || typeof parkedMs !== 'number' || typeof since !== 'string') {
    return undefined
  }
  const attachment = { deviceId, connectionId, parkedMs, since, filter: typeof filter === 'string' ? filter : undefined }
  if (typeof sliding === 'string') return { ...attachment, sliding }
  return again === true ? { ...attachment, again } : attachment
}
