import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'

/** Events asked for in one call; a room refuses more. */
const PDUS_PER_CALL = 400

/** PDUs of IDs that a room has just named to a server, as JSON joined by commas. */
export async function pduListJson(ctx: RequestContext, roomId: string, eventIds: readonly string[]): Promise<string> {
  const parts: string[] = []
  for (let start = 0; start < eventIds.length; start += PDUS_PER_CALL) {
    const part = unwrap(await ctx.objects.room(roomId).pdusById(eventIds.slice(start, start + PDUS_PER_CALL)))
    if (part !== '') parts.push(part)
  }
  return parts.join(',')
}
