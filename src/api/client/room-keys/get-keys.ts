import * as z from 'zod'
import { streamBackup } from '../../../domain/e2ee/stream-backup.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { roomId } from '../../../http/schema/ids.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { sessionJson, versionQuery } from './schema.ts'

const common = { method: 'GET', auth: 'user', rateLimit: 'read', query: versionQuery } as const

/** `GET /room_keys/keys` (client-server-api#get_matrixclientv3room_keyskeys). */
export const getAllKeys = endpoint({ ...common, path: clientPaths('room_keys/keys') }, async ({ query, ctx }) =>
  streamBackup(ctx, query.version, undefined, sessionJson),
)

/** `GET /room_keys/keys/{roomId}` (client-server-api#get_matrixclientv3room_keyskeysroomid). */
export const getRoomKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys/:roomId'), params: z.object({ roomId }) },
  async ({ params, query, ctx }) => streamBackup(ctx, query.version, params.roomId, sessionJson),
)

/** `GET /room_keys/keys/{roomId}/{sessionId}` (client-server-api#get_matrixclientv3room_keyskeysroomidsessionid). */
export const getSessionKeys = endpoint(
  { ...common, path: clientPaths('room_keys/keys/:roomId/:sessionId'), params: z.object({ roomId, sessionId: z.string() }) },
  async ({ params, query, ctx }) =>
    rawJson(sessionJson(unwrap(await ctx.session.backedUpSession(query.version, params.roomId, params.sessionId)))),
)
