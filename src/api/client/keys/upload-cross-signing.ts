import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { confirmedResponse, uiaRequest } from '../../confirmed.ts'
import { endpoint } from '../../endpoint.ts'
import { auth } from '../auth/schema.ts'
import { optionalObject } from './schema.ts'

/** `POST /keys/device_signing/upload` (client-server-api#post_matrixclientv3keysdevice_signingupload). */
export const postDeviceSigningUpload = endpoint(
  {
    method: 'POST',
    path: clientPaths('keys/device_signing/upload'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'account',
    body: z.object({ master_key: optionalObject, self_signing_key: optionalObject, user_signing_key: optionalObject, auth }),
    numbers: 'integers',
  },
  async ({ body, ctx }) => {
    const upload = { master: body.master_key, selfSigning: body.self_signing_key, userSigning: body.user_signing_key }
    const subject = [JSON.stringify([upload.master ?? null, upload.selfSigning ?? null, upload.userSigning ?? null])]
    const uia = uiaRequest(ctx, 'POST keys/device_signing/upload', subject, body.auth)
    return confirmedResponse(ctx, await ctx.session.uploadCrossSigningKeys(upload, uia), {})
  },
)
