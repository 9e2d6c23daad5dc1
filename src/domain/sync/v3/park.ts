import type { KeyCounts, ParkedMessage, ParkRequest, SyncPlan } from '../../../durable/sync-protocol.ts'
import { formatParkHeader, KEY_COUNTS_HEADER, NEXT_BATCH_HEADER, PARK_HEADER } from '../../../durable/user/parking.ts'
import { countCost } from '../../../runtime/metrics.ts'
import { type Outcome, unwrap } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'
import { parkPoll } from '../parked-polls.ts'

/**
 * A poll that another one has replaced answers after this. Usually its client has gone, which nobody tells us. If not, two clients share a device,
 * and would replace each other's polls as fast as they can ask.
 */
const REPLACED_PAUSE_MS = 1_000

/**
 * How waiting ended: with a plan, with the wish to be asked again, or with nothing new because the time is up, the server stops or another poll of
 * the same connection has taken this one's place.
 */
export type Waited = { readonly kind: 'plan'; readonly plan: SyncPlan } | { readonly kind: 'again' } | Over

/** Nothing new: where the client is, and how its keys stood when it began to wait. */
export interface Over {
  readonly kind: 'over'
  readonly nextBatch: string
  readonly keyCounts: KeyCounts
}

/**
 * Waits on a hibernating WebSocket of the account's object until there is something to tell, at most `timeoutMs`. The object sleeps meanwhile; the
 * time is kept here.
 * @throws MatrixError what the account refuses with.
 */
export async function waitParked(ctx: RequestContext, request: ParkRequest, timeoutMs: number, isFirst: boolean): Promise<Waited> {
  const response = await ctx.upgrade((credential) => ({ [PARK_HEADER]: formatParkHeader({ credential, request }) }), isFirst)
  const { webSocket: socket } = response
  if (socket === null) {
    const outcome: Outcome<SyncPlan> = await response.json()
    return { kind: 'plan', plan: unwrap(outcome) }
  }
  countCost('park', ctx.requestId)
  const nextBatch = response.headers.get(NEXT_BATCH_HEADER) ?? request.since
  const keyCounts: KeyCounts = JSON.parse(decodeURIComponent(response.headers.get(KEY_COUNTS_HEADER) ?? ''))
  return waitOn(socket, { kind: 'over', nextBatch, keyCounts }, timeoutMs)
}

async function waitOn(socket: WebSocket, over: Over, timeoutMs: number): Promise<Waited> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let unpark: (() => void) | undefined
  try {
    return await new Promise<Waited>((resolve) => {
      let isReplaced = false
      const again = (): void => (isReplaced ? undefined : resolve({ kind: 'again' }))
      timer = setTimeout(() => resolve(over), timeoutMs)
      socket.addEventListener('message', ({ data }) => {
        const message = parseMessage(data)
        if (message.kind !== 'replaced') return resolve(message)
        isReplaced = true
        clearTimeout(timer)
        timer = setTimeout(() => resolve(over), Math.min(REPLACED_PAUSE_MS, timeoutMs))
      })
      // Without a message the object has ended, or failed.
      socket.addEventListener('close', again)
      socket.addEventListener('error', again)
      socket.accept()
      unpark = parkPoll(() => resolve(over))
    })
  } finally {
    clearTimeout(timer)
    unpark?.()
    socket.close()
  }
}

function parseMessage(data: string | ArrayBuffer): ParkedMessage {
  const message: ParkedMessage = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
  return message
}
