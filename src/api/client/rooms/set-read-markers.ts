import * as z from 'zod'
import { markRead } from '../../../domain/rooms/receipts.ts'
import type { ReceiptRequest } from '../../../durable/room/ephemeral-receipts.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from './params.ts'

const eventId = z.string().startsWith('$').optional()

/** `POST /rooms/{roomId}/read_markers` (client-server-api#post_matrixclientv3roomsroomidread_markers). */
export const setReadMarkers = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/read_markers'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'ephemeral',
    params: roomParams,
    body: z.object({ 'm.fully_read': eventId, 'm.read': eventId, 'm.read.private': eventId }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    const receipts = (['m.read', 'm.read.private'] as const).flatMap((kind): ReceiptRequest[] => {
      const target = body[kind]
      return target === undefined ? [] : [{ kind, eventId: target, thread: undefined }]
    })
    await markRead(ctx, params.roomId, { receipts, marker: body['m.fully_read'] })
    return {}
  },
)
