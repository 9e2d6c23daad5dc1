import type { Handler } from 'hono'
import { releaseParkedPolls } from '../../domain/sync/parked-polls.ts'
import { jsonResponse } from '../../http/json-response.ts'
import type { Env } from '../../runtime/bindings.ts'
import { outgoingUnderWay, requestsInFlight, startDraining } from '../../runtime/draining.ts'

/** How long requests may take to finish, in milliseconds; a little less than the self-hosting program waits for this answer. */
const DRAIN_LIMIT_MS = 4500
/** How long what is on its way to other servers may take: one that does not answer would delay every stop. */
const OUTGOING_LIMIT_MS = 2000
const POLL_MS = 10

/**
 * `POST /_myelin/control/drain`: waiting polls answer now, nothing new is parked, and once every request has been answered and the queues of other servers
 * have been emptied as far as those answer (or the limits are reached) so is this one. What was acknowledged is durable already; draining only spares clients a
 * broken connection, and other servers a delay.
 */
export const drain: Handler<{ Bindings: Env }> = async () => {
  startDraining()
  const released = releaseParkedPolls()
  const isBusy = (waitedMs: number): boolean => requestsInFlight() > 0 || (outgoingUnderWay() > 0 && waitedMs < OUTGOING_LIMIT_MS)
  for (let waitedMs = 0; isBusy(waitedMs) && waitedMs < DRAIN_LIMIT_MS; waitedMs += POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return jsonResponse({ released, requestsInFlight: requestsInFlight() })
}
