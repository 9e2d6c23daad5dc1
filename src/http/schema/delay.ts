import * as z from 'zod'
import { queryInteger } from './query.ts'

const DELAY = 'org.matrix.msc4140.delay'

/** Query of requests whose event may be sent later (MSC4140): milliseconds as `delayMs`. */
export const delayQuery = z.object({ [DELAY]: queryInteger().optional() }).transform((query) => ({ delayMs: query[DELAY] }))

/** Whether a request wants its event to be sent later: repeated with its transaction ID it need not say again what is to be sent. */
export function isDelayed(request: Request): boolean {
  return request.url.includes(`${DELAY}=`)
}
