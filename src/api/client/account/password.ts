import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { confirmedResponse, uiaRequest } from '../../confirmed.ts'
import { endpoint } from '../../endpoint.ts'
import { auth } from '../auth/schema.ts'

const Body = z.object({ new_password: z.string(), logout_devices: z.boolean().default(true), auth })

/** `POST /account/password` (client-server-api#post_matrixclientv3accountpassword). */
export const changePassword = endpoint(
  { method: 'POST', path: clientPaths('account/password'), auth: 'user', standing: 'unlocked', rateLimit: 'account', body: Body },
  async ({ body, ctx }) => {
    const { new_password: password, logout_devices: logOutDevices } = body
    const uia = uiaRequest(ctx, 'POST account/password', [password, logOutDevices], body.auth)
    return confirmedResponse(ctx, await ctx.session.changePassword(password, logOutDevices, uia), {})
  },
)
