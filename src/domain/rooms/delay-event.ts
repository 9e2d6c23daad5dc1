import type { DelayAction } from '../../durable/user/delayed/delayed-events.ts'
import { badJson, forbidden, invalidParam, notFound } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { readToken } from '../../runtime/access-token.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { CANONICAL_ALIAS } from '../directory/aliases.ts'
import { requireGoodAliases } from '../directory/canonical-alias.ts'
import { listedRoom } from './access.ts'
import { requireExistingUser } from './local-users.ts'
import { checkedTxnId, redactsOf } from './send-event.ts'

/** An event that a client wants to be sent later. */
export interface EventToDelay {
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly delayMs: number
  readonly txnId: string | undefined
}

/** Leaves an event with the server; answers the delay's ID (MSC4140). What the room says of it is asked when its time has come. */
export async function delayEvent(ctx: RequestContext, roomId: string, event: EventToDelay): Promise<string> {
  const { type, stateKey, content } = event
  if (type === 'm.room.create') throw invalidParam('A room is created once')
  if (type === 'm.room.member' && stateKey !== undefined) await checkMembership(ctx, stateKey, content)
  if (type === CANONICAL_ALIAS && stateKey === '') {
    const { caller } = await listedRoom(ctx, roomId)
    await requireGoodAliases(ctx, caller, roomId, content)
  }
  const txnId = event.txnId === undefined ? undefined : checkedTxnId(event.txnId)
  return unwrap(await ctx.session.delayEvent({ ...event, roomId, txnId, redacts: redactsOf(event) }))
}

/** Coming into rooms, and letting others in, may need other servers, whose answer cannot be waited for later. */
async function checkMembership(ctx: RequestContext, target: string, { membership }: JsonObject): Promise<void> {
  if (!isUserId(target)) throw badJson('The state key of a membership is a user ID')
  if (membership !== 'leave' && membership !== 'ban') throw forbidden('Of memberships only leave and ban can be delayed')
  if (target !== ctx.claimedUserId) await requireExistingUser(ctx, target)
}

/**
 * Sends, cancels or restarts a delayed event. Its ID, which nobody can guess, is all that is asked for: calls hand it to the server that sees who is still there.
 * @throws MatrixError M_NOT_FOUND for what this server never issued, before any object is named.
 */
export async function manageDelayedEvent(ctx: RequestContext, delayId: string, action: DelayAction): Promise<void> {
  const claims = readToken(ctx.config, delayId)
  if (claims?.kind !== 'delay') throw notFound('There is no such delayed event')
  const userId = `@${claims.localpart}:${ctx.config.serverName}`
  unwrap(await ctx.objects.user(userId).manageDelayed(delayId, action, ctx.requestId))
}
