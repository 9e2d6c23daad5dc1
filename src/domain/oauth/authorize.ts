import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import {
  type AuthorizationRequest,
  type AuthorizationVerdict,
  answerLocation,
  checkAuthorization,
  errorLocation,
} from './authorization-request.ts'
import type { LoggedInBrowser } from './browser.ts'
import { findClient, keepClient } from './clients.ts'

/** Longest query of an authorization request, in characters. */
export const MAX_REQUEST_CHARS = 8_192

/** Reads an authorization request out of the query of its address. */
export async function readAuthorization(ctx: RequestContext, query: string): Promise<AuthorizationVerdict> {
  if (query.length > MAX_REQUEST_CHARS) return { kind: 'refuse', problem: 'request' }
  const params = new URLSearchParams(query)
  const clientIds = params.getAll('client_id')
  const client = clientIds.length === 1 ? await findClient(ctx, clientIds[0] ?? '') : undefined
  return checkAuthorization(ctx.config, client, params)
}

/** Whether the device that a client asks for is one that the user has already, and would lose (SECURITY A8). */
export async function replacesDevice(ctx: RequestContext, user: LoggedInBrowser, deviceId: string): Promise<boolean> {
  return unwrap(await ctx.objects.user(user.userId).browserHasDevice(user.cookie, deviceId))
}

/** The user lets the client in: answers the address that takes the code to it. @throws MatrixError M_UNKNOWN_TOKEN, M_USER_LOCKED; OAuthError. */
export async function allow(ctx: RequestContext, user: LoggedInBrowser, request: AuthorizationRequest): Promise<string> {
  const { client, scope, codeChallenge, redirectUri } = request
  await keepClient(ctx, client.clientId)
  const grant = grantFor(client, scope.granted, scope.deviceId)
  const code = unwrap(
    await ctx.objects.user(user.userId).authorizeClient(user.cookie, grant, { redirectUri, codeChallenge }, ctx.requestId),
  )
  return answerLocation(ctx.config, request, { code })
}

/** What is noted of a client in the account that lets it in. */
export function grantFor(client: AuthorizationRequest['client'], scope: string, deviceId: string) {
  const { client_name: clientName, client_uri: clientUri } = client.metadata
  return { clientId: client.clientId, clientName, clientUri, scope, deviceId }
}

/** The user does not. */
export function deny(ctx: RequestContext, request: AuthorizationRequest): string {
  return errorLocation(ctx.config, request, 'access_denied', 'The user did not let the client in')
}
