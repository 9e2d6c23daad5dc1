import type { KeyCounts, ParkRequest, SyncPlan } from '../../../durable/sync-protocol.ts'
import { formatParkHeader, PARK_HEADER, PARKED_HEADER, type ParkAnswer, type Parked } from '../../../durable/user/parking.ts'
import type { RequestContext } from '../../context.ts'
import { waitAt } from '../waiting.ts'

/** How waiting ended: with a plan, with the wish to be asked again, or with nothing new. */
export type Waited = { readonly kind: 'plan'; readonly plan: SyncPlan } | { readonly kind: 'again' } | Over

/** Nothing new: where the client is, and how its keys stood when it began to wait. */
export interface Over {
  readonly kind: 'over'
  readonly nextBatch: string
  readonly keyCounts: KeyCounts
}

/**
 * Waits until there is something to tell, at most `timeoutMs`.
 * @throws MatrixError what the account refuses with.
 */
export async function waitParked(ctx: RequestContext, request: ParkRequest, timeoutMs: number, isFirst: boolean): Promise<Waited> {
  const { answer, told } = await waitAt<ParkAnswer>(
    ctx,
    {
      inMemory: (account, credential, pollId) => account.park({ credential, request }, pollId),
      headers: (credential) => ({ [PARK_HEADER]: formatParkHeader({ credential, request }) }),
      onSocket: parkedFrom,
      isParked: ({ kind }) => kind === 'parked',
    },
    timeoutMs,
    isFirst,
  )
  if (answer.kind === 'plan') return answer
  return told === undefined || told === 'over' ? { ...answer, kind: 'over' } : told
}

function parkedFrom(headers: Headers): Parked {
  const parked: Parked = JSON.parse(decodeURIComponent(headers.get(PARKED_HEADER) ?? ''))
  return parked
}
