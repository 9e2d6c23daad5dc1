import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { roomId } from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { isRoomId } from '../../../matrix/ids/room-id.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { MAX_BODY_BYTES, readRoom, readSession, versionQuery } from './schema.ts'

const common = {
  method: 'PUT',
  auth: 'user',
  standing: 'unlocked',
  rateLimit: 'write',
  query: versionQuery,
  maxBodyBytes: MAX_BODY_BYTES,
} as const

/** `PUT /room_keys/keys` (client-server-api#put_matrixclientv3room_keyskeys). */
export const putAllKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys'), body: z.object({ rooms: jsonObject }) },
  async ({ query, body, ctx }) => {
    const sessions = Object.entries(body.rooms).flatMap(([id, room]) => {
      if (!isRoomId(id)) throw invalidParam('rooms must be named by room IDs')
      return readRoom(id, room ?? null)
    })
    return { ...unwrap(await ctx.session.putBackedUpSessions(query.version, sessions)) }
  },
)

/** `PUT /room_keys/keys/{roomId}` (client-server-api#put_matrixclientv3room_keyskeysroomid). */
export const putRoomKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys/:roomId'), params: z.object({ roomId }), body: jsonObject },
  async ({ params, query, body, ctx }) => ({
    ...unwrap(await ctx.session.putBackedUpSessions(query.version, readRoom(params.roomId, body))),
  }),
)

/** `PUT /room_keys/keys/{roomId}/{sessionId}` (client-server-api#put_matrixclientv3room_keyskeysroomidsessionid). */
export const putSessionKeys = endpoint(
  {
    ...common,
    path: clientPaths('room_keys/keys/:roomId/:sessionId'),
    params: z.object({ roomId, sessionId: z.string().min(1) }),
    body: jsonObject,
  },
  async ({ params, query, body, ctx }) => ({
    ...unwrap(await ctx.session.putBackedUpSessions(query.version, [readSession(params.roomId, params.sessionId, body)])),
  }),
)
