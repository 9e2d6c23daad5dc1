import type { ThreadPlace } from '../../durable/room/read/thread-place.ts'
import type { ThreadKey } from '../../durable/user/thread-subscriptions.ts'
import { MatrixError, notFound } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { readableRoom } from '../rooms/access.ts'

/** Subscribes the caller to a thread (MSC4306); `cause` is the event because of which their client does so by itself. */
export async function subscribe(ctx: RequestContext, key: ThreadKey, cause: string | undefined): Promise<void> {
  const { causePos } = await placeOf(ctx, key, cause)
  unwrap(await ctx.session.subscribeToThread(key, causePos))
}

/** Takes the caller's subscription to a thread back. */
export async function unsubscribe(ctx: RequestContext, key: ThreadKey): Promise<void> {
  const { headPos } = await placeOf(ctx, key, undefined)
  unwrap(await ctx.session.unsubscribeFromThread(key, headPos))
}

/** The caller's subscription to a thread. @throws M_NOT_FOUND where there is none, or the thread is not for the caller. */
export async function subscriptionTo(ctx: RequestContext, key: ThreadKey): Promise<{ readonly automatic: boolean }> {
  await placeOf(ctx, key, undefined)
  return unwrap(await ctx.session.threadSubscription(key))
}

/** What the room says of the thread. A room that is not for the caller has no threads: that too is 404. */
async function placeOf(ctx: RequestContext, { roomId, root }: ThreadKey, cause: string | undefined): Promise<ThreadPlace> {
  try {
    const caller = await readableRoom(ctx, roomId)
    return unwrap(await ctx.objects.room(roomId).threadPlace(caller, { root, cause }))
  } catch (refusal) {
    if (refusal instanceof MatrixError && refusal.status === 403) throw notFound('Event not found')
    throw refusal
  }
}
