import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { resolvePositionToken } from '../../../domain/rooms/position-tokens.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from './params.ts'

const membership = z.enum(['join', 'invite', 'knock', 'leave', 'ban']).optional()

/** `GET /rooms/{roomId}/members` (client-server-api#get_matrixclientv3roomsroomidmembers). */
export const getMembers = endpoint(
  {
    method: 'GET',
    path: clientPaths('rooms/:roomId/members'),
    auth: 'user',
    rateLimit: 'read',
    params: roomParams,
    query: z.object({ at: z.string().optional(), membership, not_membership: membership }),
  },
  async ({ params, query, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    const at = await resolvePositionToken(ctx, params.roomId, query.at)
    const request = { at, membership: query.membership, notMembership: query.not_membership }
    return rawJson(unwrap(await ctx.objects.room(params.roomId).membersAt(caller, request)))
  },
)
