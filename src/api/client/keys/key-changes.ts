import * as z from 'zod'
import { keyChanges } from '../../../domain/e2ee/key-changes.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /keys/changes` (client-server-api#get_matrixclientv3keyschanges). What happened after `to` is told as well. */
export const getKeysChanges = endpoint(
  {
    method: 'GET',
    path: clientPaths('keys/changes'),
    auth: 'user',
    rateLimit: 'read',
    query: z.object({ from: z.string(), to: z.string().optional() }),
  },
  async ({ query, ctx }) => {
    const { changed, left } = await keyChanges(ctx, query.from)
    return { changed, left }
  },
)
