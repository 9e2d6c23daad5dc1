import * as z from 'zod'
import { registrationNonce as newNonce, registerWithSharedSecret } from '../../domain/accounts/shared-secret-registration.ts'
import { sessionResponse } from '../client/auth/session-response.ts'
import { endpoint } from '../endpoint.ts'

const PATH = '/_synapse/admin/v1/register'

/** `GET /_synapse/admin/v1/register`: a nonce to sign, as Synapse's tools expect it. */
export const registrationNonce = endpoint({ method: 'GET', path: PATH, auth: 'none', rateLimit: 'account' }, ({ ctx }) => ({
  nonce: newNonce(ctx.config),
}))

const Body = z.object({
  nonce: z.string(),
  username: z.string(),
  password: z.string(),
  mac: z.string(),
  admin: z.boolean().nullish(),
  user_type: z.string().nullish(),
  displayname: z.string().nullish(),
})

/** `POST /_synapse/admin/v1/register`: creates an account for whoever holds the shared secret. */
export const registerWithSecret = endpoint(
  { method: 'POST', path: PATH, auth: 'none', rateLimit: 'register', body: Body },
  async ({ body, ctx }) => {
    const { userId, session } = await registerWithSharedSecret(ctx, {
      nonce: body.nonce,
      username: body.username,
      password: body.password,
      mac: body.mac,
      isAdmin: body.admin ?? false,
      userType: body.user_type ?? undefined,
      displayName: body.displayname ?? undefined,
      clientAddress: ctx.clientAddress,
    })
    return sessionResponse(ctx, userId, session)
  },
)
