import type { Caller } from '../../durable/protocol.ts'
import type { GapResult } from '../../durable/repair/repair-object.ts'
import type { NearTimeAnswer, NearTimeRequest } from '../../durable/room/read/event-near-time.ts'
import { notFound } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { withDeadline } from '../federation/with-deadline.ts'

/** How long other servers are waited for. What is under way goes on, and the client finds it when it asks again. */
const FILL_TIMEOUT_MS = 20_000
/** Batches of history fetched on the way to a time. */
const MAX_BATCHES = 16

/**
 * The event closest to a time that the caller may read. Where history is missing around that time it is fetched first, so that what is found can be shown with what surrounds
 * it; what cannot be had in time is left out. @throws MatrixError M_NOT_FOUND.
 */
export async function findEventNearTime(
  ctx: RequestContext,
  roomId: string,
  caller: Caller,
  request: NearTimeRequest,
): Promise<NearTimeAnswer> {
  const end = nowMs() + FILL_TIMEOUT_MS
  const ask = async () => unwrap(await ctx.objects.room(roomId).eventNearTime(caller, request))
  let found = await ask()
  for (let batches = 0; found.gapOrd !== undefined && batches < MAX_BATCHES; batches += 1) {
    const filling = ctx.objects.repair(roomId).fillGap(found.gapOrd)
    const result = await withDeadline(
      filling.catch((): GapResult => 'failed'),
      end - nowMs(),
    )
    if (result !== 'filled') break
    found = await ask()
  }
  if (found.event === undefined) throw notFound('No event is near that time')
  return found.event
}
