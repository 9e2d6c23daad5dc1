import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /media/config` (client-server-api#get_matrixclientv1mediaconfig), also under its old path, which some clients still ask. */
export const mediaConfig = endpoint(
  {
    method: 'GET',
    path: ['/_matrix/client/v1/media/config', '/_matrix/media/v3/config', '/_matrix/media/r0/config'],
    auth: 'user',
    rateLimit: 'read',
  },
  async ({ ctx }) => {
    unwrap(await ctx.session.whoami())
    return { 'm.upload.size': ctx.config.media.uploadMaxBytes }
  },
)
