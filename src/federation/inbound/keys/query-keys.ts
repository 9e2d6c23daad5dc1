import { z } from 'zod'
import { jsonObject } from '../../../http/schema/json.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { publicEndpoint } from '../endpoint.ts'
import { MAX_NOTARY_SERVERS, notarize } from './notary.ts'

/** `GET /_matrix/key/v2/query/{serverName}` (server-server-api#get_matrixkeyv2queryservername). */
export const queryServerKeys = publicEndpoint(
  {
    method: 'GET',
    path: '/_matrix/key/v2/query/:serverName',
    auth: 'none',
    rateLimit: 'notary',
    params: z.object({ serverName: z.string().refine(isServerName, 'must be a server name') }),
    query: z.object({ minimum_valid_until_ts: queryInteger().optional() }),
  },
  async ({ params, query, ctx }) => ({
    server_keys: await notarize(ctx, new Map([[params.serverName, query.minimum_valid_until_ts ?? nowMs()]])),
  }),
)

/** `POST /_matrix/key/v2/query` (server-server-api#post_matrixkeyv2query). */
export const queryKeys = publicEndpoint(
  {
    method: 'POST',
    path: '/_matrix/key/v2/query',
    auth: 'none',
    rateLimit: 'notary',
    body: z.object({ server_keys: jsonObject }),
  },
  async ({ body, ctx }) => {
    const servers = Object.entries(body.server_keys)
    if (servers.length > MAX_NOTARY_SERVERS) throw invalidParam(`At most ${MAX_NOTARY_SERVERS} servers can be asked about at once`)
    return { server_keys: await notarize(ctx, new Map(servers.map(([serverName, keys]) => [serverName, minimumOf(keys)]))) }
  },
)

/** The latest time that any key of a server is wanted for; now if none is stated. */
function minimumOf(keys: JsonObject[string]): number {
  const criteria = isJsonObject(keys) ? Object.values(keys) : []
  const times = criteria.flatMap((entry) =>
    isJsonObject(entry) && typeof entry.minimum_valid_until_ts === 'number' ? [entry.minimum_valid_until_ts] : [],
  )
  return times.length === 0 ? nowMs() : Math.max(...times.slice(0, MAX_NOTARY_SERVERS))
}
