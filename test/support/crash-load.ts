import { type MatrixClient, MatrixRequestError } from './matrix-client.ts'

/** Pause before a request that got no answer is repeated, in milliseconds. */
const RETRY_MS = 20
/** How long a request is repeated before the test gives up, in milliseconds. */
const GIVE_UP_MS = 60_000

/** A stream of fractions in [0, 1) that a seed determines (mulberry32). */
export function seededFractions(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The seed of this run: `MYELIN_TEST_SEED`, or always the same one. */
export function testSeed(): number {
  return Number(process.env.MYELIN_TEST_SEED ?? 20_261)
}

/** Repeats a request until it is answered: broken connections and failures of the server (5xx) are no answers, refusals are. */
export async function persistently<T>(body: () => Promise<T>): Promise<T> {
  for (const endMs = performance.now() + GIVE_UP_MS; ; ) {
    try {
      return await body()
    } catch (cause) {
      if (cause instanceof MatrixRequestError && cause.status < 500) throw cause
      if (performance.now() > endMs) throw cause
      await pause(RETRY_MS)
    }
  }
}

/** Waits. Only for what has no event to wait for: a crash at an instant, a room that stays silent. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Waits until a check passes, trying again and again; at the deadline throws what the check threw last. */
export async function eventually<T>(deadlineMs: number, check: () => Promise<T> | T): Promise<T> {
  for (const endMs = performance.now() + deadlineMs; ; ) {
    try {
      return await check()
    } catch (cause) {
      if (performance.now() > endMs) throw cause
      await pause(250)
    }
  }
}

/** A message that was sent; the server has acknowledged it once it has an `eventId`. */
export interface SentMessage {
  readonly client: MatrixClient
  readonly roomId: string
  readonly txnId: string
  readonly text: string
  eventId: string | undefined
}

/** Everything that a test has sent. Each text is sent once, whatever happens to the request. */
export class Ledger {
  readonly messages: SentMessage[] = []

  get acknowledged(): SentMessage[] {
    return this.messages.filter(({ eventId }) => eventId !== undefined)
  }

  /** Sends a new message until it is acknowledged. */
  async send(client: MatrixClient, roomId: string, text = `message ${this.messages.length}`): Promise<string> {
    const message: SentMessage = { client, roomId, txnId: client.nextTransaction(), text, eventId: undefined }
    this.messages.push(message)
    const eventId = await persistently(() => client.send(roomId, text, message.txnId))
    message.eventId = eventId
    return eventId
  }
}

/** Sends to random rooms, one message after the other, and now and then the same transaction again, until `signal` says stop. */
export async function sendUntilStopped(
  client: MatrixClient,
  roomIds: readonly string[],
  ledger: Ledger,
  fraction: () => number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const roomId = roomIds[Math.floor(fraction() * roomIds.length)] ?? ''
    await ledger.send(client, roomId)
    const earlier = ledger.acknowledged[Math.floor(fraction() * ledger.acknowledged.length)]
    if (earlier !== undefined && earlier.client === client && fraction() < 0.3) await sendAgain(earlier)
    await pause(fraction() * 30)
  }
}

/** Sends a transaction again. @throws Error when it becomes another event. */
export async function sendAgain(message: SentMessage): Promise<void> {
  const eventId = await persistently(() => message.client.send(message.roomId, message.text, message.txnId))
  if (eventId !== message.eventId) throw new Error(`transaction ${message.txnId} was ${message.eventId} and is now ${eventId}`)
}
