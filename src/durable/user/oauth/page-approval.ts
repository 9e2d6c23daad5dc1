import { unrecognized } from '../../../matrix/errors.ts'
import { randomString } from '../../../runtime/random.ts'
import type { UiaRequest, UiaResult } from '../accounts-uia.ts'
import type { Requester } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'
import { takeCrossSigningReset } from './cross-signing-reset.ts'

/** The one operation that clients of the OAuth API may ask the user to confirm (client-server-api#oauth-authentication). */
const OPERATION = 'POST keys/device_signing/upload'
const SESSION_ID_CHARS = 24

/**
 * Runs an operation that the user has allowed on the account page (MSC4312, SECURITY A14). Clients of the OAuth API are never given a password,
 * so nothing else is confirmed here. Clients ask every half second until the user has been to the page, so a challenge stores nothing: what
 * counts is the user's leave, for this device, for minutes and once.
 * @throws MatrixError M_UNRECOGNIZED for operations that belong to the account page.
 */
export async function withPageApproval<T>(
  core: UserCore,
  requester: Requester,
  request: UiaRequest,
  operation: () => T | Promise<T>,
): Promise<UiaResult<T>> {
  if (request.operation !== OPERATION) throw unrecognized('This is done on the account page of the server')
  if (takeCrossSigningReset(core, requester.deviceId, requester.requestId)) return { done: await operation() }
  const query = new URLSearchParams({ action: 'org.matrix.cross_signing_reset', device_id: requester.deviceId })
  const params = { url: `${core.config.publicUrl}/account?${query}` }
  const session = typeof request.auth?.session === 'string' ? request.auth.session : randomString(SESSION_ID_CHARS)
  return {
    challenge: {
      session,
      // The second name is the one that the stage had before it was released.
      flows: [{ stages: ['m.oauth'] }, { stages: ['org.matrix.cross_signing_reset'] }],
      params: { 'm.oauth': params, 'org.matrix.cross_signing_reset': params },
      completed: [],
    },
  }
}
