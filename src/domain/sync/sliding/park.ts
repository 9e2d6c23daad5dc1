import { formatSlidingParkHeader, SLIDING_PARK_HEADER } from '../../../durable/user/sliding-park.ts'
import { countCost } from '../../../runtime/metrics.ts'
import { type Outcome, unwrap } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'
import { parkPoll } from '../parked-polls.ts'

/** A poll that another one has replaced answers after this; see `../v3/park.ts`. */
const REPLACED_PAUSE_MS = 1_000

/** How waiting ended: something may have happened, or nothing has. */
export type Waited = 'again' | 'over'

/**
 * Waits on a hibernating WebSocket of the account's object until there may be something to tell, at most `timeoutMs`.
 * @throws MatrixError what the account refuses with.
 */
export async function waitForNews(ctx: RequestContext, connectionId: string, pos: string, timeoutMs: number): Promise<Waited> {
  const response = await ctx.upgrade(
    (credential) => ({ [SLIDING_PARK_HEADER]: formatSlidingParkHeader({ credential, connectionId, pos }) }),
    false,
  )
  const { webSocket: socket } = response
  if (socket === null) {
    const outcome: Outcome<'again'> = await response.json()
    return unwrap(outcome)
  }
  countCost('park', ctx.requestId)
  let timer: ReturnType<typeof setTimeout> | undefined
  let replaced: ReturnType<typeof setTimeout> | undefined
  let unpark: (() => void) | undefined
  try {
    return await new Promise<Waited>((resolve) => {
      timer = setTimeout(() => resolve('over'), timeoutMs)
      socket.addEventListener('message', ({ data }) => {
        if (isReplaced(data)) replaced = setTimeout(() => resolve('over'), REPLACED_PAUSE_MS)
        else resolve('again')
      })
      socket.addEventListener('close', () => {
        if (replaced === undefined) resolve('again')
      })
      socket.addEventListener('error', () => resolve('again'))
      socket.accept()
      unpark = parkPoll(() => resolve('over'))
    })
  } finally {
    clearTimeout(timer)
    clearTimeout(replaced)
    unpark?.()
    socket.close()
  }
}

function isReplaced(data: string | ArrayBuffer): boolean {
  const message: { readonly kind: string } = JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data))
  return message.kind === 'replaced'
}
