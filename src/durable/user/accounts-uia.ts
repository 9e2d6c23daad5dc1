import { forbidden } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { isJsonObject } from '../../matrix/json.ts'
import { tokenHash } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import { randomString } from '../../runtime/random.ts'
import { readOAuthGrant } from '../../storage/user/oauth-grants.ts'
import { deleteUiaSession, insertUiaSession, readUiaSession, type UiaSessionRow } from '../../storage/user/uia.ts'
import { withPageApproval } from './oauth/page-approval.ts'
import { isPasswordOfAccount } from './password.ts'
import type { Requester } from './session-base.ts'
import type { UserCore } from './user-core.ts'

/** How long an authentication may take. */
const UIA_LIFETIME_MS = 10 * 60 * 1000
/** Sessions under way per account; the oldest make room. */
const MAX_UIA_SESSIONS = 16
const SESSION_ID_CHARS = 24
const FLOWS = [{ stages: ['m.login.password'] }]

/** An operation that the user must confirm, and what the client offers for that. */
export interface UiaRequest {
  /** Method and endpoint, e.g. `POST account/password`. */
  readonly operation: string
  /** Everything that the request asks for, serialized: a session authorizes exactly this. */
  readonly subject: string
  /** The request's `auth`, if any. */
  readonly auth: JsonObject | undefined
  readonly clientAddress: string
}

/** What an operation under user-interactive authentication comes to: a challenge for a 401, or its result. */
export type UiaResult<T> = { readonly challenge: JsonObject } | { readonly done: T }

/** Why a client is asked (again). Without a reason the challenge carries no errcode: clients take one for a failed stage. */
interface Complaint {
  readonly errcode: string
  readonly error: string
}

/**
 * Runs an operation once the user has confirmed it with their password (client-server-api#user-interactive-authentication-api, SECURITY A13).
 * Sessions are bound to device, operation and subject, live for minutes and work once. A client may also confirm at once, without a session.
 * Clients that logged in through OAuth hold no password: their users go to the account page.
 * @throws MatrixError M_FORBIDDEN if the authentication names another user; M_LIMIT_EXCEEDED.
 */
export async function withUserConfirmation<T>(
  core: UserCore,
  requester: Requester,
  request: UiaRequest,
  operation: () => T | Promise<T>,
): Promise<UiaResult<T>> {
  if (readOAuthGrant(core.store, requester.deviceId) !== undefined) return withPageApproval(core, requester, request, operation)
  const { auth } = request
  if (auth === undefined || (auth.type === undefined && auth.session === undefined)) return challenge(core, requester, request)
  const session = auth.session === undefined ? undefined : usableSession(core, requester, request, auth.session)
  if (auth.session !== undefined && session === undefined) {
    return challenge(core, requester, request, { errcode: 'M_FORBIDDEN', error: 'The session is over or was begun for something else' })
  }
  const complaint = await checkPasswordStage(core, requester, request, auth)
  if (complaint !== undefined) return challenge(core, requester, request, complaint, session)
  // Hashing let other requests run: whoever ends the session first has used it.
  if (session !== undefined) {
    if (readUiaSession(core.store, session.sessionId) === undefined) return challenge(core, requester, request)
    core.store.transaction(requester.requestId, () => deleteUiaSession(core.store, session.sessionId))
  }
  return { done: await operation() }
}

function usableSession(core: UserCore, requester: Requester, request: UiaRequest, sessionId: unknown): UiaSessionRow | undefined {
  const session = typeof sessionId === 'string' ? readUiaSession(core.store, sessionId) : undefined
  if (session === undefined || nowMs() - session.createdTs > UIA_LIFETIME_MS) return undefined
  const fits =
    session.deviceId === requester.deviceId &&
    session.operation === request.operation &&
    session.bodyHash === tokenHash(core.config, request.subject)
  return fits ? session : undefined
}

/** The one stage there is. Nothing here accepts `m.login.dummy` (SECURITY A1). */
async function checkPasswordStage(
  core: UserCore,
  requester: Requester,
  request: UiaRequest,
  auth: JsonObject,
): Promise<Complaint | undefined> {
  if (auth.type !== 'm.login.password') return { errcode: 'M_FORBIDDEN', error: 'That is not a stage of this authentication' }
  if (!namesUser(core, auth)) throw forbidden('The authentication is for another user')
  const { password } = auth
  if (typeof password !== 'string') return { errcode: 'M_MISSING_PARAM', error: 'The password is missing' }
  if (await isPasswordOfAccount(core, password, request.clientAddress, requester.requestId)) return undefined
  return { errcode: 'M_FORBIDDEN', error: 'Wrong password' }
}

/** Whether `identifier`, or the older `user`, is the account's owner. Neither: the owner is meant, who is known already. */
function namesUser(core: UserCore, auth: JsonObject): boolean {
  const { identifier } = auth
  if (identifier === undefined && auth.user === undefined) return true
  const name = isJsonObject(identifier) ? (identifier.type === 'm.id.user' ? identifier.user : undefined) : auth.user
  return name === core.userId || name === core.localpart
}

function challenge(
  core: UserCore,
  requester: Requester,
  request: UiaRequest,
  complaint?: Complaint,
  session?: UiaSessionRow,
): { readonly challenge: JsonObject } {
  const sessionId = session?.sessionId ?? beginSession(core, requester, request)
  return { challenge: { ...complaint, session: sessionId, flows: FLOWS, params: {}, completed: [] } }
}

function beginSession(core: UserCore, requester: Requester, request: UiaRequest): string {
  const session: UiaSessionRow = {
    sessionId: randomString(SESSION_ID_CHARS),
    deviceId: requester.deviceId,
    operation: request.operation,
    bodyHash: tokenHash(core.config, request.subject),
    createdTs: nowMs(),
  }
  core.store.transaction(requester.requestId, () => insertUiaSession(core.store, session, MAX_UIA_SESSIONS))
  return session.sessionId
}
