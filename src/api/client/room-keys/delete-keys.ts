import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { roomId } from '../../../http/schema/ids.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { versionQuery } from './schema.ts'

const common = { method: 'DELETE', auth: 'user', standing: 'unlocked', rateLimit: 'write', query: versionQuery } as const

/** `DELETE /room_keys/keys` (client-server-api#delete_matrixclientv3room_keyskeys). */
export const deleteAllKeys = endpoint({ ...common, path: clientPaths('room_keys/keys') }, async ({ query, ctx }) => ({
  ...unwrap(await ctx.session.deleteBackedUpSessions(query.version, {})),
}))

/** `DELETE /room_keys/keys/{roomId}` (client-server-api#delete_matrixclientv3room_keyskeysroomid). */
export const deleteRoomKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys/:roomId'), params: z.object({ roomId }) },
  async ({ params, query, ctx }) => ({ ...unwrap(await ctx.session.deleteBackedUpSessions(query.version, params)) }),
)

/** `DELETE /room_keys/keys/{roomId}/{sessionId}` (client-server-api#delete_matrixclientv3room_keyskeysroomidsessionid). */
export const deleteSessionKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys/:roomId/:sessionId'), params: z.object({ roomId, sessionId: z.string() }) },
  async ({ params, query, ctx }) => ({ ...unwrap(await ctx.session.deleteBackedUpSessions(query.version, params)) }),
)
