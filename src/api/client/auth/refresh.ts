import * as z from 'zod'
import { refresh as refreshTokens } from '../../../domain/auth/refresh.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { tokensResponse } from './session-response.ts'

/** `POST /refresh` (client-server-api#post_matrixclientv3refresh). */
export const refresh = endpoint(
  {
    method: 'POST',
    path: [...clientPaths('refresh'), '/_matrix/client/v1/refresh'],
    auth: 'none',
    rateLimit: 'account',
    body: z.object({ refresh_token: z.string() }),
  },
  async ({ body, ctx }) => tokensResponse(await refreshTokens(ctx, body.refresh_token)),
)
