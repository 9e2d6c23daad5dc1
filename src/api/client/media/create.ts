import { createUpload } from '../../../domain/media/upload.ts'
import { endpoint } from '../../endpoint.ts'

/** `POST /_matrix/media/v1/create` (client-server-api#post_matrixmediav1create). */
export const createContent = endpoint(
  { method: 'POST', path: '/_matrix/media/v1/create', auth: 'user', rateLimit: 'upload' },
  async ({ ctx }) => {
    const { uri, expiresTs } = await createUpload(ctx)
    return { content_uri: uri, unused_expires_at: expiresTs }
  },
)
