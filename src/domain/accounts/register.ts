import type { DeviceWish } from '../../durable/user/devices.ts'
import { forbidden, missingParam, userInUse } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { Config } from '../../runtime/config.ts'
import { isRegistrationTokenUsable } from '../../storage/d1/registration-tokens.ts'
import { beginRegistration, continuesRegistration } from '../auth/registration-session.ts'
import type { RequestContext } from '../context.ts'
import { type CreatedAccount, createAccount, isLocalpartFree } from './create-account.ts'
import { generatedLocalpart, newLocalpart } from './localparts.ts'

/** A client's request to register. */
export interface Registration {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly auth: JsonObject | undefined
  /** The device to log in on, unless the client wants no login. */
  readonly device: DeviceWish | undefined
}

/** What registering comes to: a challenge for a 401, or the account. */
export type RegistrationResult = { readonly challenge: JsonObject } | { readonly done: CreatedAccount }

/** Refuses while registration is closed, whatever else the request says (SECURITY A19). @throws MatrixError M_FORBIDDEN. */
export function requireRegistration(config: Config): void {
  if (config.registration === 'closed') throw forbidden('Registration is closed on this server')
}

/** The localpart of a user name, if it is free. @throws MatrixError M_INVALID_USERNAME, M_USER_IN_USE. */
export async function requireFreeLocalpart(ctx: RequestContext, username: string): Promise<string> {
  const localpart = newLocalpart(ctx.config, username)
  if (!(await isLocalpartFree(ctx, localpart))) throw userInUse()
  return localpart
}

/** The only stage of the only flow (SECURITY A1: nothing but registration knows these). */
function requiredStage(config: Config): string {
  return config.registration === 'token' ? 'm.login.registration_token' : 'm.login.dummy'
}

/** Registers an account through user-interactive authentication (client-server-api#post_matrixclientv3register). */
export async function register(ctx: RequestContext, request: Registration): Promise<RegistrationResult> {
  requireRegistration(ctx.config)
  const { username, auth, password, device } = request
  const wished = username === undefined ? undefined : await requireFreeLocalpart(ctx, username)
  const stage = requiredStage(ctx.config)
  const challenge = (complaint?: { errcode: string; error: string }): RegistrationResult => ({
    challenge: {
      ...complaint,
      session: beginRegistration(ctx.config, username),
      flows: [{ stages: [stage] }],
      params: {},
      completed: [],
    },
  })
  if (auth === undefined || (auth.type === undefined && auth.session === undefined)) return challenge()
  if (auth.session !== undefined && !(typeof auth.session === 'string' && continuesRegistration(ctx.config, auth.session, username))) {
    return challenge({ errcode: 'M_FORBIDDEN', error: 'The session is over or was begun for something else' })
  }
  if (auth.type !== stage) return challenge({ errcode: 'M_FORBIDDEN', error: 'That is not a stage of this registration' })
  const registrationToken = stage === 'm.login.registration_token' ? auth.token : undefined
  if (registrationToken !== undefined && typeof registrationToken !== 'string') {
    return challenge({ errcode: 'M_BAD_JSON', error: 'The token must be a string' })
  }
  if (ctx.config.registration === 'token') {
    const usable = registrationToken !== undefined && (await isRegistrationTokenUsable(ctx.registry, registrationToken, nowMs()))
    if (!usable) return challenge({ errcode: 'M_FORBIDDEN', error: 'The registration token cannot be used' })
  }
  if (password === undefined) throw missingParam('Missing key password')
  const localpart = wished ?? generatedLocalpart()
  return { done: await createAccount(ctx, { localpart, password, isAdmin: false, device, registrationToken }) }
}
