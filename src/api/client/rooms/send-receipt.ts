import * as z from 'zod'
import { markRead } from '../../../domain/rooms/receipts.ts'
import { clientPaths } from '../../../http/path.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { endpoint } from '../../endpoint.ts'

/** `POST /rooms/{roomId}/receipt/{receiptType}/{eventId}` (client-server-api#post_matrixclientv3roomsroomidreceiptreceipttypeeventid). */
export const sendReceipt = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/receipt/:receiptType/:eventId'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'ephemeral',
    params: z.object({
      roomId: z.string(),
      receiptType: z.enum(['m.read', 'm.read.private', 'm.fully_read']),
      eventId: z.string().startsWith('$'),
    }),
    body: z.object({ thread_id: z.unknown().optional() }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    const { roomId, receiptType: kind, eventId } = params
    const thread = body.thread_id
    if (thread !== undefined && (typeof thread !== 'string' || thread === '')) throw invalidParam('thread_id must be a non-empty string')
    if (kind !== 'm.fully_read') {
      await markRead(ctx, roomId, { receipts: [{ kind, eventId, thread }], marker: undefined })
      return {}
    }
    if (thread !== undefined) throw invalidParam('The read marker belongs to no thread')
    await markRead(ctx, roomId, { receipts: [], marker: eventId })
    return {}
  },
)
