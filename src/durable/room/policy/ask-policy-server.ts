import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { OutboundError, RemoteRefusal } from '../../../federation/outbound/outbound-error.ts'
import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { forbidden, limitExceeded, MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { type PolicyServer, withRecommendation } from '../../../matrix/policy-server.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_POLICY_QUESTIONS, POLICY_MAX_ANSWER_BYTES, POLICY_TIMEOUT_MS } from './limits.ts'

/** When who sends too much may try again. */
const BUSY_RETRY_MS = 5_000

/** Questions under way, by room. */
const asking = new WeakMap<RoomCore, number>()

/**
 * Asks a policy server to sign an event; answers the event with its signature (server-server-api#post_matrixpolicyv1sign). The room goes on meanwhile.
 * @throws MatrixError what whoever sends the event is told: the policy server's own words, or that it could not be asked.
 */
export async function askPolicyServer(core: RoomCore, policy: PolicyServer, pdu: JsonObject): Promise<JsonObject> {
  const underWay = asking.get(core) ?? 0
  if (underWay >= MAX_POLICY_QUESTIONS) throw limitExceeded(BUSY_RETRY_MS)
  asking.set(core, underWay + 1)
  try {
    const answer = await outboundOf(core.env).client.json(
      policy.serverName,
      {
        method: 'POST',
        path: '/_matrix/policy/v1/sign',
        canonicalBody: canonicalJson(pdu),
        timeoutMs: POLICY_TIMEOUT_MS,
        maxBytes: POLICY_MAX_ANSWER_BYTES,
      },
      'any',
    )
    const signed = withRecommendation(pdu, core.rules, policy, answer)
    if (signed === undefined) throw forbidden('The policy server of this room has not signed the event')
    return signed
  } catch (cause) {
    throw cause instanceof OutboundError ? refusalOf(cause) : cause
  } finally {
    asking.set(core, (asking.get(core) ?? 1) - 1)
  }
}

/** What the sender is told. The policy server's words, but only those of its error codes that say nothing of the sender's session (SECURITY F20). */
function refusalOf(cause: OutboundError): MatrixError {
  if (!(cause instanceof RemoteRefusal)) return forbidden('The policy server of this room could not be asked')
  const words = cause.words ?? 'The policy server of this room refuses the event'
  if (cause.status === 429) return new MatrixError(429, 'M_LIMIT_EXCEEDED', words, { retry_after_ms: BUSY_RETRY_MS })
  return forbidden(words)
}
