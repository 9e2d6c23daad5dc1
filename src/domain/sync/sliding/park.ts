import { formatSlidingParkHeader, SLIDING_PARK_HEADER, type SlidingParkAnswer } from '../../../durable/user/sliding-park.ts'
import type { RequestContext } from '../../context.ts'
import { waitAt } from '../waiting.ts'

/** How waiting ended: something may have happened, or nothing has. */
export type Waited = 'again' | 'over'

/**
 * Waits until there may be something to tell, at most `timeoutMs`.
 * @throws MatrixError what the account refuses with.
 */
export async function waitForNews(ctx: RequestContext, connectionId: string, pos: string, timeoutMs: number): Promise<Waited> {
  const { told } = await waitAt<SlidingParkAnswer>(
    ctx,
    {
      inMemory: (account, credential, pollId) => account.parkSliding({ credential, connectionId, pos }, pollId),
      headers: (credential) => ({ [SLIDING_PARK_HEADER]: formatSlidingParkHeader({ credential, connectionId, pos }) }),
      onSocket: () => 'parked',
      isParked: (answer) => answer === 'parked',
    },
    timeoutMs,
    false,
  )
  return told === 'over' ? 'over' : 'again'
}
