import { isSlidingToken } from '../../durable/user/sliding-token.ts'
import { invalidParam } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'

/** How sync tokens begin. */
const SYNC_TOKEN_PREFIX = 's1.'
/** How a room's own pagination tokens begin. */
const ROOM_TOKEN_PREFIX = 'p'
const MAX_TOKEN_CHARS = 1024

/**
 * A token of a client as a room understands it: its own pagination tokens as they are, sync tokens as the position in the room that they stand for.
 * @throws MatrixError M_INVALID_PARAM for anything else.
 */
export async function resolvePositionToken(ctx: RequestContext, roomId: string, token: string | undefined): Promise<string | undefined> {
  if (token === undefined || token === '') return undefined
  if (token.length > MAX_TOKEN_CHARS) throw invalidParam('That is not a pagination token')
  if (token.startsWith(SYNC_TOKEN_PREFIX) || isSlidingToken(token))
    return `pos:${unwrap(await ctx.session.resolveSyncToken(token, roomId))}`
  // The form that sync tokens are resolved to is not for clients.
  if (!token.startsWith(ROOM_TOKEN_PREFIX) || token.startsWith('pos:')) throw invalidParam('That is not a pagination token')
  return token
}
