import * as z from 'zod'
import { logInWithPassword } from '../../../domain/auth/login.ts'
import { clientPaths } from '../../../http/path.ts'
import { forbidden, MatrixError, missingParam } from '../../../matrix/errors.ts'
import { endpoint } from '../../endpoint.ts'
import { requirePasswordLogin } from './password-login.ts'
import { deviceKeys } from './schema.ts'
import { sessionResponse } from './session-response.ts'

/** `GET /login` (client-server-api#get_matrixclientv3login). */
export const loginFlows = endpoint({ method: 'GET', path: clientPaths('login'), auth: 'none', rateLimit: 'read' }, ({ ctx }) => {
  requirePasswordLogin(ctx.config)
  return { flows: [{ type: 'm.login.password' }] }
})

const Body = z.object({
  type: z.string(),
  identifier: z.object({ type: z.string(), user: z.string().optional() }).nullish(),
  user: z.string().nullish(),
  password: z.string().nullish(),
  ...deviceKeys,
})

/** The user that a login means. @throws MatrixError. */
function userOf({ identifier, user }: z.output<typeof Body>): string {
  if (identifier === undefined || identifier === null) {
    if (typeof user !== 'string') throw missingParam('Missing key identifier')
    return user
  }
  if (identifier.type === 'm.id.user') {
    if (identifier.user === undefined) throw missingParam('Missing key identifier.user')
    return identifier.user
  }
  // No account here has an address or a number that it could be found by.
  if (identifier.type === 'm.id.thirdparty' || identifier.type === 'm.id.phone') throw forbidden('Wrong user name or password')
  throw new MatrixError(400, 'M_UNKNOWN', 'Unknown type of identifier')
}

/** `POST /login` (client-server-api#post_matrixclientv3login). */
export const login = endpoint(
  { method: 'POST', path: clientPaths('login'), auth: 'none', rateLimit: 'login', body: Body },
  async ({ body, ctx }) => {
    requirePasswordLogin(ctx.config)
    if (body.type !== 'm.login.password') throw new MatrixError(400, 'M_UNKNOWN', 'Unknown type of login')
    const user = userOf(body)
    if (typeof body.password !== 'string') throw missingParam('Missing key password')
    const session = await logInWithPassword(ctx, user, body.password, {
      deviceId: body.device_id ?? undefined,
      displayName: body.initial_device_display_name ?? undefined,
      refreshable: body.refresh_token ?? false,
      clientAddress: ctx.clientAddress,
    })
    return sessionResponse(ctx, session.userId, session)
  },
)
