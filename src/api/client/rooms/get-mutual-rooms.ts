import * as z from 'zod'
import { mutualRooms } from '../../../domain/rooms/mutual-rooms.ts'
import { userId } from '../../../http/schema/ids.ts'
import { endpoint } from '../../endpoint.ts'

const token = z.string().max(255).optional()

/** `GET /_matrix/client/v1/mutual_rooms` (client-server-api#get_matrixclientv1mutual_rooms). Of users of other servers `count` is that of the page. */
export const getMutualRooms = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/v1/mutual_rooms',
    auth: 'user',
    rateLimit: 'read',
    query: z.object({ user_id: userId, from: token }),
  },
  async ({ query, ctx }) => {
    const { joined, next } = await mutualRooms(ctx, query.user_id, query.from)
    return { joined: [...joined], count: joined.length, ...(next !== undefined && { next_batch: next }) }
  },
)

/** The same as clients asked for it before 1.19 (MSC2666). */
export const getMutualRoomsUnstable = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms',
    auth: 'user',
    rateLimit: 'read',
    query: z.object({ user_id: userId, batch_token: token }),
  },
  async ({ query, ctx }) => {
    const { joined, next } = await mutualRooms(ctx, query.user_id, query.batch_token)
    return { joined: [...joined], ...(next !== undefined && { next_batch_token: next }) }
  },
)
