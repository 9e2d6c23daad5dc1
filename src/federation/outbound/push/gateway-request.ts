import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { parseStrictJson } from '../../../matrix/strict-json.ts'
import { type Guard, guardedFetch } from '../guarded-fetch.ts'
import { PUSH_MAX_ANSWER_BYTES, PUSH_TIMEOUT_MS } from '../limits.ts'
import { OutboundError, RemoteRefusal } from '../outbound-error.ts'

/**
 * `POST /_matrix/push/v1/notify` (push-gateway-api#post_matrixpushv1notify). Answers the pushkeys that the gateway rejects. Redirects are not followed.
 * @throws OutboundError; RemoteRefusal for any status but 200.
 */
export async function notifyGateway(guard: Guard, url: string, notification: JsonObject): Promise<ReadonlySet<string>> {
  const { status, body } = await guardedFetch(guard, {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ notification }),
    timeoutMs: PUSH_TIMEOUT_MS,
    maxBytes: PUSH_MAX_ANSWER_BYTES,
  })
  if (status !== 200) {
    body.cancel()
    throw new RemoteRefusal(status, undefined, `status ${status}`)
  }
  const parsed = parseStrictJson(await body.text(), { numbers: 'any' })
  if (!parsed.ok || !isJsonObject(parsed.value)) throw new OutboundError('invalid', 'the answer is not a JSON object')
  const { rejected } = parsed.value
  return new Set(Array.isArray(rejected) ? rejected.filter((pushkey) => typeof pushkey === 'string') : [])
}
