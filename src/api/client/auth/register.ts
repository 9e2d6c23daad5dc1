import * as z from 'zod'
import { register as registerAccount, requireFreeLocalpart, requireRegistration } from '../../../domain/accounts/register.ts'
import { jsonResponse } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { invalidParam, MatrixError } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { isRegistrationTokenUsable } from '../../../storage/d1/registration-tokens.ts'
import { endpoint } from '../../endpoint.ts'
import { requirePasswordLogin } from './password-login.ts'
import { auth, deviceKeys } from './schema.ts'
import { sessionResponse } from './session-response.ts'

const Query = z.object({ kind: z.string().default('user') })
const Body = z.object({
  auth,
  username: z.string().nullish(),
  password: z.string().nullish(),
  inhibit_login: z.boolean().nullish(),
  ...deviceKeys,
})

/** `POST /register` (client-server-api#post_matrixclientv3register). */
export const register = endpoint(
  {
    method: 'POST',
    path: clientPaths('register'),
    auth: 'none',
    rateLimit: 'register',
    query: Query,
    body: Body,
    emptyBody: true,
  },
  async ({ query, body, ctx }) => {
    requireRegistration(ctx.config)
    requirePasswordLogin(ctx.config)
    if (query.kind === 'guest') throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests are not allowed on this server')
    if (query.kind !== 'user') throw invalidParam('Unknown kind of account')
    const device = {
      deviceId: body.device_id ?? undefined,
      displayName: body.initial_device_display_name ?? undefined,
      refreshable: body.refresh_token ?? false,
      clientAddress: ctx.clientAddress,
    }
    const result = await registerAccount(ctx, {
      // An empty name is how some clients leave the choice to the server.
      username: body.username === null || body.username === '' ? undefined : body.username,
      password: body.password ?? undefined,
      auth: body.auth,
      device: body.inhibit_login === true ? undefined : device,
    })
    if ('challenge' in result) return jsonResponse(result.challenge, { status: 401, requestId: ctx.requestId })
    return sessionResponse(ctx, result.done.userId, result.done.session)
  },
)

/** `GET /register/available` (client-server-api#get_matrixclientv3registeravailable). */
export const registerAvailable = endpoint(
  {
    method: 'GET',
    path: clientPaths('register/available'),
    auth: 'none',
    rateLimit: 'account',
    query: z.object({ username: z.string() }),
  },
  async ({ query, ctx }) => {
    requireRegistration(ctx.config)
    await requireFreeLocalpart(ctx, query.username)
    return { available: true }
  },
)

/** `GET /register/m.login.registration_token/validity` (client-server-api#get_matrixclientv1registermloginregistration_tokenvalidity). */
export const registrationTokenValidity = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/v1/register/m.login.registration_token/validity',
    auth: 'none',
    rateLimit: 'account',
    query: z.object({ token: z.string() }),
  },
  async ({ query, ctx }) => {
    requireRegistration(ctx.config)
    return { valid: await isRegistrationTokenUsable(ctx.registry, query.token, nowMs()) }
  },
)
