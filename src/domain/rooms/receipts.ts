import type { ReceiptRequest } from '../../durable/room/ephemeral-receipts.ts'
import { notFound } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { listedRoom } from './access.ts'

/** How far a user has read, and what they want others to know of it. */
export interface ReadUpTo {
  readonly receipts: readonly ReceiptRequest[]
  /** The event that the user has read everything up to (`m.fully_read`). */
  readonly marker: string | undefined
}

/**
 * Sets receipts, and the read marker where it moves forwards (client-server-api#receipts, #fully-read-markers).
 * @throws MatrixError M_NOT_FOUND for a marker at an event that the room does not know.
 */
export async function markRead(ctx: RequestContext, roomId: string, { receipts, marker }: ReadUpTo): Promise<void> {
  const { caller } = await listedRoom(ctx, roomId)
  const before = marker === undefined ? undefined : unwrap(await ctx.session.readMarker(roomId))
  const movement = marker === undefined ? undefined : { to: marker, from: before }
  const { marker: outcome } = unwrap(await ctx.objects.room(roomId).setReceipts(caller, receipts, movement))
  if (marker === undefined) return
  if (outcome === 'unknown') throw notFound('The event of the read marker was not found')
  if (outcome === 'moves') unwrap(await ctx.session.setReadMarker(roomId, marker))
}
