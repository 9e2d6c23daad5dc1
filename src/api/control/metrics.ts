import type { Handler } from 'hono'
import { parkedPollCount } from '../../domain/sync/parked-polls.ts'
import { jsonResponse } from '../../http/json-response.ts'
import type { Env } from '../../runtime/bindings.ts'
import { requestsInFlight } from '../../runtime/draining.ts'
import { costTotals } from '../../runtime/metrics.ts'

/** `GET /_myelin/control/metrics`: what has been spent since this isolate started, and what it is busy with. */
export const metrics: Handler<{ Bindings: Env }> = () =>
  jsonResponse({ costs: { ...costTotals() }, requestsInFlight: requestsInFlight(), parkedPolls: parkedPollCount() })
