import { missingToken, unknownToken, unrecognized } from '../matrix/errors.ts'
import { readToken } from '../runtime/access-token.ts'
import type { Config } from '../runtime/config.ts'
import { constantTimeEqual } from '../runtime/constant-time.ts'
import type { PresentedToken } from './context.ts'

/**
 * Who may call an endpoint: anybody, users, both (a token is checked if there is one), the holder of the self-hosting program's secret, or
 * other homeservers, by the signature of the request (`server-authentication.ts`).
 */
export type AuthRequirement = 'none' | 'user' | 'optional-user' | 'admin-secret' | 'server'

const BEARER = 'Bearer '

/**
 * The credential of a request (client-server-api#using-access-tokens): `Authorization: Bearer`, else the deprecated `access_token` query
 * parameter.
 */
function bearerOf(request: Request): string | undefined {
  const header = request.headers.get('authorization')
  if (header !== null) return header.startsWith(BEARER) ? header.slice(BEARER.length).trim() : undefined
  if (!request.url.includes('access_token=')) return undefined
  return new URL(request.url).searchParams.get('access_token') ?? undefined
}

/**
 * The access token that a request presents, its MAC checked.
 * @throws MatrixError M_MISSING_TOKEN, M_UNKNOWN_TOKEN; M_UNRECOGNIZED for the self-hosting program's routes where there is no such program.
 */
export function authenticate(requirement: AuthRequirement, request: Request, config: Config): PresentedToken | undefined {
  if (requirement === 'none' || requirement === 'server') return undefined
  const text = bearerOf(request)
  if (requirement === 'admin-secret') return checkAdminSecret(text, config)
  if (text === undefined || text === '') {
    if (requirement === 'optional-user') return undefined
    throw missingToken()
  }
  const claims = readToken(config, text)
  if (claims?.kind !== 'access') throw unknownToken()
  return { ...claims, text, userId: `@${claims.localpart}:${config.serverName}` }
}

function checkAdminSecret(text: string | undefined, config: Config): undefined {
  if (config.controlToken === undefined) throw unrecognized()
  if (text === undefined) throw missingToken()
  if (!constantTimeEqual(text, config.controlToken)) throw unknownToken()
  return undefined
}
