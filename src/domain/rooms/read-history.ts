import type { Caller } from '../../durable/protocol.ts'
import type { GapResult } from '../../durable/repair/repair-object.ts'
import type { MessagesRequest } from '../../durable/room/read/messages.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { withDeadline } from '../federation/with-deadline.ts'

/** How long a page of history waits for other servers. What is under way goes on, and the client finds it when it asks again. */
const FILL_TIMEOUT_MS = 20_000
/** Batches of history fetched for one page. */
const MAX_BATCHES = 16

/**
 * A page of `GET /rooms/{roomId}/messages` as JSON text, with what is missing fetched from other servers first. What nobody has now ends the page, or is passed
 * over where the page would be empty: it may be had later.
 * @throws MatrixError M_UNKNOWN (504) where there is nothing to show yet because it is still being fetched.
 */
export async function readHistory(ctx: RequestContext, roomId: string, caller: Caller, request: MessagesRequest): Promise<string> {
  const end = nowMs() + FILL_TIMEOUT_MS
  let page = unwrap(await ctx.objects.room(roomId).messages(caller, request))
  for (let batches = 0; page.gapOrd !== undefined && batches < MAX_BATCHES; batches += 1) {
    // A Repair that ends in the middle has stored what it had.
    const filling = ctx.objects.repair(roomId).fillGap(page.gapOrd)
    const result = await withDeadline(
      filling.catch((): GapResult => 'failed'),
      end - nowMs(),
    )
    if (result === 'late') {
      if (!page.isEmpty) return page.json
      throw new MatrixError(504, 'M_UNKNOWN', 'The history is still being fetched')
    }
    if (result === 'failed') {
      if (!page.isEmpty) return page.json
      page = unwrap(await ctx.objects.room(roomId).messages(caller, { ...request, skipGaps: true }))
    } else page = unwrap(await ctx.objects.room(roomId).messages(caller, request))
  }
  return page.json
}
