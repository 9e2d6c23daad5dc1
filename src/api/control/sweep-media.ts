import type { Handler } from 'hono'
import { sweepCopies } from '../../domain/media/sweep.ts'
import { jsonResponse } from '../../http/json-response.ts'
import type { Env } from '../../runtime/bindings.ts'

/** `POST /_myelin/control/sweep-media`: removes copies of other servers' files that are no longer to be kept. On Cloudflare a cron trigger does it. */
export const sweepMedia: Handler<{ Bindings: Env }> = async (c) => jsonResponse({ ...(await sweepCopies(c.env)) })
