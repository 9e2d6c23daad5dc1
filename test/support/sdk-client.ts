import { ClientEvent, createClient, type IStartClientOpts, type MatrixClient, type MatrixEvent, type Room, SyncState } from 'matrix-js-sdk'
import { type BaseLogger, logger as globalLogger } from 'matrix-js-sdk/lib/logger.js'
import type { Login } from './matrix-client.ts'

/** How long a client may take to have done its first sync, in milliseconds. */
const PREPARED_WITHIN_MS = 60_000
/** How often conditions are looked at, in milliseconds. */
const POLL_MS = 20
/** Pages that {@link scrollToStart} reads at most. */
const MAX_PAGES = 200

const silent = (): void => undefined
const quietLogger: BaseLogger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }
/** Says nothing. */
export const logger = { ...quietLogger, getChild: () => logger }
// Parts of the SDK do not use the logger that a client is given.
Object.assign(globalLogger, quietLogger, { log: silent })

/** Registers with matrix-js-sdk (open registration, dummy stage). */
export async function registerWithSdk(baseUrl: string, username: string, password: string): Promise<Login> {
  const answer = await createClient({ baseUrl, logger }).registerRequest({ username, password, auth: { type: 'm.login.dummy' } })
  return { userId: answer.user_id, deviceId: answer.device_id ?? '', accessToken: answer.access_token ?? '' }
}

/** Logs in with matrix-js-sdk. */
export async function logInWithSdk(baseUrl: string, user: string, password: string): Promise<Login> {
  const identifier = { type: 'm.id.user', user }
  const answer = await createClient({ baseUrl, logger }).loginRequest({ type: 'm.login.password', identifier, password })
  return { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token }
}

/** An unmodified matrix-js-sdk client that has done its first sync. The caller stops it. */
export async function startSdkClient(baseUrl: string, login: Login, options: IStartClientOpts = {}): Promise<MatrixClient> {
  const client = createClient({ baseUrl, ...login, logger })
  const prepared = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${login.userId} has not synced`)), PREPARED_WITHIN_MS)
    client.on(ClientEvent.Sync, (state) => {
      if (state !== SyncState.Prepared) return
      clearTimeout(timer)
      resolve()
    })
  })
  await client.startClient({ initialSyncLimit: 20, ...options })
  await prepared
  return client
}

/** Waits until a condition holds. @throws Error naming `what` at the deadline. */
export async function waitUntil(what: string, condition: () => boolean, deadlineMs = 60_000): Promise<void> {
  for (const endMs = performance.now() + deadlineMs; !condition(); ) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen within ${deadlineMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** A room that the client must know. */
export function sdkRoom(client: MatrixClient, roomId: string): Room {
  const room = client.getRoom(roomId)
  if (room === null) throw new Error(`${client.getUserId()} does not know ${roomId}`)
  return room
}

/** Events of the room's live timeline, oldest first. */
export function liveEvents(client: MatrixClient, roomId: string): MatrixEvent[] {
  return sdkRoom(client, roomId).getLiveTimeline().getEvents()
}

/** Texts of the messages in the live timeline, oldest first. */
export function liveTexts(client: MatrixClient, roomId: string): string[] {
  return liveEvents(client, roomId).flatMap((event) => (event.getType() === 'm.room.message' ? [String(event.getContent().body)] : []))
}

/** Scrolls back until the room starts, the way a client's window does. */
export async function scrollToStart(client: MatrixClient, roomId: string): Promise<void> {
  const room = sdkRoom(client, roomId)
  for (let page = 0; room.oldState.paginationToken !== null; page += 1) {
    if (page >= MAX_PAGES) throw new Error(`${roomId} has no start`)
    await client.scrollback(room, 30)
  }
}
