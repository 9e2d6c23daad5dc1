import type { UserStub } from '../../durable/objects.ts'
import type { ParkedMessage } from '../../durable/sync-protocol.ts'
import type { Credential } from '../../durable/user/tokens.ts'
import { waitingPolls } from '../../durable/waiting-polls.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { type Outcome, unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { parkPoll } from './parked-polls.ts'

/**
 * A poll that another one has replaced answers after this. Usually its client has gone, which nobody tells us. If not, two clients share a device,
 * and would replace each other's polls as fast as they can ask.
 */
const REPLACED_PAUSE_MS = 1_000

/** A way to let a poll wait: in the isolate's memory, or on a socket. */
export interface ParkingPlace<Answer> {
  /** Asks an account in this isolate to keep the poll under an ID. */
  readonly inMemory: (account: UserStub, credential: Credential, pollId: string) => Promise<Outcome<Answer>>
  /** Headers of the request that asks an account elsewhere for a socket. */
  readonly headers: (credential: Credential) => Readonly<Record<string, string>>
  /** What the socket's answer says, where there is a socket. */
  readonly onSocket: (headers: Headers) => Answer
  /** Whether the poll waits. */
  readonly isParked: (answer: Answer) => boolean
}

/** What waiting has come to: nothing, because the time is up, the server stops or another poll has taken this one's place; or what the account says. */
export type Told = 'over' | Exclude<ParkedMessage, { readonly kind: 'replaced' }>

/** What the account answered at once; `told` where the poll waited. */
export interface Waited<Answer> {
  readonly answer: Answer
  readonly told: Told | undefined
}

/** Something that a poll waits on. */
interface Line {
  readonly told: Promise<ParkedMessage>
  /** The poll has ended. */
  readonly close: () => void
}

/**
 * Lets a poll wait at its account until there is something to tell, at most `timeoutMs`. The object sleeps meanwhile; the time is kept here. Only the first of
 * several calls of a request counts against the limit on requests.
 * @throws MatrixError what the account refuses with.
 */
export async function waitAt<Answer>(
  ctx: RequestContext,
  place: ParkingPlace<Answer>,
  timeoutMs: number,
  isFirst: boolean,
): Promise<Waited<Answer>> {
  const { answer, line } = await (ctx.config.isolates === 'one' ? parkInMemory(ctx, place, isFirst) : parkOnSocket(ctx, place, isFirst))
  if (line === undefined) return { answer, told: undefined }
  countCost('park', ctx.requestId)
  return { answer, told: await waitOn(line, timeoutMs) }
}

/** What the account answered, and the line where the poll waits. */
interface Parking<Answer> {
  readonly answer: Answer
  readonly line: Line | undefined
}

async function parkInMemory<Answer>(ctx: RequestContext, place: ParkingPlace<Answer>, isFirst: boolean): Promise<Parking<Answer>> {
  const { account, userId, credential } = ctx.presentTo(isFirst)
  const { id, told } = waitingPolls.request()
  const close = (): void => {
    const attachment = waitingPolls.leave(userId, id)
    // Who is there is all that an account wants to know of polls that end by themselves.
    if (attachment === undefined || !ctx.config.presence) return
    ctx.waitUntil(
      ctx.objects
        .user(userId)
        .pollEnded(attachment)
        .catch((cause: unknown) => log.debug('an account could not be told that a poll has ended', cause)),
    )
  }
  try {
    const answer = unwrap(await place.inMemory(account, credential, id))
    if (place.isParked(answer)) return { answer, line: { told, close } }
    close()
    return { answer, line: undefined }
  } catch (cause) {
    close()
    throw cause
  }
}

async function parkOnSocket<Answer>(ctx: RequestContext, place: ParkingPlace<Answer>, isFirst: boolean): Promise<Parking<Answer>> {
  const { account, credential } = ctx.presentTo(isFirst)
  const response = await account.fetch('https://user/park', { headers: { ...place.headers(credential), Upgrade: 'websocket' } })
  const { webSocket } = response
  if (webSocket !== null) return { answer: place.onSocket(response.headers), line: lineOn(webSocket) }
  const outcome: Outcome<Answer> = await response.json()
  return { answer: unwrap(outcome), line: undefined }
}

function lineOn(socket: WebSocket): Line {
  const { promise: told, resolve } = Promise.withResolvers<ParkedMessage>()
  socket.addEventListener('message', ({ data }) => resolve(parseMessage(data)))
  // Without a message the object has ended, or failed.
  socket.addEventListener('close', () => resolve({ kind: 'again' }))
  socket.addEventListener('error', () => resolve({ kind: 'again' }))
  socket.accept()
  return { told, close: () => socket.close() }
}

async function waitOn(line: Line, timeoutMs: number): Promise<Told> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<'over'>()
  const unpark = parkPoll(() => stop('over'))
  let timer = setTimeout(() => stop('over'), timeoutMs)
  try {
    const told = await Promise.race([line.told, stopped])
    if (told === 'over' || told.kind !== 'replaced') return told
    clearTimeout(timer)
    timer = setTimeout(() => stop('over'), Math.min(REPLACED_PAUSE_MS, timeoutMs))
    return await stopped
  } finally {
    clearTimeout(timer)
    unpark()
    line.close()
  }
}

function parseMessage(data: string | ArrayBuffer): ParkedMessage {
  const message: ParkedMessage = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
  return message
}
