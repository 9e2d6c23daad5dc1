import { z } from 'zod'
import { hierarchyForServer } from '../../../domain/spaces/hierarchy-for-server.ts'
import * as ids from '../../../http/schema/ids.ts'
import { queryBoolean } from '../../../http/schema/query.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/hierarchy/{roomId}` (server-server-api#get_matrixfederationv1hierarchyroomid). */
export const getHierarchyForServer = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/hierarchy/:roomId',
    params: z.object({ roomId: ids.roomId }),
    query: z.object({ suggested_only: queryBoolean().default(false) }),
  },
  ({ params, query, origin, ctx }) => hierarchyForServer(ctx, origin.serverName, params.roomId, query.suggested_only),
)
