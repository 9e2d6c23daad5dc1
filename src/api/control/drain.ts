import type { Handler } from 'hono'
import { releaseParkedPolls } from '../../domain/sync/parked-polls.ts'
import { jsonResponse } from '../../http/json-response.ts'
import type { Env } from '../../runtime/bindings.ts'
import { requestsInFlight, startDraining } from '../../runtime/draining.ts'

/** How long requests may take to finish, in milliseconds; a little less than the self-hosting program waits for this answer. */
const DRAIN_LIMIT_MS = 4500
const POLL_MS = 10

/**
 * `POST /_myelin/control/drain`: waiting polls answer now, nothing new is parked, and once every request has been answered (or the limit
 * is reached) so is this one. What was acknowledged is durable already; draining only spares clients a broken connection.
 */
export const drain: Handler<{ Bindings: Env }> = async () => {
  startDraining()
  const released = releaseParkedPolls()
  for (let waitedMs = 0; requestsInFlight() > 0 && waitedMs < DRAIN_LIMIT_MS; waitedMs += POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return jsonResponse({ released, requestsInFlight: requestsInFlight() })
}
